import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import { VendError } from '../errors.ts';
import { AWS_CLIENT_LIMITS, AWS_TIMEOUT_MS } from './aws-client-limits.ts';

/** One version of a secret. */
export type SecretValue = { readonly text: string; readonly versionId: string };

/**
 * Returns the current version of a secret.
 *
 * @throws {VendError} `credential_unavailable` if another try may help, otherwise `credential_invalid`
 */
export type ReadSecret = (secretId: string) => Promise<SecretValue>;

export type SecretReaderConfig = Pick<SecretsManagerClientConfig, 'credentials' | 'endpoint' | 'region'>;

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
  const client = new SecretsManagerClient({ ...config, ...AWS_CLIENT_LIMITS });

  return async (secretId) => {
    const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: 'AWSCURRENT' });
    const value = await client
      .send(command, { abortSignal: AbortSignal.timeout(AWS_TIMEOUT_MS) })
      .catch(async (error: unknown) => {
        const { translateSecretError } = await import('./secret-failure.ts');
        throw translateSecretError(error, secretId);
      });
    const text = value.SecretBinary === undefined ? value.SecretString : decode(value.SecretBinary, secretId);
    return { text: text ?? '', versionId: value.VersionId ?? '' };
  };
}
