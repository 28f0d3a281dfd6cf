import { createAccessTokens } from './access-tokens.ts';
import { createCertsRoutes } from './certs.ts';
import { createCloudFunctionRoutes } from './cloud-function.ts';
import { createComputeRoutes } from './compute.ts';
import { createExchanges, type Exchange, type Interference } from './exchanges.ts';
import { impersonationUrl } from './external-account.ts';
import { serve, type TlsIdentity } from './http-server.ts';
import { createIamCredentialsRoutes } from './iam-credentials.ts';
import { createIdTokens } from './id-tokens.ts';
import { createJwtBearerGrant } from './jwt-bearer-grant.ts';
import { createRefreshTokenGrant } from './refresh-token-grant.ts';
import { acceptSelfSigned } from './self-signed-tokens.ts';
import {
  createServiceAccounts,
  type ServiceAccount,
  type ServiceAccountOptions,
} from './service-accounts.ts';
import { createStorageRoutes } from './storage.ts';
import { createStsRoutes } from './sts.ts';
import { createTokenEndpoint, TOKEN_PATHS } from './token-endpoint.ts';
import { createTokenInfoRoutes } from './token-info.ts';
import { createUsers, type User, type UserOptions } from './users.ts';
import { createWorkloadPools, type Pool, type PoolOptions } from './workload-pools.ts';

/** Google's libraries for Python and Node, and so gcloud, make every assertion out to the first, whatever the key file says. */
const GOOGLE_TOKEN_URIS = [
  'https://oauth2.googleapis.com/token',
  'https://www.googleapis.com/oauth2/v4/token',
  'https://accounts.google.com/o/oauth2/token',
] as const;

/** The audience that the private function demands, unless told otherwise. */
export const FUNCTION_AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';

export type GoogleOptions = {
  /** @default any that is free */
  readonly port?: number;
  /**
   * The stand-in's clock, in milliseconds since the epoch: what it judges by, and what its `Date` headers say.
   * @default the system's
   */
  readonly now?: () => number;
  /** @default none: plain HTTP */
  readonly tls?: TlsIdentity;
  /** @default 3599 */
  readonly accessTokenSeconds?: number;
  /** @default 3600 */
  readonly idTokenSeconds?: number;
  /** @default {@link FUNCTION_AUDIENCE} */
  readonly functionAudience?: string;
};

/** A running stand-in for Google. */
export type Google = {
  /** Its origin, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The token endpoint, as the key files name it. */
  readonly tokenUri: string;
  readonly functionUrl: string;
  readonly functionAudience: string;
  readonly createServiceAccount: (options?: ServiceAccountOptions) => ServiceAccount;
  /** Returns a person who has signed in, and the `authorized_user` document of that. */
  readonly createUser: (options?: UserOptions) => User;
  /** Returns a workload identity pool, whose providers STS knows from when they are made. */
  readonly createPool: (options?: PoolOptions) => Pool;
  /** STS, as `external_account` documents name it in `token_url`. */
  readonly stsUrl: string;
  /** Returns a service account's `service_account_impersonation_url`. */
  readonly impersonationUrl: (email: string) => string;
  /**
   * Makes the token endpoint go by `origin` too, besides its own and Google's, for assertions made out to it under
   * another name, as that of a proxy in front of it.
   */
  readonly alsoKnownAs: (origin: string) => void;
  /** Every request to the token endpoint, STS and IAM Credentials so far, oldest first; `path` tells them apart. */
  readonly exchanges: readonly Exchange[];
  /** Lets `interference` answer in Google's place, until another one or `undefined` is set. */
  readonly interfere: (interference: Interference | undefined) => void;
  readonly close: () => Promise<void>;
};

/**
 * Returns a strict stand-in for Google on loopback: it refuses what Google refuses, in Google's words and order, and
 * what it issues is honoured by the two services beside it and by Google's own client libraries.
 *
 * @throws {Error} `EADDRINUSE` for a port that is taken
 */
export async function startGoogle(options: GoogleOptions = {}): Promise<Google> {
  const { port = 0, now = Date.now, tls, functionAudience = FUNCTION_AUDIENCE } = options;
  const origin = () => server.origin;
  const audiences = new Set<string>(GOOGLE_TOKEN_URIS);
  const alsoKnownAs = (name: string) => {
    for (const path of TOKEN_PATHS) {
      audiences.add(name + path);
    }
  };
  let interference: Interference | undefined;

  const accounts = createServiceAccounts({ origin, now });
  const accessTokens = createAccessTokens({ now, lifetimeSeconds: options.accessTokenSeconds ?? 3599 });
  const idTokens = createIdTokens({ now, lifetimeSeconds: options.idTokenSeconds ?? 3600 });
  const exchanges = createExchanges();
  const jwtBearer = createJwtBearerGrant({
    accounts,
    audiences,
    now,
    accessTokens,
    idTokens,
  });
  const users = createUsers();
  const refreshToken = createRefreshTokenGrant({ users, accessTokens, idTokens });
  const pools = createWorkloadPools({ origin, now });
  const tokensAt = (service: string) => acceptSelfSigned(accessTokens, { service, accounts, now });
  const observer = { exchanges, interference: () => interference };
  const routes = () => [
    ...createTokenEndpoint({ grants: [jwtBearer, refreshToken], ...observer }),
    ...createStsRoutes({ pools, accessTokens, now, ...observer }),
    ...createIamCredentialsRoutes({
      accounts,
      accessTokens: tokensAt('iamcredentials.googleapis.com'),
      idTokens,
      now,
      ...observer,
    }),
    ...createCertsRoutes({ idTokens, accounts, origin }),
    ...createTokenInfoRoutes({ accessTokens: tokensAt('oauth2.googleapis.com'), idTokens, now }),
    ...createCloudFunctionRoutes({ idTokens, audience: functionAudience }),
    ...createComputeRoutes(tokensAt('compute.googleapis.com')),
    ...createStorageRoutes(tokensAt('storage.googleapis.com'), origin),
  ];
  const server = await serve({ routes, port, now, tls });
  alsoKnownAs(server.origin);

  return {
    url: server.origin,
    tokenUri: `${server.origin}/token`,
    functionUrl: `${server.origin}/functions/hello`,
    functionAudience,
    createServiceAccount: accounts.create,
    createUser: users.create,
    createPool: pools.create,
    stsUrl: `${server.origin}/v1/token`,
    impersonationUrl: (email) => impersonationUrl(server.origin, email),
    alsoKnownAs,
    exchanges: exchanges.list,
    interfere: (next) => {
      interference = next;
    },
    close: server.close,
  };
}
