import { VendError } from './errors.ts';
import { USUAL_SECONDS } from './policy/lifetimes.ts';
import type { Profile, Profiles } from './policy/profiles.ts';
import { quote, redact } from './quote.ts';
import type { AccessTokenRequest, Grant, IdTokenGrant, TokenRequest } from './types.ts';

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

function authorizeScopes(profile: Profile, scopes: readonly string[]): string {
  const refused = scopes.filter((scope) => !profile.scopes.includes(scope));
  if (profile.scopes.length === 0) {
    throw denied(`The profile ${profile.name} vends no access tokens; ask for one of its audiences.`);
  }
  if (refused.length > 0) {
    throw denied(
      `The profile ${profile.name} does not allow ${redact(some(refused))}; it allows ${some(profile.scopes)}.`,
    );
  }
  return scopes.join(' ');
}

function authorizeSubject(profile: Profile, subject: string): string {
  if (profile.subjects.length === 0) {
    throw denied(`The profile ${profile.name} acts for no user; leave subject out.`);
  }
  if (!profile.allowsSubject(subject)) {
    throw denied(
      `The profile ${profile.name} does not allow the subject ${quote(subject)}; it allows ${some(profile.subjects)}.`,
    );
  }
  return subject;
}

/** Without a bound of the profile's, the lifetime is what is usual for the credential. */
function authorizeLifetime(profile: Profile, seconds: number | undefined): number | undefined {
  const { name, maxLifetimeSeconds: max } = profile;
  if (max === undefined && seconds !== undefined) {
    throw denied(`The profile ${name} has no maxLifetime, so its callers choose no lifetime; leave it out.`);
  }
  if (max !== undefined && seconds !== undefined && seconds > max) {
    throw denied(
      `The profile ${name} allows a lifetime of ${max} seconds at the most, and not of ${seconds}.`,
    );
  }
  return seconds ?? (max === undefined ? undefined : Math.min(max, USUAL_SECONDS));
}

function authorizeAccessToken(profile: Profile, request: AccessTokenRequest): Grant {
  const { credential, impersonate, selfSigned, boundary } = profile;
  const scopes = authorizeScopes(profile, request.scopes ?? profile.scopes);
  const lifetimeSeconds = authorizeLifetime(profile, request.lifetimeSeconds);
  return {
    kind: 'access_token',
    credential,
    scopes,
    ...(impersonate && { impersonate }),
    ...(request.subject !== undefined && { subject: authorizeSubject(profile, request.subject) }),
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
    ...(selfSigned && { selfSigned }),
    ...(boundary !== undefined && { boundary }),
  };
}

/**
 * Returns the grant for an ID token if `profile` allows its audience.
 *
 * @throws {VendError} `access_denied`, saying what the profile does allow
 */
export function authorizeAudience(profile: Profile, audience: string): IdTokenGrant {
  if (profile.audiences.length === 0) {
    throw denied(`The profile ${profile.name} vends no ID tokens; ask for scopes.`);
  }
  if (!profile.allowsAudience(audience)) {
    throw denied(
      `The profile ${profile.name} does not allow the audience ${quote(audience)}; it allows ${some(profile.audiences)}.`,
    );
  }
  const { credential, impersonate } = profile;
  return { kind: 'id_token', credential, audience, ...(impersonate && { impersonate }) };
}

/**
 * Returns the grant for a request if `profile` allows it: every scope asked for is one of the profile's, the subject
 * and the lifetime are within its bounds, or the audience matches one of its patterns.
 *
 * @throws {VendError} `access_denied`, saying what the profile does allow
 */
export function authorize(profile: Profile, request: TokenRequest): Grant {
  switch (request.kind) {
    case 'access_token':
      return authorizeAccessToken(profile, request);
    case 'id_token':
      return authorizeAudience(profile, request.audience);
    default:
      return request satisfies never;
  }
}
