import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fingerprintOf } from '../../lambda/token-fingerprint.ts';
import type { LocalCredential } from '../../local/aws/sigv4.ts';
import { createCertificate } from '../../local/google/certificate.ts';
import { createRsaKey } from '../../local/google/rsa-key.ts';
import { type LocalVendor, startLocalVendor } from '../../local/local-vendor.ts';
import { FUNCTION_NAME, REGION } from '../../local/place.ts';
import { DEFAULT_PROFILES_FILE } from '../../local/start-options.ts';
import { runCommand } from './run-command.ts';
import { startWitness, type Witness } from './witness.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Runs a command for a client, in a folder that is nobody's home. @throws {Error} if it fails */
export type Run = (
  command: readonly string[],
  environment?: Readonly<Record<string, string>>,
) => Promise<string>;

/** What a client finds: the whole vendor, which demands signed requests, and Google, both on this machine. */
export type Stage = {
  /** Where the client works, and its home. */
  readonly folder: string;
  readonly vendor: {
    readonly url: string;
    readonly functionName: string;
    readonly region: string;
    readonly credential: LocalCredential;
    /** Whether it vended this very token. */
    readonly hasVended: (token: string) => boolean;
  };
  /** As clients reach it: by the witness. */
  readonly google: Pick<Witness, 'url' | 'tlsUrl' | 'take'> & {
    /** PEM, by which the certificate of `tlsUrl` is known. */
    readonly caFile: string;
    readonly functionUrl: string;
    readonly functionAudience: string;
  };
  /** Runs a command as it is. */
  readonly run: Run;
  /** Runs a command by `gcp-token exec`. */
  readonly exec: Run;
  readonly close: () => Promise<void>;
};

/** What AWS's clients need, and nothing of whoever runs this. */
function environmentOf(folder: string, { accessKeyId, secretAccessKey }: LocalCredential) {
  return {
    PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    HOME: folder,
    LANG: 'C.UTF-8',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    NO_PROXY: '*',
  };
}

async function startVendor(vended: Set<string>): Promise<LocalVendor> {
  return await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: join(ROOT, DEFAULT_PROFILES_FILE),
      credential: { kind: 'stand-in' },
      requireSignature: true,
    },
    {
      audit: {
        record: (visit) => {
          if ('vended' in visit) {
            vended.add(fingerprintOf(visit.vended.token));
          }
        },
        warn: () => {},
      },
      log: () => {},
    },
  );
}

async function createIdentity(folder: string) {
  const key = await createRsaKey();
  const cert = createCertificate(key, { commonName: 'google', nowMs: Date.now(), hosts: ['127.0.0.1'] });
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, cert);
  return { caFile, tls: { cert, key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() } };
}

/** Starts it all; close it when the last client is done. */
export async function openStage(): Promise<Stage> {
  const vended = new Set<string>();
  const folder = await mkdtemp(join(tmpdir(), 'gcp-token-clients-'));
  const vendor = await startVendor(vended);
  const { google, url, credential } = vendor;
  if (google === undefined) {
    throw new Error('the local vendor has no stand-in for Google');
  }
  const { caFile, tls } = await createIdentity(folder);
  const witness = await startWitness(google.url, tls);
  const environment = environmentOf(folder, credential);
  const gcpToken = [process.execPath, join(ROOT, 'client/cli/main.ts'), '--url', url];

  const run: Run = (command, more = {}) =>
    runCommand(command, { folder, environment: { ...environment, ...more } });

  return {
    folder,
    vendor: {
      url,
      functionName: FUNCTION_NAME,
      region: REGION,
      credential,
      hasVended: (token) => vended.has(fingerprintOf({ value: token, expiresAtMs: 0 })),
    },
    google: {
      ...witness,
      caFile,
      functionUrl: google.functionUrl.replace(google.url, witness.url),
      functionAudience: google.functionAudience,
    },
    run,
    exec: (command, more) => run([...gcpToken, 'exec', '--', ...command], more),
    close: async () => {
      await Promise.all([witness.close(), vendor.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
