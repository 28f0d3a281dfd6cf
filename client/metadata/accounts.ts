import { UsageError } from '../../infra/usage-error.ts';
import { ERRORS, VendError } from '../../lambda/errors.ts';
import { quote } from '../../lambda/quote.ts';
import type { TokenClient } from '../token-client.ts';
import { type Account, type AccountDependencies, createAccount } from './account.ts';
import { MetadataFault } from './metadata-fault.ts';

/** An account under the name by which a listing shows it. */
export type NamedAccount = { readonly name: string; readonly account: Account };

/** The service accounts of an instance, of which Google's own has one at the most. */
export type Accounts = {
  readonly first: Account;
  /** Returns the account of a name: `default`, an address, or a profile. @throws {MetadataFault} 404 */
  readonly find: (name: string) => Promise<Account>;
  /** Returns all of them: `default`, and each by its address, or by its profile where that is not one account's alone. */
  readonly list: () => Promise<readonly NamedAccount[]>;
};

export const DEFAULT = 'default';

/** An account whose address cannot be had has none to show; only if that may pass is it worth another try. */
async function emailIfAny(account: Account): Promise<string | undefined> {
  try {
    return await account.email();
  } catch (error) {
    const mayPass = !(error instanceof VendError) || ERRORS[error.code].retryable;
    if (mayPass) {
      throw error;
    }
    return undefined;
  }
}

function checkClients(clients: readonly TokenClient[]): TokenClient {
  const [first, ...others] = clients;
  if (first === undefined) {
    throw new UsageError('clients: give one token client at least; its profile becomes the account default.');
  }
  const profiles = clients.map(({ profile }) => profile);
  const twice = profiles.find((profile, index) => profiles.indexOf(profile) !== index);
  if (twice !== undefined) {
    throw new UsageError(`clients: the profile ${twice} is there twice; its name tells accounts apart.`);
  }
  if (others.some(({ profile }) => profile === DEFAULT)) {
    throw new UsageError(
      'clients: the first one is the account default, so the profile default must be the first, or not there.',
    );
  }
  return first;
}

function notFound(name: string, accounts: readonly Account[]): MetadataFault {
  const names = [...new Set([DEFAULT, ...accounts.map(({ profile }) => profile)])];
  return new MetadataFault(
    404,
    `There is no service account ${quote(name)}; there are ${names.join(', ')}, by these names or by address.`,
  );
}

/**
 * Returns the accounts of `clients`, the first as `default`.
 *
 * @throws {UsageError} for no client, and for profiles whose names are not one account's alone
 */
export function createAccounts(
  clients: readonly TokenClient[],
  emails: Readonly<Record<string, string>>,
  dependencies: AccountDependencies,
): Accounts {
  // A profile may have the name of what every object has.
  const given = new Map(Object.entries(emails));
  const accountOf = (client: TokenClient) => createAccount(client, given.get(client.profile), dependencies);
  const firstClient = checkClients(clients);
  const first = accountOf(firstClient);
  const all = [first, ...clients.slice(1).map(accountOf)];

  /** Two profiles may be of one account: the first that has the address is meant, whichever of them is known already. */
  const findByEmail = async (email: string): Promise<Account | undefined> => {
    for (const account of all) {
      if ((await emailIfAny(account))?.toLowerCase() === email.toLowerCase()) {
        return account;
      }
    }
    return undefined;
  };

  const find = async (name: string): Promise<Account> => {
    const named = name === DEFAULT ? first : all.find(({ profile }) => profile === name);
    const found = named ?? (name.includes('@') ? await findByEmail(name) : undefined);
    if (found === undefined) {
      throw notFound(name, all);
    }
    return found;
  };

  const list = async (): Promise<readonly NamedAccount[]> => {
    const listed = new Map([[DEFAULT, first]]);
    for (const [index, email] of (await Promise.all(all.map(emailIfAny))).entries()) {
      const account = all[index] ?? first;
      const name = email === undefined || listed.has(email) ? account.profile : email;
      // Of the first one without an address there is nothing to show that `default` does not.
      if (account !== first || email !== undefined) {
        listed.set(name, account);
      }
    }
    return [...listed].map(([name, account]) => ({ name, account }));
  };

  return { first, find, list };
}
