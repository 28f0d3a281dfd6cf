import { VendError } from '../errors.ts';
import type { ClientCredentials } from './client-credentials.ts';
import type { ClientRegistries } from './client-registries.ts';
import { type CompareDigests, matchesDigest } from './client-secret.ts';
import type { OAuthClient, OAuthClients } from './oauth-clients.ts';

/**
 * Returns the client that the credentials are of, or `undefined`.
 *
 * @throws {VendError} `credential_unavailable` or `credential_invalid` if the client's registry cannot be had
 */
export type AuthenticateClient = (credentials: ClientCredentials) => Promise<OAuthClient | undefined>;

/**
 * Returns what authenticates clients. For a client that there is not it does the same work, with the registry of one that
 * there is, and refuses whatever comes of it.
 */
export function createClientAuthentication(dependencies: {
  readonly clients: OAuthClients;
  readonly registries: ClientRegistries;
  readonly compare?: CompareDigests;
}): AuthenticateClient {
  const { clients, registries, compare } = dependencies;
  const [anyone] = clients.values();

  const isRight = async (client: OAuthClient, secret: string): Promise<boolean> => {
    if (matchesDigest(secret, await registries.current(client), compare)) {
      return true;
    }
    const again = await registries.reread(client);
    return again !== undefined && matchesDigest(secret, again, compare);
  };

  return async ({ clientId, secret }) => {
    const client = clients.get(clientId);
    const examined = client ?? anyone;
    if (examined === undefined) {
      return undefined;
    }
    const right = await isRight(examined, secret).catch((error: unknown) => {
      // That one registry is broken is not to tell who is no client from who is another one.
      if (client === undefined && error instanceof VendError && error.code === 'credential_invalid') {
        return false;
      }
      throw error;
    });
    return right && client !== undefined ? client : undefined;
  };
}
