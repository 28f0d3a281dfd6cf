import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import { VendError } from './errors.ts';
import { fieldsOf, textOf } from './fields.ts';

/** One version of a secret. */
export type SecretValue = { readonly text: string; readonly versionId: string };

/**
 * Returns the current version of a secret.
 *
 * @throws {VendError} `credential_unavailable` if another try may help, otherwise `credential_invalid`
 */
export type ReadSecret = (secretId: string) => Promise<SecretValue>;

export type SecretReaderConfig = Pick<SecretsManagerClientConfig, 'credentials' | 'endpoint' | 'region'>;

const ATTEMPTS = 3;
const CONNECTION_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 2_000;
const READ_TIMEOUT_MS = 6_000;

/** What Secrets Manager says that no second try will change, and what a person does about it. */
const FINAL: ReadonlyMap<string, string> = new Map([
  [
    'ResourceNotFoundException',
    'does not exist, or has no value yet. Put the key file into it: aws secretsmanager put-secret-value --secret-id SECRET --secret-string file://sa.json',
  ],
  [
    'AccessDeniedException',
    'may not be read by the function: its role needs secretsmanager:GetSecretValue on it, and kms:Decrypt on its key',
  ],
  [
    'DecryptionFailure',
    'cannot be decrypted: its KMS key is disabled, deleted, or closed to the function’s role',
  ],
  [
    'InvalidRequestException',
    'is marked for deletion. Restore it: aws secretsmanager restore-secret --secret-id SECRET',
  ],
  ['InvalidParameterException', 'has no valid name or ARN'],
  ['ValidationException', 'has no valid name or ARN'],
]);

/** The code of a network error (`ENOTFOUND`) says more than its name, which is that of every error. */
function nameOf(error: unknown): string {
  const name = error instanceof Error ? error.name : 'Error';
  const kind = name === 'Error' ? (textOf(fieldsOf(error).code) ?? name) : name;
  // An answer can name an error as it likes.
  return /^\w{1,64}$/.test(kind) ? kind : 'Error';
}

/** The SDK's errors can hold a whole response, and so the secret: only their name goes further. */
function translate(error: unknown, secretId: string): VendError {
  const name = nameOf(error);
  const final = FINAL.get(name);
  return final === undefined
    ? new VendError(
        'credential_unavailable',
        `The secret ${secretId} cannot be read from Secrets Manager now (${name}). Try again later.`,
      )
    : new VendError('credential_invalid', `The secret ${secretId} ${final} (${name}).`);
}

function decode(binary: Uint8Array, secretId: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(binary);
  } catch {
    throw new VendError(
      'credential_invalid',
      `The secret ${secretId} cannot be used: its field SecretBinary is not UTF-8 text; store the key file as it is.`,
    );
  }
}

/**
 * Returns a reader of Secrets Manager. `AWSCURRENT` is asked for by name, so that a version which a rotation has only
 * staged is never read.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export function createSecretReader(config: SecretReaderConfig = {}): ReadSecret {
  const client = new SecretsManagerClient({
    ...config,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });

  return async (secretId) => {
    const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: 'AWSCURRENT' });
    const value = await client
      .send(command, { abortSignal: AbortSignal.timeout(READ_TIMEOUT_MS) })
      .catch((error: unknown) => Promise.reject(translate(error, secretId)));
    const text = value.SecretBinary === undefined ? value.SecretString : decode(value.SecretBinary, secretId);
    return { text: text ?? '', versionId: value.VersionId ?? '' };
  };
}
