import { fieldsOf, textOf } from '../fields.ts';
import { VALID_SECRETS } from './client-secret.ts';

/** The digest of a secret that is good now, and the version of the client's secret that it is of. */
export type RegisteredSecret = { readonly sha256: string; readonly version: string };

/** What the registry of a client holds: no secret, but what tells whether one is right. */
export type RegistryDocument = {
  readonly client_id: string;
  readonly secrets: readonly RegisteredSecret[];
};

const DIGEST = /^[0-9a-f]{64}$/;

function parseSecret(value: unknown): RegisteredSecret {
  const { sha256, version } = fieldsOf(value);
  if (typeof sha256 !== 'string' || !DIGEST.test(sha256)) {
    throw new Error('a digest is missing');
  }
  return { sha256, version: textOf(version) ?? '' };
}

/**
 * Returns the registry of the client `clientId` from its text.
 *
 * @throws {Error} if it is another client's, has more secrets than may be good at one time, or is no registry; nothing of
 * the text is in its message
 */
export function parseRegistry(text: string, clientId: string): RegistryDocument {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('The registry of a client is not JSON.');
  }
  const { client_id, secrets } = fieldsOf(document);
  if (client_id !== clientId || !Array.isArray(secrets) || secrets.length > VALID_SECRETS) {
    throw new Error('The registry of a client is not as it is written at its registration.');
  }
  return { client_id: clientId, secrets: secrets.map(parseSecret) };
}
