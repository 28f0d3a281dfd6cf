import { UsageError } from '../../infra/usage-error.ts';
import { type Fields, fieldsOf, textOf } from '../../lambda/fields.ts';
import { quote } from '../../lambda/quote.ts';
import type { IdToken, TokenClient } from '../token-client.ts';
import { demandAccount } from './demand-account.ts';
import { lifetimeFields } from './lifetime-fields.ts';

export type IdentityTokenFlags = {
  readonly account?: string | undefined;
  readonly audiences: string;
  readonly includeEmail?: boolean;
  readonly impersonateServiceAccount?: string;
  readonly json?: boolean;
};

/** What a token says of itself; whether it is true is for whoever receives it to verify. */
function claimsOf(token: string): Fields {
  try {
    return fieldsOf(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()));
  } catch {
    return {};
  }
}

function answerOf(
  { token, expiresAtMs, audience }: IdToken,
  principal: string | undefined,
  nowMs: number,
): object {
  return {
    id_token: token,
    ...lifetimeFields(expiresAtMs, nowMs),
    audience,
    ...(principal !== undefined && { principal }),
  };
}

/**
 * Returns what `gcp-token print-identity-token` prints: the bare token as gcloud prints it, or the vendor's whole answer.
 *
 * @throws {VendError} the vendor's own
 * @throws {UsageError} for a token of another account than the one that was asked for, or without the e-mail that was
 */
export async function printIdentityToken(
  client: TokenClient,
  flags: IdentityTokenFlags,
  nowMs: number,
): Promise<string> {
  const token = await client.idToken({ audience: flags.audiences });
  const email = textOf(claimsOf(token.token).email);
  const principal = token.principal ?? email;
  for (const wanted of [flags.account, flags.impersonateServiceAccount]) {
    demandAccount({ wanted, principal, profile: client.profile });
  }
  if (flags.includeEmail === true && email === undefined) {
    throw new UsageError(
      `--include-email: the ID tokens of the profile ${quote(client.profile)} carry no e-mail address; leave the flag out, or choose another profile with --profile NAME.`,
    );
  }
  return flags.json === true ? JSON.stringify(answerOf(token, principal, nowMs)) : token.token;
}
