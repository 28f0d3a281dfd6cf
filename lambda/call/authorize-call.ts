import { authorizeAudience } from '../authorize.ts';
import { VendError } from '../errors.ts';
import { audienceOfUrl } from '../policy/audience-of-url.ts';
import { compileAudiences } from '../policy/audiences.ts';
import type { Profile } from '../policy/profiles.ts';
import { quote } from '../quote.ts';
import type { IdTokenGrant } from '../types.ts';
import { prefixesOf, shownUrl } from './call-url.ts';

/** Where a call goes, and whom its token is for, if not for who is there by its URL. */
export type CallTarget = { readonly url: URL; readonly audience: string | undefined };

function hasPlainHost(pattern: string): boolean {
  return !/^https:\/\/[^/]*\*/.test(pattern);
}

/** A host that only a `*` of the profile's admits may be a stranger's: it gets tokens that are made out to it, and no other. */
function isAllowedPlace(profile: Profile, url: URL, audience: string): boolean {
  const prefixes = prefixesOf(url);
  const isAllowed = prefixes.includes(audience)
    ? profile.allowsAudience
    : compileAudiences(profile.audiences.filter(hasPlainHost));
  return prefixes.some(isAllowed);
}

/**
 * Returns the grant for the ID token of a call if `profile` allows it: the audience is one that the profile allows, and so is
 * the URL, or what it begins with, up to the end of a segment. So no token is sent to a host that the profile does not name.
 *
 * @throws {VendError} `access_denied`, saying what the profile does allow
 */
export function authorizeCall(profile: Profile, { url, audience }: CallTarget): IdTokenGrant {
  const wanted = audience ?? audienceOfUrl(url);
  const grant = authorizeAudience(profile, wanted);
  if (!isAllowedPlace(profile, url, wanted)) {
    throw new VendError(
      'access_denied',
      `The profile ${profile.name} does not allow calls of ${quote(shownUrl(url))} with a token for ${quote(wanted)}: put the origin of the URL, or more of it, among its audiences.`,
    );
  }
  return grant;
}
