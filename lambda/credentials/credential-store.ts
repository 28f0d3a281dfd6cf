import type { ReadSecret } from '../aws/secrets-manager.ts';
import { asVendError, VendError } from '../errors.ts';
import { type Sleep, sleepFor } from '../sleep.ts';
import type { TokenSource } from './token-source.ts';

/** Where a credential's document is: in a secret, or here, if there is nothing secret in it. */
export type CredentialLocation =
  | { readonly secret: string }
  | { readonly document: Readonly<Record<string, unknown>> };

/** A credential in use: the version of its secret, and the source made from it. */
export type Credential = { readonly versionId: string; readonly source: TokenSource };

export type CredentialStore = {
  /**
   * Returns the credential named `name`, read within the last 5 minutes, or the last good one while it cannot be read.
   *
   * @throws {VendError} `credential_invalid`, `credential_unavailable` if there never was a good one
   */
  readonly get: (name: string) => Promise<Credential>;
  /** Reads again because Google rejected `rejected`; once for a version. Returns what is current after that. */
  readonly renew: (name: string, rejected: Credential) => Promise<Credential>;
};

export type CredentialStoreDependencies = {
  readonly locations: ReadonlyMap<string, CredentialLocation>;
  readonly readSecret: ReadSecret;
  /** `holder` is how errors name where the document is. @throws {VendError} `credential_invalid` */
  readonly open: (text: string, holder: string) => Promise<TokenSource>;
  /** Milliseconds since the epoch, by the system. */
  readonly now: () => number;
  /** Told when a credential could not be read and the last good one stays in use. */
  readonly onStale: (name: string, error: VendError) => void;
  readonly sleep?: Sleep;
};

type Reading = { readonly promise: Promise<Credential>; readonly startedAtMs: number };

type Slot = {
  current: Credential | undefined;
  /** When the reading that gave `current` started. */
  readAtMs: number;
  /** From when on `current` is to be read again. */
  dueAtMs: number;
  reading: Reading | undefined;
  rejectedVersionId: string | undefined;
  failure: { readonly error: VendError; readonly untilMs: number } | undefined;
};

const MAX_AGE_MS = 5 * 60_000;
/** After a failure the last good credential serves for this long before the next try. */
const RETRY_AFTER_MS = 15_000;
/** With a good credential in hand, a slow Secrets Manager holds a caller up for no longer than this. */
const PATIENCE_MS = 1_000;
/** A reading older than this was frozen with its container, and its connection with it. */
const READING_LIFETIME_MS = 10_000;
const FAILURE_MEMORY_MS = 5_000;
/** The version of a document that came with the function, and changes with it alone. */
const INLINE = 'inline';

/** Returns the store of the credentials at `locations`. */
export function createCredentialStore({
  locations,
  readSecret,
  open,
  now,
  onStale,
  sleep = sleepFor,
}: CredentialStoreDependencies): CredentialStore {
  const slots = new Map<string, Slot>();

  const slotOf = (name: string): Slot => {
    const slot = slots.get(name) ?? {
      current: undefined,
      readAtMs: 0,
      dueAtMs: 0,
      reading: undefined,
      rejectedVersionId: undefined,
      failure: undefined,
    };
    slots.set(name, slot);
    return slot;
  };

  const load = async (name: string, slot: Slot): Promise<Credential> => {
    const location = locations.get(name);
    if (location === undefined) {
      throw new VendError(
        'credential_invalid',
        `There is no credential named ${name}; deploy the stack with it.`,
      );
    }
    const isSecret = 'secret' in location;
    const { text, versionId } = isSecret
      ? await readSecret(location.secret)
      : { text: JSON.stringify(location.document), versionId: INLINE };
    if (versionId === slot.current?.versionId) {
      return slot.current;
    }
    const holder = isSecret ? `secret ${location.secret}` : `document given as the credential ${name}`;
    return { versionId, source: await open(text, holder) };
  };

  /** A reading that a freeze held up may end after a newer one, and must not put the older version back. */
  const settle = async (name: string, slot: Slot, startedAtMs: number): Promise<Credential> => {
    try {
      const credential = await load(name, slot);
      if (slot.current !== undefined && startedAtMs < slot.readAtMs) {
        return slot.current;
      }
      slot.current = credential;
      slot.readAtMs = startedAtMs;
      slot.dueAtMs = now() + MAX_AGE_MS;
      slot.failure = undefined;
      return credential;
    } catch (cause) {
      const error = asVendError(cause);
      if (slot.current === undefined) {
        // A broken document stays broken for a while; an unreachable service is worth the next caller's try.
        slot.failure =
          error.code === 'credential_unavailable' ? undefined : { error, untilMs: now() + FAILURE_MEMORY_MS };
        throw error;
      }
      slot.dueAtMs = now() + RETRY_AFTER_MS;
      onStale(name, error);
      return slot.current;
    }
  };

  const read = (name: string, slot: Slot): Promise<Credential> => {
    if (slot.reading !== undefined && now() - slot.reading.startedAtMs < READING_LIFETIME_MS) {
      return slot.reading.promise;
    }
    const startedAtMs = now();
    const reading: Reading = { promise: settle(name, slot, startedAtMs), startedAtMs };
    const forget = () => {
      slot.reading = slot.reading === reading ? undefined : slot.reading;
    };
    slot.reading = reading;
    reading.promise.then(forget, forget);
    return reading.promise;
  };

  const readPatiently = async (name: string, slot: Slot, current: Credential): Promise<Credential> =>
    await Promise.race([read(name, slot), sleep(PATIENCE_MS).then(() => current)]);

  return {
    get: async (name) => {
      const slot = slotOf(name);
      if (slot.failure !== undefined && now() < slot.failure.untilMs) {
        throw slot.failure.error;
      }
      if (slot.current === undefined) {
        return await read(name, slot);
      }
      // Due further ahead than the age that is allowed: the clock has been put back.
      const fresh = now() < slot.dueAtMs && slot.dueAtMs - now() <= MAX_AGE_MS;
      return fresh ? slot.current : await readPatiently(name, slot, slot.current);
    },
    renew: async (name, rejected) => {
      const slot = slotOf(name);
      const current = slot.current ?? rejected;
      const asked = slot.rejectedVersionId === rejected.versionId;
      // Whoever is rejected while the new version is on its way waits for it with the first.
      if (current !== rejected || (asked && slot.reading === undefined)) {
        return current;
      }
      slot.rejectedVersionId = rejected.versionId;
      return await read(name, slot);
    },
  };
}
