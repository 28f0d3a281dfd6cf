import type { AccessTokens } from './access-tokens.ts';
import type { IdTokens } from './id-tokens.ts';
import { Refusal } from './refusal.ts';
import type { TokenGrant } from './token-endpoint.ts';
import type { RefreshTokenRecord, Users } from './users.ts';

export type RefreshTokenContext = {
  readonly users: Users;
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
};

function checkClient(form: URLSearchParams, users: Users): string {
  const clientId = form.get('client_id');
  if (!clientId) {
    throw new Refusal('clientMissing');
  }
  const secret = users.clientSecret(clientId);
  if (secret === undefined) {
    throw new Refusal('clientUnknown');
  }
  if (form.get('client_secret') !== secret) {
    throw new Refusal('clientSecretWrong');
  }
  return clientId;
}

function findRefreshToken(form: URLSearchParams, users: Users): RefreshTokenRecord {
  const refreshToken = form.get('refresh_token');
  if (!refreshToken) {
    throw new Refusal('refreshTokenMissing');
  }
  const record = users.find(refreshToken);
  if (record === undefined) {
    throw new Refusal('refreshTokenUnknown');
  }
  if (record.isRevoked) {
    throw new Refusal('refreshTokenRevoked');
  }
  return record;
}

function chooseScopes(form: URLSearchParams, granted: readonly string[]): readonly string[] {
  const asked = form.get('scope')?.trim() ?? '';
  if (asked === '') {
    return granted;
  }
  const scopes = [...new Set(asked.split(/\s+/))];
  if (!scopes.every((scope) => granted.includes(scope))) {
    throw new Refusal('scopeNotGranted');
  }
  return scopes;
}

/**
 * Returns the grant by which a user's refresh token becomes an access token and, if `openid` is among its scopes, an ID
 * token. That one is for the OAuth client, whatever audience the request names.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
 */
export function createRefreshTokenGrant({ users, accessTokens, idTokens }: RefreshTokenContext): TokenGrant {
  return {
    type: 'refresh_token',
    describe: (form) => ({
      issuer: form.get('client_id') ?? undefined,
      subject: undefined,
      keyId: undefined,
      scope: form.get('scope') ?? undefined,
      targetAudience: form.get('target_audience') ?? undefined,
    }),
    answer: async (form) => {
      const clientId = checkClient(form, users);
      const { email, uniqueId, scopes: granted } = findRefreshToken(form, users);
      const scopes = chooseScopes(form, granted);
      const holder = { email, uniqueId, authorizedParty: clientId };
      const idToken = scopes.includes('openid') ? { id_token: await idTokens.issue(holder, clientId) } : {};
      return {
        access_token: accessTokens.issue({ principal: { kind: 'user', email, clientId }, scopes }),
        expires_in: accessTokens.lifetimeSeconds,
        scope: scopes.join(' '),
        token_type: 'Bearer',
        ...idToken,
      };
    },
  };
}
