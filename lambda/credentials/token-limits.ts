import { VendError } from '../errors.ts';
import { isUnusual, USUAL_SECONDS } from '../policy/lifetimes.ts';
import type { AccessTokenGrant, Grant } from '../types.ts';

const IMPERSONATE =
  'Impersonate a service account: with "impersonate" in the profile, or with the credential file’s own impersonation (gcloud’s option --service-account or --impersonate-service-account).';

/** What Google cannot do is a fault of the set-up, and said before it is tried. */
export function impossible(what: string, way: string = IMPERSONATE): VendError {
  return new VendError('credential_invalid', `${what} ${way}`);
}

/**
 * Returns the grant if an identity that is no service account can have it: an access token, for itself, for an hour.
 *
 * @throws {VendError} `credential_invalid`, naming the way
 */
export function demandPlainAccessToken(grant: Grant, holder: string): AccessTokenGrant {
  if (grant.kind === 'id_token') {
    throw impossible(`Google makes out no ID token for an audience to ${holder}.`);
  }
  if (grant.selfSigned) {
    throw impossible(`With ${holder} there is no key of an account that could sign a token itself.`);
  }
  if (grant.subject !== undefined) {
    throw impossible(`Domain-wide delegation is for service accounts, and not for ${holder}.`);
  }
  if (isUnusual(grant)) {
    throw refuseLifetime(grant);
  }
  return grant;
}

/** Returns the error for a lifetime that Google does not give to such a token: it makes it out for an hour. */
export function refuseLifetime({ lifetimeSeconds, subject }: AccessTokenGrant): VendError {
  const asked = `A lifetime of ${lifetimeSeconds} seconds cannot be had:`;
  return subject === undefined
    ? impossible(
        `${asked} without impersonation Google’s tokens live for ${USUAL_SECONDS} seconds, no more and no less.`,
      )
    : impossible(
        `${asked} a token for a user always lives for ${USUAL_SECONDS} seconds.`,
        'Leave the lifetime out.',
      );
}
