import { IdTokenClient, OAuth2Client } from 'google-auth-library';
import { withBothHeaders } from './google-auth-headers.ts';
import type { AccessTokenQuery, TokenClient } from './token-client.ts';

export type AuthClientOptions = AccessTokenQuery & {
  /**
   * The project of the libraries that ask their credential for one.
   * @default - that of the service account, once the first token has told it
   */
  readonly projectId?: string | undefined;
  /** The project that is billed and whose quota is used, if it is not the service account's own. */
  readonly quotaProjectId?: string | undefined;
  /** @default googleapis.com */
  readonly universeDomain?: string | undefined;
  /**
   * The google-auth-library to build on.
   * @default - the one that is installed
   */
  readonly library?: GoogleAuthLibrary;
};

/** What of google-auth-library is built on; its versions 9, 10 and 11 have it. */
export type GoogleAuthLibrary = {
  readonly OAuth2Client: typeof OAuth2Client;
  readonly IdTokenClient: typeof IdTokenClient;
};

export type IdTokenClientOptions = Pick<AuthClientOptions, 'library'>;

const INSTALLED: GoogleAuthLibrary = { OAuth2Client, IdTokenClient };
const ACCOUNT = /@([a-z][a-z0-9-]{4,28}[a-z0-9])\.iam\.gserviceaccount\.com$/;

/** A service account's address names its project, as a key file does; that of Google's own accounts does not. */
function projectOf(principal: string | undefined): string | undefined {
  return ACCOUNT.exec(principal ?? '')?.[1];
}

/**
 * Returns an auth client for the Google Cloud libraries of Node.js: `new Storage({ authClient: createAuthClient(client) })`. Its
 * tokens are the client's, for `scopes` or for all that the profile has; the scopes that a library would like are not asked
 * for. A `GoogleAuth` with it has ID tokens too (`getIdTokenClient`).
 *
 * The libraries have different versions of google-auth-library inside, whose types do not go together although their objects do;
 * so the type is the one that the place demands.
 *
 * @see https://cloud.google.com/nodejs/docs/reference/google-auth-library/latest
 */
export function createAuthClient<Client = OAuth2Client>(
  client: TokenClient,
  options: AuthClientOptions = {},
): Client {
  const { projectId, quotaProjectId, universeDomain, library = INSTALLED, ...query } = options;
  const authClient = new library.OAuth2Client({
    ...(projectId !== undefined && { projectId }),
    ...(quotaProjectId !== undefined && { quotaProjectId }),
    ...(universeDomain !== undefined && { universeDomain }),
    // Who is refused asks for a token once more.
    forceRefreshOnFailure: true,
  });
  authClient.refreshHandler = async () => {
    const { token, expiresAtMs, principal } = await client.accessToken(query);
    authClient.projectId ??= projectOf(principal) ?? null;
    return { access_token: token, expiry_date: expiresAtMs };
  };
  Object.assign(authClient, {
    fetchIdToken: async (audience: string) => (await client.idToken({ audience })).token,
  });
  return withBothHeaders(authClient) as Client;
}

/**
 * Returns a client whose requests carry an ID token for `audience`, as `getIdTokenClient(audience)` of google-auth-library does:
 * for private Cloud Functions and Cloud Run services, and behind IAP. `fetchIdToken()` gives the bare token.
 *
 * @see https://cloud.google.com/docs/authentication/get-id-token
 */
export function createIdTokenClient<Client = IdTokenClient & { fetchIdToken: () => Promise<string> }>(
  client: TokenClient,
  audience: string,
  { library = INSTALLED }: IdTokenClientOptions = {},
): Client {
  const fetchIdToken = async (wanted = audience) => (await client.idToken({ audience: wanted })).token;
  const idTokenProvider = { fetchIdToken };
  const idTokenClient = new library.IdTokenClient({ targetAudience: audience, idTokenProvider });
  return withBothHeaders(Object.assign(idTokenClient, { fetchIdToken: () => fetchIdToken() })) as Client;
}
