import { Refusal } from './refusal.ts';

/** What an assertion asks for. */
export type WantedToken =
  | { readonly kind: 'access_token'; readonly scopes: readonly string[] }
  | { readonly kind: 'id_token'; readonly audience: string };

const OPENID_SCOPES: ReadonlySet<string> = new Set(['openid', 'email', 'profile']);
const AUTH_SCOPE = /^https:\/\/www\.googleapis\.com\/auth\/[a-z][\w.-]*(?:\/[\w.-]+)?$/;
/** The scopes of older APIs: `https://mail.google.com/`, `https://www.google.com/m8/feeds` and their like. */
const OLD_SCOPE = /^https:\/\/[a-z-]+\.google\.com\/[\w./-]*$/;
/** What Google takes for the audience of an ID token when it stands where a scope should: a URL, an OAuth client id. */
const AUDIENCE_LIKE = /^https?:\/\/\S|\.apps\.googleusercontent\.com$/;

/** Returns whether Google would take `scope` for the name of one. */
export function isKnownScope(scope: string): boolean {
  return OPENID_SCOPES.has(scope) || AUTH_SCOPE.test(scope) || OLD_SCOPE.test(scope);
}

function readText(claim: unknown): string {
  if (claim !== undefined && typeof claim !== 'string') {
    throw new Refusal('scope');
  }
  return claim?.trim() ?? '';
}

/**
 * Returns what the claims `scope` and `target_audience` ask Google for.
 *
 * Google does not refuse every muddle: both claims at once, or a scope it does not know that could be an audience, get
 * an ID token and no access token, with status 200. That trap is kept here.
 *
 * @throws {Refusal} `scope` for an empty or impossible one
 */
export function readWantedToken(claims: Readonly<Record<string, unknown>>): WantedToken {
  const audience = readText(claims.target_audience);
  const scope = readText(claims.scope);
  if (audience !== '') {
    return { kind: 'id_token', audience };
  }
  const scopes = [...new Set(scope.split(/\s+/))];
  if (scopes.every(isKnownScope)) {
    return { kind: 'access_token', scopes };
  }
  if (scopes.some((part) => !isKnownScope(part) && AUDIENCE_LIKE.test(part))) {
    return { kind: 'id_token', audience: scope };
  }
  throw new Refusal('scope');
}
