import { Token } from 'aws-cdk-lib';
import { authorize } from '../lambda/authorize.ts';
import { VendError } from '../lambda/errors.ts';
import type { Profile } from '../lambda/policy/profiles.ts';
import { parseRequest } from '../lambda/request.ts';
import { UsageError } from './usage-error.ts';

/** What a client may have of its profile: an ID token for one audience, or an access token for scopes. */
export type OAuthClientRequest =
  | { readonly audience: string; readonly scopes?: never }
  | { readonly audience?: never; readonly scopes: string | readonly string[] };

/** What a client may have, as the function has it: scopes are full URIs, sorted. */
export type OAuthClientGrant = { readonly audience: string } | { readonly scopes: readonly string[] };

/**
 * Returns what a client is bound to, judged by the very parser and policy that its profile's requests go through.
 *
 * @throws {UsageError} if the profile does not allow it, or if it is not known at synth
 */
export function oauthGrant(profile: Profile, { audience, scopes }: OAuthClientRequest): OAuthClientGrant {
  const given = Object.entries({ audience, scopes }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    throw new UsageError(
      'A client is bound to an audience (an ID token) or to scopes (an access token): give one.',
    );
  }
  if (Token.isUnresolved(audience) || Token.isUnresolved(scopes)) {
    throw new UsageError(
      'What a client is bound to must be known at synth, so that its profile can be asked: write it out.',
    );
  }
  try {
    const grant = authorize(profile, parseRequest(given));
    return grant.kind === 'id_token' ? { audience: grant.audience } : { scopes: grant.scopes.split(' ') };
  } catch (cause) {
    throw cause instanceof VendError ? new UsageError(cause.message, { cause }) : cause;
  }
}
