import { VendError } from '../../lambda/errors.ts';
import type { IdToken } from '../token-client.ts';
import { MetadataFault } from './metadata-fault.ts';

/**
 * gcloud's own OAuth client. Whenever gcloud renews an access token it asks for an ID token for this audience as well, whether it has
 * a use for it or not: without one (404) it goes on, and from any other refusal it crashes.
 */
const GCLOUD = '32555940559.apps.googleusercontent.com';

/**
 * Returns what `idToken` gives for an audience. That a profile does not allow gcloud's is no reason for gcloud not to work.
 *
 * @throws {MetadataFault} 404 in the place of `access_denied` for gcloud's audience
 */
export async function optionalIdentity(
  audience: string,
  idToken: (audience: string) => Promise<IdToken>,
): Promise<IdToken> {
  try {
    return await idToken(audience);
  } catch (error) {
    throw audience === GCLOUD && error instanceof VendError && error.code === 'access_denied'
      ? new MetadataFault(404, error.message)
      : error;
  }
}
