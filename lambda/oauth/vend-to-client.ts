import type { InvokeFunction } from '../aws/invoke-function.ts';
import { VendError } from '../errors.ts';
import { fieldsOf, textOf } from '../fields.ts';
import type { OAuthToken } from './oauth-answer.ts';
import type { ClientGrant, OAuthClient } from './oauth-clients.ts';
import { brokenHere, OAuthRefusal } from './oauth-refusal.ts';

/**
 * Returns the token that a client's profile gives for `grant`.
 *
 * @throws {OAuthRefusal} `unauthorized_client`, `temporarily_unavailable` or `server_error`
 */
export type VendToClient = (
  client: OAuthClient,
  grant: ClientGrant,
  deadlineMs: number,
) => Promise<OAuthToken>;

function parseAnswer(answer: unknown): OAuthToken {
  const { access_token, id_token, expires_in, scope } = fieldsOf(answer);
  const accessToken = textOf(access_token) ?? textOf(id_token);
  if (accessToken === undefined || typeof expires_in !== 'number' || !Number.isInteger(expires_in)) {
    throw new VendError('server_error', "The vendor's answer has no token in it.");
  }
  return {
    accessToken,
    expiresIn: expires_in,
    ...(typeof scope === 'string' && { scope }),
  };
}

/** That the profile does not allow what its client was set up for is known at synth, unless somebody changed one alone. */
function translate(error: unknown): OAuthRefusal {
  return error instanceof VendError && error.code === 'access_denied'
    ? new OAuthRefusal('unauthorized_client', 'The client may not have a token.', { cause: error })
    : brokenHere(error);
}

/**
 * Returns what asks the vendor by the alias of a client's profile, with nothing in the payload that the request said in its
 * own words.
 */
export function createVendToClient(functionName: string, invoke: InvokeFunction): VendToClient {
  return async ({ profile }, grant, deadlineMs) => {
    const payload = 'audience' in grant ? { audience: grant.audience } : { scopes: grant.scopes };
    try {
      return parseAnswer(await invoke({ functionName, qualifier: profile }, payload, deadlineMs));
    } catch (error) {
      throw translate(error);
    }
  };
}
