import type { AccessToken, TokenClient } from '../token-client.ts';
import { demandAccount } from './demand-account.ts';
import { lifetimeFields } from './lifetime-fields.ts';

export type AccessTokenFlags = {
  /** The account, as gcloud's argument of that name. */
  readonly account?: string | undefined;
  readonly scopes?: string;
  readonly subject?: string;
  readonly lifetime?: number;
  readonly impersonateServiceAccount?: string;
  readonly json?: boolean;
};

/** The answer as the vendor itself gives it. */
function answerOf({ token, expiresAtMs, scopes, principal }: AccessToken, nowMs: number): object {
  return {
    access_token: token,
    ...lifetimeFields(expiresAtMs, nowMs),
    scope: scopes.join(' '),
    ...(principal !== undefined && { principal }),
  };
}

/**
 * Returns what `gcp-token print-access-token` prints: the bare token as gcloud prints it, or the vendor's whole answer.
 *
 * @throws {VendError} the vendor's own
 * @throws {UsageError} for a token of another account than the one that was asked for
 */
export async function printAccessToken(
  client: TokenClient,
  flags: AccessTokenFlags,
  nowMs: number,
): Promise<string> {
  const { scopes, subject, lifetime } = flags;
  const token = await client.accessToken({
    ...(scopes !== undefined && { scopes }),
    ...(subject !== undefined && { subject }),
    ...(lifetime !== undefined && { lifetimeSeconds: lifetime }),
  });
  for (const wanted of [flags.account, flags.impersonateServiceAccount]) {
    demandAccount({ wanted, principal: token.principal, profile: client.profile });
  }
  return flags.json === true ? JSON.stringify(answerOf(token, nowMs)) : token.token;
}
