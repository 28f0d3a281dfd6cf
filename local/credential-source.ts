import { readFile } from 'node:fs/promises';
import { UsageError } from '../infra/usage-error.ts';
import { createSecretReader, type ReadSecret } from '../lambda/aws/secrets-manager.ts';
import { openTokenSource } from '../lambda/credentials/token-source.ts';
import { VendError } from '../lambda/errors.ts';
import { createClock } from '../lambda/google/clock.ts';
import type { Profiles } from '../lambda/policy/profiles.ts';
import { startSecretsManager } from './aws/secrets-manager.ts';
import type { Google } from './google/server.ts';
import { demandLogin, machineAws } from './machine-aws.ts';
import { needsAws } from './needs-aws.ts';
import { REGION } from './place.ts';
import type { Servers } from './servers.ts';
import { startStandInGoogle } from './stand-in-google.ts';
import type { StartOptions } from './start-options.ts';

/** A secret with the credential in it, and the way to read it. */
export type CredentialSource = {
  readonly secretId: string;
  readonly readSecret: ReadSecret;
  /** The stand-in that accepts the credential, if it is not the real Google. */
  readonly google: Google | undefined;
};

const SECRET_NAME = 'gcp-token-vendor/credential';

/** A document is opened as the function would open it, so that a bad one is found before anything listens. */
async function demandUsable(text: string, holder: string): Promise<void> {
  const exchange = () => Promise.reject(new Error('nothing is exchanged while a document is checked'));
  try {
    await openTokenSource(text, holder, {
      exchange,
      clock: createClock(),
      post: exchange,
      aws: machineAws(),
      connectAhead: () => {},
      allowsStandIns: true,
      step: (_, work) => work(),
    });
  } catch (cause) {
    throw cause instanceof VendError ? new UsageError(cause.message, { cause }) : cause;
  }
}

/** The Secrets Manager that the document is read from is a stand-in, but the client that reads it is the real one. */
async function putIntoSecret(document: string, servers: Servers): Promise<Omit<CredentialSource, 'google'>> {
  const secretsManager = await servers.start(2, (port) => startSecretsManager({ port, region: REGION }));
  const secretId = secretsManager.createSecret(SECRET_NAME, { string: document });
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const readSecret = createSecretReader({ endpoint: secretsManager.url, region: REGION, credentials });
  return { secretId, readSecret };
}

async function standIn(servers: Servers, profiles: Profiles): Promise<CredentialSource> {
  const google = await servers.start(1, (port) => startStandInGoogle(port, profiles));
  return { ...(await putIntoSecret(JSON.stringify(google.key, null, 2), servers)), google };
}

/**
 * Returns the text of a credential document in a file.
 *
 * @throws {UsageError} if it cannot be read
 */
export async function readCredentialFile(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(
      `The file ${file} cannot be read; give the path of a credential document, such as a service-account key file.`,
      { cause },
    );
  });
}

/** @throws {UsageError} if the document in a file needs AWS, which this machine's user is not logged in to */
export async function demandLoginFor(text: string, file: string): Promise<void> {
  if (needsAws(text)) {
    await demandLogin({ what: `The credential document in ${file}` });
  }
}

async function keyFile(file: string): Promise<CredentialSource> {
  const text = await readCredentialFile(file);
  await demandUsable(text, `file ${file}`);
  await demandLoginFor(text, file);
  // In memory, and behind no port: whatever listens could be asked by any program on this machine.
  return { secretId: file, readSecret: async () => ({ text, versionId: 'file' }), google: undefined };
}

/**
 * Returns a reader of the real Secrets Manager, with the AWS credentials of this machine's user.
 *
 * @throws {UsageError} if there are none
 */
export async function openMachineSecretReader(): Promise<ReadSecret> {
  const { aws } = await demandLogin({ what: '--secret' });
  return createSecretReader({ region: aws.region, credentials: aws.credentials });
}

function advice({ code }: VendError): string {
  return code === 'credential_unavailable'
    ? ' Your own AWS region and credentials are used: check AWS_REGION, and `aws sts get-caller-identity`.'
    : '';
}

async function realSecret(secretId: string): Promise<CredentialSource> {
  const readSecret = await openMachineSecretReader();
  try {
    const { text } = await readSecret(secretId);
    await demandUsable(text, `secret ${secretId}`);
  } catch (cause) {
    throw cause instanceof VendError
      ? new UsageError(`--secret: ${cause.message}${advice(cause)}`, { cause })
      : cause;
  }
  return { secretId, readSecret, google: undefined };
}

/**
 * Returns the credential that the user chose, checked. The stand-ins know what `profiles` name.
 *
 * @throws {UsageError} for a file or a secret that holds no usable credential
 */
export async function openCredentialSource(
  { credential }: Pick<StartOptions, 'credential'>,
  servers: Servers,
  profiles: Profiles,
): Promise<CredentialSource> {
  switch (credential.kind) {
    case 'stand-in':
      return await standIn(servers, profiles);
    case 'key':
      return await keyFile(credential.file);
    case 'secret':
      return await realSecret(credential.name);
    default:
      return credential satisfies never;
  }
}
