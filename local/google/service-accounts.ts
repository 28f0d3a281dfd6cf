import { randomInt } from 'node:crypto';
import { type AccountKey, generatedKey, uploadedKey } from './account-key.ts';
import { createKeyFile, type KeyFile, type KeyOwner } from './key-file.ts';
import { createRsaKey, type RsaKey } from './rsa-key.ts';

const MAX_KEYS = 10;
const MEMBER = /^(?:serviceAccount|user|principal|principalSet):./;

export type ServiceAccountOptions = {
  /** @default "vendor@PROJECT.iam.gserviceaccount.com" */
  readonly email?: string;
  /** @default "example-project" */
  readonly projectId?: string;
  /** @default 21 random digits */
  readonly uniqueId?: string;
  /**
   * The users that it may act for, by domain-wide delegation: a list, or whether it may for one.
   * @default none
   */
  readonly subjects?: readonly string[] | ((user: string) => boolean);
  /**
   * Whether `constraints/iam.allowServiceAccountCredentialLifetimeExtension` lists it: its access tokens may then live
   * for twelve hours.
   * @default false
   */
  readonly lifetimeExtension?: boolean;
};

/** A service account as its owner manages it. */
export type ServiceAccount = KeyOwner & {
  /**
   * Returns a new key, which is accepted from now on.
   * @throws {Error} if the account has ten keys already, as Google does
   */
  readonly createKey: () => Promise<KeyFile>;
  /**
   * Takes the certificate, PEM, of a key that is the owner's own, and returns the id of the key. It ends with the certificate.
   * @throws {Error} for what Google would not take
   */
  readonly uploadKey: (certificate: string) => string;
  /** Ends the acceptance of a key; what was issued from it lives on. */
  readonly deleteKey: (keyId: string) => void;
  /**
   * Grants a member (`serviceAccount:EMAIL`, `user:EMAIL`, `principal://…`, `principalSet://…`)
   * roles/iam.serviceAccountTokenCreator on the account.
   * @throws {Error} for what is no member's name
   */
  readonly allowImpersonationBy: (member: string) => void;
  /** Takes that grant back; what was issued lives on. */
  readonly denyImpersonationBy: (member: string) => void;
  readonly disable: () => void;
  readonly enable: () => void;
  readonly delete: () => void;
};

/** A service account as the token endpoint knows it. */
export type AccountRecord = KeyOwner & {
  /** Whether it may act for a user. */
  readonly actsFor: (user: string) => boolean;
  /** The members that may impersonate it. */
  readonly tokenCreators: Set<string>;
  readonly lifetimeExtension: boolean;
  /** Its owner's keys, by their ids. */
  readonly keys: Map<string, AccountKey>;
  /** The key that Google keeps, and signs with for whoever may sign as the account; there is none until then. */
  managedKey: RsaKey | undefined;
  state: 'enabled' | 'disabled' | 'deleted';
};

export type ServiceAccounts = {
  readonly create: (options?: ServiceAccountOptions) => ServiceAccount;
  /** Returns the account that may use Google now, if there is one by that name. */
  readonly find: (email: unknown) => AccountRecord | undefined;
  /** Returns the key of that id and its owner, who may be disabled or deleted. */
  readonly findKey: (
    keyId: string,
  ) => { readonly key: AccountKey; readonly owner: AccountRecord } | undefined;
  /** Returns every key by which the account's signatures are known now: its owner's, and the one that Google keeps. */
  readonly liveKeys: (account: AccountRecord) => readonly AccountKey[];
  /** Returns the key that Google keeps for the account, made when it is first wanted. */
  readonly managedKey: (account: AccountRecord) => Promise<RsaKey>;
  /** Returns the certificates of an account's keys by their ids. */
  readonly certificates: (email: string) => Readonly<Record<string, string>> | undefined;
};

/** The clock and the origin that the accounts' certificates and key files name. */
export type ServiceAccountsContext = { readonly origin: () => string; readonly now: () => number };

