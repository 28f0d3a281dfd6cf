import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTerminalAudit } from '../local/audit-line.ts';
import type { Google } from '../local/google/server.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';

/** What runs on this machine for an example, all of it on loopback. */
export type Here = {
  /** A vendor with the profiles of the example's folder. */
  readonly vendor: LocalVendor;
  readonly google: Google;
  /** The example's folder. */
  readonly folder: string;
  /** An empty one, which is removed at the end. */
  readonly temporary: string;
  /** Every token that the vendor has given out. */
  readonly tokens: readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts a vendor and the stand-ins for an example. What the vendor has to say goes to `log`. */
export async function startHere(name: string, log: (line: string) => void): Promise<Here> {
  const folder = join(import.meta.dirname, name);
  const temporary = await mkdtemp(join(tmpdir(), 'gcp-token-example-'));
  const tokens: string[] = [];
  const { record, ...audit } = createTerminalAudit(log);
  const vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: join(folder, 'profiles.json'),
      credential: { kind: 'stand-in' },
      requireSignature: false,
      oauth: true,
    },
    {
      audit: {
        ...audit,
        record: (visit) => {
          tokens.push(...('vended' in visit ? [visit.vended.token.value] : []));
          record(visit);
        },
      },
      log,
    },
  );
  const { google } = vendor;
  if (google === undefined) {
    throw new Error('the vendor of an example has a stand-in for Google');
  }
  return {
    vendor,
    google,
    folder,
    temporary,
    tokens,
    close: async () => {
      await Promise.all([vendor.close(), rm(temporary, { recursive: true })]);
    },
  };
}
