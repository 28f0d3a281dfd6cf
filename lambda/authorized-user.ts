import { textField, tokenUriOf } from './credential-document.ts';
import { VendError } from './errors.ts';
import { accessTokenOf } from './token-answer.ts';
import type { OpenSource } from './token-source.ts';

const NO_ID_TOKEN =
  'A user’s credential gives no ID token for an audience: Google makes one out to its OAuth client alone. Impersonate a service account: gcloud auth application-default login --impersonate-service-account EMAIL.';

const NO_TOKEN =
  'Google answered 200 without an access token. Log in again: gcloud auth application-default login.';

/**
 * Returns the source for a user's credential, as `gcloud auth application-default login` writes it: its refresh token
 * is exchanged for an access token with the scopes of the grant, which must be among those that the user agreed to.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
 * @see https://cloud.google.com/docs/authentication/application-default-credentials#personal
 */
export const openAuthorizedUser: OpenSource = async (document, fault, { exchange, clock }) => {
  const url = new URL(tokenUriOf(document, fault));
  const form = {
    grant_type: 'refresh_token',
    client_id: textField(document, 'client_id', fault),
    client_secret: textField(document, 'client_secret', fault),
    refresh_token: textField(document, 'refresh_token', fault),
  };

  return async (grant, deadlineMs) => {
    if (grant.kind === 'id_token') {
      throw new VendError('credential_invalid', NO_ID_TOKEN);
    }
    const result = await exchange(url, { ...form, scope: grant.scopes }, deadlineMs);
    if (result.outcome === 'refused') {
      return { ...result, clockCorrected: false };
    }
    const token = accessTokenOf(result.fields, clock.googleMs());
    return token === undefined
      ? { outcome: 'refused', refusal: { cause: 'other', explanation: NO_TOKEN }, clockCorrected: false }
      : { outcome: 'granted', token, googleMs: result.googleMs };
  };
};
