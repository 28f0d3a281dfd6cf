import { isAudience } from './audiences.ts';
import { VendError } from './errors.ts';
import type { Parameter } from './http-message.ts';
import { quote } from './quote.ts';
import { expandScopes, isScope } from './scopes.ts';
import type { TokenRequest } from './types.ts';

const MAX_SCOPES = 100;

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

function collect(parameters: readonly Parameter[]): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, value] of parameters) {
    const field = name === 'scope' ? 'scopes' : name;
    if (field !== 'audience' && field !== 'scopes') {
      throw invalid(`${quote(name)} is not a parameter; there are audience, and scopes (or scope).`);
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
 * neither, an access token for all the scopes of the profile.
 *
 * @throws {VendError} `invalid_request` for anything else, naming the parameter and what it may be
 */
export function parseRequest(parameters: readonly Parameter[]): TokenRequest {
  const fields = collect(parameters);
  if (fields.has('audience') && fields.has('scopes')) {
    throw invalid('Ask for an audience (an ID token) or for scopes (an access token), not for both.');
  }
  if (fields.has('audience')) {
    return { kind: 'id_token', audience: parseAudience(fields.get('audience')) };
  }
  return {
    kind: 'access_token',
    scopes: fields.has('scopes') ? parseScopes(fields.get('scopes')) : undefined,
  };
}
