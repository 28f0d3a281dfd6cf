import { verify } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { AccessTokenRecord, AccessTokens } from './access-tokens.ts';
import type { AccountKey } from './account-key.ts';
import { type DecodedAssertion, decodeAssertion, isInWindow } from './assertion.ts';
import type { AccountRecord, ServiceAccounts } from './service-accounts.ts';
import { isKnownScope } from './wanted-token.ts';

/** What a token without scopes may do at the one service that it is made out to. */
const EVERYTHING = ['https://www.googleapis.com/auth/cloud-platform'] as const;

export type SelfSignedContext = {
  /** The service that the token is shown to: `compute.googleapis.com`. */
  readonly service: string;
  readonly accounts: ServiceAccounts;
  readonly now: () => number;
};

type Signer = { readonly key: AccountKey; readonly account: AccountRecord };

/** It is the account itself that speaks, by a key that the header has to name. */
function findSigner({ header, claims }: DecodedAssertion, accounts: ServiceAccounts): Signer | undefined {
  const account = accounts.find(claims.iss);
  const found = typeof header.kid === 'string' ? accounts.findKey(header.kid) : undefined;
  return account !== undefined && found?.owner === account && claims.sub === account.email
    ? { key: found.key, account }
    : undefined;
}

function isSignedBy({ publicKey }: AccountKey, token: string): boolean {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  return verify('sha256', Buffer.from(token.slice(0, end)), publicKey, signature);
}

/** Either it is made out to the service, or it names scopes; Google's libraries never send both. */
function readScopes({ aud, scope }: JWTPayload, service: string): readonly string[] | undefined {
  if (scope === undefined) {
    return aud === `https://${service}/` ? EVERYTHING : undefined;
  }
  const scopes = typeof scope === 'string' && aud === undefined ? scope.split(' ') : [''];
  return scopes.every(isKnownScope) ? scopes : undefined;
}

function readSelfSigned(
  token: string,
  { service, accounts, now }: SelfSignedContext,
): AccessTokenRecord | undefined {
  const decoded = decodeAssertion(token);
  if (decoded?.header.alg !== 'RS256') {
    return undefined;
  }
  const { claims } = decoded;
  const signer = findSigner(decoded, accounts);
  const scopes = readScopes(claims, service);
  const expiresAtMs = Number(claims.exp) * 1000;
  const isGood = isInWindow(claims, now() / 1000) && expiresAtMs > now();
  if (signer === undefined || scopes === undefined || !isGood || !isSignedBy(signer.key, token)) {
    return undefined;
  }
  const { email, uniqueId: clientId } = signer.account;
  return { principal: { kind: 'serviceAccount', email, clientId }, scopes, expiresAtMs };
}

/**
 * Returns the same access tokens, and besides them the JWTs that service accounts sign for themselves: Google's APIs take
 * these in a token's place, with no exchange, for as long as the JWT lives and its key is alive.
 *
 * @see https://google.aip.dev/auth/4111
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#jwt-auth
 */
export function acceptSelfSigned(accessTokens: AccessTokens, context: SelfSignedContext): AccessTokens {
  const { find, findBounded } = accessTokens;
  return {
    ...accessTokens,
    find: (token) => find(token) ?? readSelfSigned(token, context),
    findBounded: (token) => findBounded(token) ?? readSelfSigned(token, context),
  };
}
