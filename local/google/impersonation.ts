import { type IamPermission, IamRefusal } from './iam-refusal.ts';
import type { JsonObject } from './json-object.ts';
import { memberNames, type Principal } from './principal.ts';
import type { AccountRecord, ServiceAccounts } from './service-accounts.ts';

const DELEGATE = /^projects\/-\/serviceAccounts\/([^/\s]+)$/;

/** One wish to act as a service account. */
export type Impersonation = {
  readonly caller: Principal;
  /** The e-mails of the accounts in between, the caller's nearest first. */
  readonly delegates: readonly string[];
  readonly target: string;
  readonly permission: IamPermission;
};

function readDelegate(delegate: unknown): string {
  const email = typeof delegate === 'string' ? DELEGATE.exec(delegate)?.[1] : undefined;
  if (email === undefined) {
    const message = `Invalid delegate ${JSON.stringify(delegate)}: it must have the form projects/-/serviceAccounts/{ACCOUNT_EMAIL}`;
    throw new IamRefusal({ kind: 'argument', message });
  }
  return email;
}

/**
 * Returns the e-mails that the field `delegates` names, in its order.
 *
 * @throws {IamRefusal} `argument` for what is no list of full resource names
 */
export function readDelegates({ delegates = [] }: JsonObject): readonly string[] {
  if (!Array.isArray(delegates)) {
    throw new IamRefusal({ kind: 'argument', message: 'Invalid value at "delegates": a list is expected' });
  }
  return delegates.map(readDelegate);
}

/**
 * Returns the account to act as, once every link of the chain has been found to admit the one before it.
 *
 * @throws {IamRefusal} `accountUnknown` or `permission` for the first link that does not hold
 * @see https://cloud.google.com/iam/docs/create-short-lived-credentials-delegated#sa-credentials-permissions
 */
export function checkImpersonation(wish: Impersonation, accounts: ServiceAccounts): AccountRecord {
  const { caller, delegates, target, permission } = wish;
  const step = (from: Principal, email: string): AccountRecord => {
    const account = accounts.find(email);
    if (account === undefined) {
      throw new IamRefusal({ kind: 'accountUnknown', email });
    }
    if (!memberNames(from).some((member) => account.tokenCreators.has(member))) {
      throw new IamRefusal({ kind: 'permission', permission });
    }
    return account;
  };
  const reached = delegates.reduce<Principal>((from, email) => {
    const { uniqueId } = step(from, email);
    return { kind: 'serviceAccount', email, clientId: uniqueId };
  }, caller);
  return step(reached, target);
}