function createRecord(options: ServiceAccountOptions): AccountRecord {
  const projectId = options.projectId ?? 'example-project';
  const subjects = options.subjects ?? [];
  const digits = () => String(randomInt(1e10)).padStart(10, '0');
  return {
    email: options.email ?? `vendor@${projectId}.iam.gserviceaccount.com`,
    projectId,
    uniqueId: options.uniqueId ?? `1${digits()}${digits()}`,
    actsFor: typeof subjects === 'function' ? subjects : (user) => subjects.includes(user),
    tokenCreators: new Set(),
    lifetimeExtension: options.lifetimeExtension ?? false,
    keys: new Map(),
    managedKey: undefined,
    state: 'enabled',
  };
}

function manage(record: AccountRecord, { origin, now }: ServiceAccountsContext): ServiceAccount {
  const { email, projectId, uniqueId, keys } = record;
  const add = (key: AccountKey): void => {
    if (keys.size >= MAX_KEYS) {
      throw new Error(`${email} has ${MAX_KEYS} keys, and Google admits no more: delete one first`);
    }
    keys.set(key.keyId, key);
  };
  return {
    email,
    projectId,
    uniqueId,
    createKey: async () => {
      const key = await createRsaKey();
      add(generatedKey(key));
      return createKeyFile(record, key, origin());
    },
    uploadKey: (certificate) => {
      const key = uploadedKey(certificate, now());
      add(key);
      return key.keyId;
    },
    deleteKey: (keyId) => {
      if (!keys.delete(keyId)) {
        throw new Error(`${email} has no key ${keyId}`);
      }
    },
    allowImpersonationBy: (member) => {
      if (!MEMBER.test(member)) {
        throw new Error(
          `${member} is no member: write serviceAccount:EMAIL, user:EMAIL or principal(Set)://…`,
        );
      }
      record.tokenCreators.add(member);
    },
    denyImpersonationBy: (member) => {
      record.tokenCreators.delete(member);
    },
    disable: () => {
      record.state = 'disabled';
    },
    enable: () => {
      record.state = 'enabled';
    },
    delete: () => {
      record.state = 'deleted';
    },
  };
}

/** Returns an empty registry of service accounts and their keys. */
export function createServiceAccounts(context: ServiceAccountsContext): ServiceAccounts {
  const { now } = context;
  const records = new Map<string, AccountRecord>();
  const managedKeys = new Map<AccountRecord, Promise<RsaKey>>();
  const find = (email: unknown) => {
    const record = typeof email === 'string' ? records.get(email) : undefined;
    return record?.state === 'enabled' ? record : undefined;
  };

  const liveKeys = ({ keys, managedKey }: AccountRecord) =>
    [...keys.values(), ...(managedKey === undefined ? [] : [generatedKey(managedKey)])].filter(
      ({ endsAtMs }) => now() < endsAtMs,
    );

  return {
    create: (options = {}) => {
      const record = createRecord(options);
      if (records.has(record.email)) {
        throw new Error(`There is a service account ${record.email} already: give another email`);
      }
      records.set(record.email, record);
      return manage(record, context);
    },
    find,
    liveKeys,
    findKey: (keyId) => {
      for (const owner of records.values()) {
        const key = liveKeys(owner).find((one) => one.keyId === keyId);
        if (key !== undefined) {
          return { key, owner };
        }
      }
      return undefined;
    },
    managedKey: (account) => {
      const makeKey = async () => {
        account.managedKey = await createRsaKey();
        return account.managedKey;
      };
      const key = managedKeys.get(account) ?? makeKey();
      managedKeys.set(account, key);
      return key;
    },
    certificates: (email) => {
      const record = find(email);
      return (
        record &&
        Object.fromEntries(liveKeys(record).map((key) => [key.keyId, key.certificate(email, now())]))
      );
    },
  };
}
