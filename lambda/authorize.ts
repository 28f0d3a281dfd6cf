import { VendError } from './errors.ts';
import type { Profile, Profiles } from './profiles.ts';
import { quote, redact } from './quote.ts';
import type { Grant, TokenRequest } from './types.ts';

const MAX_NAMES_SHOWN = 5;

function denied(message: string): VendError {
  return new VendError('access_denied', message);
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(', ');
  return names.length > MAX_NAMES_SHOWN ? `${shown} and ${names.length - MAX_NAMES_SHOWN} more` : shown;
}

/**
 * Returns the profile that an invocation is for: the alias in the invoked ARN, or `default` where there is no alias
 * (an unqualified ARN, `$LATEST` or the number of a version).
 *
 * @throws {VendError} `access_denied` if there is no such profile
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html `invokedFunctionArn`
 */
export function profileOf(profiles: Profiles, invokedFunctionArn: string): Profile {
  const qualifier = invokedFunctionArn.split(':')[7];
  const name = qualifier === undefined || /^(?:\$LATEST|\d+)$/.test(qualifier) ? 'default' : qualifier;
  const profile = profiles.get(name);
  if (profile === undefined) {
    throw denied(
      qualifier === undefined
        ? 'There is no profile named default; invoke the function by the alias of a profile.'
        : `There is no profile named ${quote(name)}.`,
    );
  }
  return profile;
}

function authorizeScopes(profile: Profile, scopes: readonly string[]): Grant {
  const refused = scopes.filter((scope) => !profile.scopes.includes(scope));
  if (profile.scopes.length === 0) {
    throw denied(`The profile ${profile.name} vends no access tokens; ask for one of its audiences.`);
  }
  if (refused.length > 0) {
    throw denied(
      `The profile ${profile.name} does not allow ${redact(some(refused))}; it allows ${some(profile.scopes)}.`,
    );
  }
  return { kind: 'access_token', credential: profile.credential, scopes: scopes.join(' ') };
}

function authorizeAudience(profile: Profile, audience: string): Grant {
  if (profile.audiences.length === 0) {
    throw denied(`The profile ${profile.name} vends no ID tokens; ask for scopes.`);
  }
  if (!profile.allowsAudience(audience)) {
    throw denied(
      `The profile ${profile.name} does not allow the audience ${quote(audience)}; it allows ${some(profile.audiences)}.`,
    );
  }
  return { kind: 'id_token', credential: profile.credential, audience };
}

/**
 * Returns the grant for a request if `profile` allows it: every scope asked for is one of the profile's, or the
 * audience matches one of its patterns.
 *
 * @throws {VendError} `access_denied`, saying what the profile does allow
 */
export function authorize(profile: Profile, request: TokenRequest): Grant {
  switch (request.kind) {
    case 'access_token':
      return authorizeScopes(profile, request.scopes ?? profile.scopes);
    case 'id_token':
      return authorizeAudience(profile, request.audience);
    default:
      return request satisfies never;
  }
}
