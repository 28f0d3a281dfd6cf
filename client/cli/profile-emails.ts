import { isServiceAccountEmail } from '../../lambda/policy/service-account-email.ts';
import { quote } from '../../lambda/quote.ts';
import type { TokenClient } from '../token-client.ts';
import { CommandLineError } from './command-line-error.ts';

/**
 * Returns the addresses by profile that the values of `--email` say, each as `PROFILE=EMAIL`.
 *
 * @throws {CommandLineError} for that of a profile that is not served, and for what is no address of a service account
 */
export function emailsOf(
  values: readonly string[],
  clients: readonly TokenClient[],
): Readonly<Record<string, string>> {
  const pairs = values.map((value) => {
    const [profile = '', email = ''] = value.split(/=(.*)/s);
    if (!clients.some((client) => client.profile === profile) || !isServiceAccountEmail(email)) {
      throw new CommandLineError(
        `--email: ${quote(value)} is not PROFILE=EMAIL of a profile that is served and a service account, such as default=NAME@PROJECT.iam.gserviceaccount.com.`,
      );
    }
    return [profile, email] as const;
  });
  return Object.fromEntries(pairs);
}
