import { UsageError } from '../../infra/usage-error.ts';
import { quote } from '../../lambda/quote.ts';

/** A token's account, and what was asked of it. */
export type AccountDemand = {
  /** What `--impersonate-service-account` says: gcloud's form with delegates too, whose last is the account. */
  readonly wanted: string | undefined;
  /** Whose the token is, if that is known. */
  readonly principal: string | undefined;
  readonly profile: string;
};

/**
 * Refuses a token of another account than the one that was asked for: it is the profile that decides whom the vendor acts as, and
 * not its caller.
 *
 * @throws {UsageError} that says whose tokens the profile gives, and how to choose another profile
 */
export function demandAccount({ wanted, principal, profile }: AccountDemand): void {
  const account = wanted?.split(',').at(-1)?.trim();
  if (account === undefined || account === principal) {
    return;
  }
  const whose =
    principal === undefined ? 'whose account the vendor does not say' : `which are of ${principal}`;
  throw new UsageError(
    `--impersonate-service-account: the profile ${quote(profile)} gives its own tokens, ${whose}, and not those of ${quote(account)}. Choose a profile that impersonates that account with --profile NAME.`,
  );
}
