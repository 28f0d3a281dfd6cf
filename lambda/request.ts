import { VendError } from './errors.ts';
import type { Parameter } from './http-message.ts';
import { isAudience } from './policy/audiences.ts';
import { isLifetime, MAX_SECONDS, MIN_SECONDS, USUAL_SECONDS } from './policy/lifetimes.ts';
import { expandScopes, isScope } from './policy/scopes.ts';
import { isSubject } from './policy/subjects.ts';
import { quote } from './quote.ts';
import type { AccessTokenRequest, TokenRequest } from './types.ts';

const MAX_SCOPES = 100;
const FIELDS: ReadonlySet<string> = new Set(['audience', 'scopes', 'subject', 'lifetime']);
/** What an ID token has no use for. */
const ACCESS_TOKEN_FIELDS = ['scopes', 'subject', 'lifetime'];

function invalid(message: string): VendError {
  return new VendError('invalid_request', message);
}

function parseAudience(value: unknown): string {
  if (typeof value !== 'string' || !isAudience(value)) {
    throw invalid(
      `audience: ${quote(value)} is neither an https URL in its plain spelling (lower-case host, no port 443, no fragment) nor an OAuth client id.`,
    );
  }
  return value;
}

function splitScopes(value: unknown): readonly unknown[] {
  if (typeof value === 'string') {
    return value.split(/[ ,]+/).filter((scope) => scope !== '');
  }
  if (!Array.isArray(value)) {
    throw invalid(`scopes: ${quote(value)} is neither a list of strings nor one string.`);
  }
  return value;
}

function parseScope(value: unknown): string {
  if (typeof value !== 'string' || !isScope(value)) {
    throw invalid(
      `scopes: ${quote(value)} is neither a scope of Google's (https://www.googleapis.com/auth/…), nor openid, email or profile, nor an alias such as storage-ro.`,
    );
  }
  return value;
}

function parseScopes(value: unknown): readonly string[] {
  const scopes = splitScopes(value);
  if (scopes.length === 0 || scopes.length > MAX_SCOPES) {
    throw invalid(
      `scopes: there must be 1 to ${MAX_SCOPES}; leave the parameter out to get all that the profile has.`,
    );
  }
  return expandScopes(scopes.map(parseScope));
}

function parseSubject(value: unknown): string {
  if (typeof value !== 'string' || !isSubject(value)) {
    throw invalid(`subject: ${quote(value)} is not the e-mail address of a user, in lower case.`);
  }
  return value;
}

/** In a query or a form a number is text; nothing but its one spelling in digits is taken for one. */
function parseLifetime(value: unknown): number {
  const seconds = typeof value === 'string' && /^[1-9]\d{0,5}$/.test(value) ? Number(value) : value;
  if (!isLifetime(seconds)) {
    throw invalid(
      `lifetime: ${typeof value === 'number' ? value : quote(value)} is not a whole number of seconds from ${MIN_SECONDS} to ${MAX_SECONDS}.`,
    );
  }
  return seconds;
}

/** What no credential and no profile can change is the caller's to correct, and no fault of the set-up. */
function demandPossible(request: AccessTokenRequest): AccessTokenRequest {
  const { subject, lifetimeSeconds = USUAL_SECONDS } = request;
  if (subject !== undefined && lifetimeSeconds !== USUAL_SECONDS) {
    throw invalid(`lifetime: a token for a user always lives for ${USUAL_SECONDS} seconds; leave it out.`);
  }
  return request;
}

function collect(parameters: readonly Parameter[]): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of parameters) {
    const field = name === 'scope' ? 'scopes' : name;
    if (!FIELDS.has(field)) {
      throw invalid(
        `${quote(name)} is not a parameter; there are audience, scopes (or scope), subject and lifetime.`,
      );
    }
    if (fields.has(field)) {
      throw invalid(`${field}: the parameter is there twice.`);
    }
    fields.set(field, value);
  }
  return fields;
}

/**
 * Returns what a caller asks for: an ID token for `audience`, an access token for `scopes` (or `scope`), or, with
 * neither, an access token for all the scopes of the profile; an access token may be for a user (`subject`), and for a
 * chosen time (`lifetime`, seconds).
 *
 * @throws {VendError} `invalid_request` for anything else, naming the parameter and what it may be
 */
export function parseRequest(parameters: readonly Parameter[]): TokenRequest {
  const fields = collect(parameters);
  const other = ACCESS_TOKEN_FIELDS.find((name) => fields.has(name));
  if (fields.has('audience') && other !== undefined) {
    throw invalid(
      `Ask for an audience (an ID token) or for ${other} (an access token), not for both: they are two tokens.`,
    );
  }
  if (fields.has('audience')) {
    return { kind: 'id_token', audience: parseAudience(fields.get('audience')) };
  }
  return demandPossible({
    kind: 'access_token',
    scopes: fields.has('scopes') ? parseScopes(fields.get('scopes')) : undefined,
    ...(fields.has('subject') && { subject: parseSubject(fields.get('subject')) }),
    ...(fields.has('lifetime') && { lifetimeSeconds: parseLifetime(fields.get('lifetime')) }),
  });
}
