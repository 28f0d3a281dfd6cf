import { authorize } from '../authorize.ts';
import { VendError } from '../errors.ts';
import type { Parameter } from '../http-message.ts';
import type { Profile, Profiles } from '../policy/profiles.ts';
import { quote } from '../quote.ts';
import { parseRequest } from '../request.ts';
import type { Grant, TokenRequest } from '../types.ts';

/** What is to be examined: one grant of one profile, or why there is none. */
export type Wanted = {
  readonly profile: string;
  readonly credential: string;
  readonly asks: string;
} & ({ readonly grant: Grant } | { readonly skipped: string });

const REQUEST_FIELDS = ['audience', 'scopes', 'scope', 'subject', 'lifetime'];
const FIELDS: ReadonlySet<string> = new Set(['profile', ...REQUEST_FIELDS]);

function invalid(message: string): VendError {
  return new VendError('invalid_request', message);
}

function nameOf(grant: Grant): string {
  return grant.kind === 'access_token' ? 'access token' : `ID token for ${grant.audience}`;
}

function want(profile: Profile, request: TokenRequest): Wanted {
  const grant = authorize(profile, request);
  return { profile: profile.name, credential: profile.credential, asks: nameOf(grant), grant };
}

function wantIdToken(profile: Profile): readonly Wanted[] {
  const { name, credential, audiences } = profile;
  const exact = audiences.find((audience) => !audience.includes('*'));
  if (exact !== undefined) {
    return [want(profile, { kind: 'id_token', audience: exact })];
  }
  const skipped = `every audience of the profile has a *, so that there is none to ask for: name one, as in {"profile": "${name}", "audience": "https://…"}, or with --profile ${name} --audience URL`;
  return audiences
    .slice(0, 1)
    .map((pattern) => ({ profile: name, credential, asks: `ID token for ${pattern}`, skipped }));
}

/** One token of each kind that the profile has, which is enough to walk each chain. */
function wantAll(profile: Profile): readonly Wanted[] {
  const accessToken =
    profile.scopes.length === 0 ? [] : [want(profile, { kind: 'access_token', scopes: undefined })];
  return [...accessToken, ...wantIdToken(profile)];
}

function profileOf(name: unknown, profiles: Profiles): Profile {
  const profile = typeof name === 'string' ? profiles.get(name) : undefined;
  if (profile === undefined) {
    throw invalid(
      `profile: there is none named ${quote(name)}; there are ${[...profiles.keys()].join(', ')}.`,
    );
  }
  return profile;
}

/**
 * Returns what an event asks the doctor to examine: `{}` all profiles, `{"profile": "NAME"}` one, and with the fields of a
 * request for a token just that request.
 *
 * @throws {VendError} `invalid_request`; `access_denied` for what the profile does not allow
 */
export function parseWanted(parameters: readonly Parameter[], profiles: Profiles): readonly Wanted[] {
  const unknown = parameters.find(([name]) => !FIELDS.has(name));
  if (unknown !== undefined) {
    throw invalid(
      `${quote(unknown[0])} is not a field here; there are profile and, with it, ${REQUEST_FIELDS.join(', ')}.`,
    );
  }
  const named = parameters.find(([name]) => name === 'profile');
  const request = parameters.filter(([name]) => name !== 'profile');
  if (named === undefined && request.length > 0) {
    throw invalid(
      `${request[0]?.[0]}: name the profile that it is to be asked of, as in "profile": "default".`,
    );
  }
  if (named === undefined) {
    return [...profiles.values()].flatMap(wantAll);
  }
  const profile = profileOf(named[1], profiles);
  return request.length === 0 ? wantAll(profile) : [want(profile, parseRequest(request))];
}
