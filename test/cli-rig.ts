import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';
import type { StartOptions } from '../local/start-options.ts';
import { type Ended, type Running, startScript } from './child-command.ts';

type Environment = Readonly<Record<string, string>>;

/** A vendor with its stand-ins, and the command line before it. */
export type CliRig = {
  readonly vendor: LocalVendor;
  /** Returns a new folder, which is gone at the end. */
  readonly folder: () => string;
  /** Starts `gcp-token` with the vendor's address and a home of its own. */
  readonly start: (args: readonly string[], more?: Environment) => Running;
  readonly run: (args: readonly string[], more?: Environment) => Promise<Ended>;
  readonly close: () => Promise<void>;
};

/** The audience that the stand-in for Google expects at its function, and the profile `default` allows. */
export const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
export const PRINCIPAL = 'vendor@example-project.iam.gserviceaccount.com';
export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';

/** Starts it, without a word. */
export async function openCli(options: Partial<StartOptions> = {}): Promise<CliRig> {
  const home = mkdtempSync(join(tmpdir(), 'cli-rig-'));
  const vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: 'infra/profiles.json',
      credential: { kind: 'stand-in' },
      requireSignature: false,
      ...options,
    },
    { audit: { record: () => {}, warn: () => {} }, log: () => {} },
  );
  const start: CliRig['start'] = (args, more = {}) =>
    startScript('gcp-token', args, {
      HOME: home,
      NODE_COMPILE_CACHE: join(home, 'compiled'),
      GCP_TOKEN_URL: vendor.url,
      ...more,
    });
  return {
    vendor,
    folder: () => mkdtempSync(join(home, 'folder-')),
    start,
    run: async (args, more) => await start(args, more).ended,
    close: async () => {
      await vendor.close();
      rmSync(home, { recursive: true });
    },
  };
}
