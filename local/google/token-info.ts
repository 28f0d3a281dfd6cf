import type { AccessTokenRecord, AccessTokens } from './access-tokens.ts';
import type { IdTokenClaims, IdTokens } from './id-tokens.ts';
import { bearerToken, type GoogleRequest, type Route } from './route.ts';

export type TokenInfoContext = {
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
  readonly now: () => number;
};

/** Google answers numbers as strings here. */
function describeAccessToken(record: AccessTokenRecord, nowMs: number): object | undefined {
  const { principal } = record;
  // A federated principal has no e-mail, and the endpoint does not know its tokens.
  if (principal.kind === 'federated') {
    return undefined;
  }
  return {
    azp: principal.clientId,
    aud: principal.clientId,
    scope: record.scopes.join(' '),
    exp: String(Math.floor(record.expiresAtMs / 1000)),
    expires_in: String(Math.floor((record.expiresAtMs - nowMs) / 1000)),
    email: principal.email,
    email_verified: 'true',
    access_type: 'online',
  };
}

function describeIdToken(claims: IdTokenClaims): object {
  return {
    iss: 'https://accounts.google.com',
    aud: claims.audience,
    azp: claims.email,
    sub: claims.uniqueId,
    email: claims.email,
    email_verified: 'true',
    exp: String(claims.expiresAtSeconds),
    alg: 'RS256',
    typ: 'JWT',
  };
}

function parameter(request: GoogleRequest, name: string): string | undefined {
  return request.query.get(name) ?? new URLSearchParams(request.body).get(name) ?? undefined;
}

/** Returns the routes at which anyone may ask what an access token or an ID token stands for. */
export function createTokenInfoRoutes({ accessTokens, idTokens, now }: TokenInfoContext): readonly Route[] {
  const describe = async (request: GoogleRequest): Promise<object | undefined> => {
    const idToken = parameter(request, 'id_token');
    if (idToken !== undefined) {
      const claims = await idTokens.verify(idToken);
      return claims && describeIdToken(claims);
    }
    const record = accessTokens.find(parameter(request, 'access_token') ?? bearerToken(request) ?? '');
    return record && describeAccessToken(record, now());
  };
  const handle: Route['handle'] = async (request) => {
    const body = await describe(request);
    return body === undefined
      ? { status: 400, body: { error: 'invalid_token', error_description: 'Invalid Value' } }
      : { status: 200, body };
  };

  return (['GET', 'POST'] as const).flatMap((method) =>
    ['/tokeninfo', '/oauth2/v3/tokeninfo'].map((path) => ({ method, path, handle })),
  );
}
