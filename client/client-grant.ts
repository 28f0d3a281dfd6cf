import type { Parameter } from '../lambda/http-message.ts';
import { USUAL_SECONDS } from '../lambda/policy/lifetimes.ts';
import { parseRequest } from '../lambda/request.ts';
import type { Grant } from '../lambda/types.ts';
import type { AccessTokenQuery, IdTokenQuery } from './token-client.ts';
import type { VendorRequest } from './vendor-door.ts';

/** Returns what the vendor is asked for a grant: no scopes at all for all that the profile has. */
export function requestFor(grant: Grant): VendorRequest {
  if (grant.kind === 'id_token') {
    return { audience: grant.audience };
  }
  const { scopes, subject, lifetimeSeconds } = grant;
  return {
    ...(scopes !== '' && { scopes: scopes.split(' ') }),
    ...(subject !== undefined && { subject }),
    ...(lifetimeSeconds !== undefined && { lifetime: lifetimeSeconds }),
  };
}

function parametersOf(query: AccessTokenQuery | IdTokenQuery): readonly Parameter[] {
  if ('audience' in query) {
    return [['audience', query.audience]];
  }
  const { scopes, subject, lifetimeSeconds } = query;
  const parameters: readonly Parameter[] = [
    ['scopes', scopes],
    ['subject', subject],
    ['lifetime', lifetimeSeconds],
  ];
  return parameters.filter(([, value]) => value !== undefined);
}

/**
 * Returns the grant that a query stands for, by which its token is kept; the profile is there in the place of a credential.
 * It is judged as the vendor would judge it.
 *
 * @throws {VendError} `invalid_request`
 */
export function grantFor(query: AccessTokenQuery | IdTokenQuery, profile: string): Grant {
  const request = parseRequest(parametersOf(query));
  return request.kind === 'id_token'
    ? { ...request, credential: profile }
    : { ...request, credential: profile, scopes: request.scopes?.join(' ') ?? '' };
}

/** Returns how long a new token lives: one that the vendor had kept may be a good part of its hour old. */
export function lifeMs(grant: Grant): number {
  const seconds = grant.kind === 'access_token' ? grant.lifetimeSeconds : undefined;
  return (seconds ?? USUAL_SECONDS) * 1_000;
}
