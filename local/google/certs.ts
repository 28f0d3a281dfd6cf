import type { IdTokens } from './id-tokens.ts';
import type { Route } from './route.ts';
import type { ServiceAccounts } from './service-accounts.ts';

/** Receivers of ID tokens keep the keys for as long as Google says. */
const CACHED = { 'cache-control': 'public, max-age=3600, must-revalidate, no-transform' } as const;

export type CertsContext = {
  readonly idTokens: IdTokens;
  readonly accounts: ServiceAccounts;
  readonly origin: () => string;
};

function openIdConfiguration(origin: string): object {
  return {
    issuer: 'https://accounts.google.com',
    authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'iat', 'iss', 'sub'],
    grant_types_supported: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
  };
}

/**
 * Returns the routes at which the public keys are found: Google's as JWK (v3) and as X.509 certificates (v1), a service
 * account's as X.509, and the discovery document that names them.
 *
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
 */
export function createCertsRoutes({ idTokens, accounts, origin }: CertsContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/.well-known/openid-configuration',
      handle: () => ({ status: 200, headers: CACHED, body: openIdConfiguration(origin()) }),
    },
    {
      method: 'GET',
      path: '/oauth2/v3/certs',
      handle: async () => ({ status: 200, headers: CACHED, body: await idTokens.jwks() }),
    },
    {
      method: 'GET',
      path: '/oauth2/v1/certs',
      handle: async () => ({ status: 200, headers: CACHED, body: await idTokens.certificates() }),
    },
    {
      method: 'GET',
      path: '/robot/v1/metadata/x509/{email}',
      handle: ({ params }) => {
        const certificates = accounts.certificates(params.email ?? '');
        return certificates === undefined
          ? { status: 404, body: { error: 'not_found' } }
          : { status: 200, headers: CACHED, body: certificates };
      },
    },
  ];
}
