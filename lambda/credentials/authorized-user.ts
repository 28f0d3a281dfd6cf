import { readAccessToken } from './access-token-result.ts';
import { textField, tokenUriOf } from './credential-document.ts';
import { demandPlainAccessToken } from './token-limits.ts';
import type { OpenSource } from './token-source.ts';

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
  const endpoint = { kind: 'token', url: new URL(tokenUriOf(document, fault)) } as const;
  const form = {
    grant_type: 'refresh_token',
    client_id: textField(document, 'client_id', fault),
    client_secret: textField(document, 'client_secret', fault),
    refresh_token: textField(document, 'refresh_token', fault),
  };

  return async (grant, deadlineMs) => {
    const { scopes } = demandPlainAccessToken(grant, 'a user');
    const result = await exchange(endpoint, { ...form, scope: scopes }, deadlineMs);
    return readAccessToken(result, clock.googleMs(), NO_TOKEN);
  };
};
