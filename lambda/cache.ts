import { VendError } from './errors.ts';
import type { Clock } from './google/clock.ts';
import { type Sleep, sleepFor } from './sleep.ts';
import type { Grant, Minter, Vended } from './types.ts';

export type CacheDependencies = {
  readonly clock: Clock;
  /** @default 1000 */
  readonly maxTokens?: number;
  /**
   * How long a grant's tokens live when they are new, in milliseconds, where they may come with a part of it gone.
   * @default - what is left when they come
   */
  readonly lifeMs?: (grant: Grant) => number;
  /** Told when a refresh beside a cached token failed, which no caller hears of. */
  readonly onRefreshFailed?: (grant: Grant, error: unknown) => void;
  readonly sleep?: Sleep;
};

/** A cached token and, by Google's clock, when it is to be treated how. */
type Entry = {
  readonly vended: Vended;
  readonly storedAtMs: number;
  /** By the system's clock: a wrong `Date` of somebody's must not keep a token alive. */
  readonly endsBySystemMs: number;
  /** Until here it is simply served. */
  readonly refreshAtMs: number;
  /** From `refreshAtMs` to here it is served while a new one is fetched; from here on a new one is awaited. */
  readonly awaitAtMs: number;
  /** Until here it is served if Google cannot be reached. */
  readonly endAtMs: number;
};

/** A mint under way. It is good to join until its deadline; after a freeze of the container it may be long past. */
type Flight = { readonly promise: Promise<Vended>; readonly deadlineMs: number };

type Refusal = { readonly error: VendError; readonly untilMs: number };

const REFRESH_MS = 10 * 60_000;
const AWAIT_MS = 6 * 60_000;
const END_MS = 30_000;
/** A token that lives shorter than this has its thresholds shrunk in proportion. */
const FULL_LIFE_MS = 20 * 60_000;
/** Whoever asks for a token that lives longer than the usual hour gets one with half of its life left at least. */
const LONG_LIFE_MS = 65 * 60_000;

const REFUSAL_MEMORY_MS = 5_000;
/** After a failed refresh, a token that is still good is served for this long before Google is asked again. */
const QUIET_MS = 5_000;
/** A caller with a good token in hand waits for a better one no longer than this. */
const PATIENCE_MS = 2_000;
/** What no caller waits for may not outlive the moment at which a caller would have to. */
const MAX_BACKGROUND_MS = 20_000;

/** A clock that says less than when the token was stored has been put back, and no one knows the token's age. */
const CLOCK_TOLERANCE_MS = 10_000;

const DEFAULT_MAX_TOKENS = 1000;

/** What most grants do not have; in a fixed order, whatever order the grant has its fields in. */
function termsOf(grant: Grant): readonly unknown[] {
  const { serviceAccount, delegates } = grant.impersonate ?? {};
  return grant.kind === 'id_token'
    ? [serviceAccount, delegates]
    : [serviceAccount, delegates, grant.subject, grant.lifetimeSeconds, grant.selfSigned, grant.boundary];
}

/** Credentials' names have no space, and scopes and audiences no end of a line: grants that differ share no key. */
function keyOf(grant: Grant): string {
  const what = grant.kind === 'access_token' ? grant.scopes : grant.audience;
  const key = `${grant.kind} ${grant.credential} ${what}`;
  const terms = termsOf(grant);
  return terms.some((term) => term !== undefined) ? `${key}\n${JSON.stringify(terms)}` : key;
}

function entryFor(vended: Vended, clock: Clock, newLifeMs: number): Entry {
  const { expiresAtMs } = vended.token;
  const nowMs = clock.googleMs();
  const leftMs = Math.max(0, expiresAtMs - nowMs);
  const lifeMs = Math.max(leftMs, newLifeMs);
  const scale = Math.min(1, lifeMs / FULL_LIFE_MS);
  const halfMs = lifeMs > LONG_LIFE_MS ? lifeMs / 2 : 0;
  return {
    vended: { token: vended.token, cached: true, googleMs: 0 },
    storedAtMs: nowMs,
    endsBySystemMs: clock.systemMs() + leftMs,
    refreshAtMs: expiresAtMs - Math.max(REFRESH_MS * scale, halfMs),
    awaitAtMs: expiresAtMs - Math.max(AWAIT_MS * scale, halfMs),
    endAtMs: expiresAtMs - END_MS * scale,
  };
}

function isOver(entry: Entry, clock: Clock): boolean {
  const nowMs = clock.googleMs();
  const isPutBack = nowMs < entry.storedAtMs - CLOCK_TOLERANCE_MS;
  return nowMs >= entry.endAtMs || isPutBack || clock.systemMs() >= entry.endsBySystemMs;
}

/** A span that seems to have more than its length left is one of before the clock was put back: it is over. */
function isWithin(untilMs: number, spanMs: number, nowMs: number): boolean {
  return nowMs < untilMs && untilMs - nowMs <= spanMs;
}

function isRefusal(error: unknown): error is VendError {
  return error instanceof VendError && error.code === 'google_refused';
}

/** A `Map` iterates in the order of insertion, so re-inserting what is used keeps the least recently used first. */
function putBounded<Value>(map: Map<string, Value>, key: string, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) {
    map.delete(map.keys().next().value ?? key);
  }
}

/**
 * Returns a minter that keeps what `mint` gave and asks it once for a grant, however many callers there are. It
 * answers without a promise whenever a cached token can be served.
 *
 * - A token is served while it has more than 10 minutes left; between 10 and 6 it is served and renewed beside. One that
 *   lives longer than the usual hour is renewed at half of its life.
 * - Under 6 minutes a new one is awaited; if Google cannot be reached the old one serves until 30 seconds before its end.
 * - A refusal of Google's is repeated to callers for 5 seconds.
 */
export function createCache(mint: Minter, dependencies: CacheDependencies): Minter {
  const {
    clock,
    maxTokens = DEFAULT_MAX_TOKENS,
    lifeMs = () => 0,
    onRefreshFailed = () => {},
    sleep = sleepFor,
  } = dependencies;
  const entries = new Map<string, Entry>();
  const flights = new Map<string, Flight>();
  const refusals = new Map<string, Refusal>();
  const quietUntilMs = new Map<string, number>();

  const hush = (key: string): void => {
    putBounded(quietUntilMs, key, clock.systemMs() + QUIET_MS, maxTokens);
  };

  /** A mint that a freeze held up may end after a newer one, and must not put the older token back. */
  const remember = (key: string, grant: Grant, vended: Vended): void => {
    const known = entries.get(key);
    if (known !== undefined && clock.googleMs() >= known.storedAtMs - CLOCK_TOLERANCE_MS) {
      // Whoever gives the same one again keeps tokens too, and has no newer one yet.
      if (known.vended.token.value === vended.token.value) {
        hush(key);
        return;
      }
      if (known.vended.token.expiresAtMs > vended.token.expiresAtMs) {
        return;
      }
    }
    const entry = entryFor(vended, clock, lifeMs(grant));
    putBounded(entries, key, entry, maxTokens);
    quietUntilMs.delete(key);
    refusals.delete(key);
    // One that is due as soon as it has come would be asked for anew by every caller.
    if (clock.googleMs() >= entry.refreshAtMs) {
      hush(key);
    }
  };

  const noteFailure = (key: string, error: unknown): void => {
    if (isRefusal(error)) {
      putBounded(refusals, key, { error, untilMs: clock.systemMs() + REFUSAL_MEMORY_MS }, maxTokens);
    }
    hush(key);
  };

  const run = async (key: string, grant: Grant, deadlineMs: number): Promise<Vended> => {
    try {
      const vended = await mint(grant, deadlineMs);
      remember(key, grant, vended);
      return vended;
    } catch (error) {
      noteFailure(key, error);
      throw error;
    }
  };

  const flightUnderWay = (key: string): Flight | undefined => {
    const flight = flights.get(key);
    return flight !== undefined && clock.systemMs() < flight.deadlineMs ? flight : undefined;
  };

  const fly = (key: string, grant: Grant, deadlineMs: number): Promise<Vended> => {
    const underWay = flightUnderWay(key);
    if (underWay !== undefined) {
      return underWay.promise;
    }
    const flight: Flight = { promise: run(key, grant, deadlineMs), deadlineMs };
    const land = () => {
      if (flights.get(key) === flight) {
        flights.delete(key);
      }
    };
    flights.set(key, flight);
    flight.promise.then(land, land);
    return flight.promise;
  };

  const isQuiet = (key: string): boolean => isWithin(quietUntilMs.get(key) ?? 0, QUIET_MS, clock.systemMs());

  const throwRemembered = (key: string): void => {
    const refusal = refusals.get(key);
    if (refusal !== undefined && isWithin(refusal.untilMs, REFUSAL_MEMORY_MS, clock.systemMs())) {
      throw refusal.error;
    }
  };

  const refreshBeside = (key: string, grant: Grant, deadlineMs: number): void => {
    if (!isQuiet(key) && flightUnderWay(key) === undefined) {
      const until = Math.min(deadlineMs, clock.systemMs() + MAX_BACKGROUND_MS);
      fly(key, grant, until).catch((error: unknown) => onRefreshFailed(grant, error));
    }
  };

  /** A refusal is an answer and is passed on; only if there is no answer does the old token have to do. */
  const renew = async (key: string, grant: Grant, deadlineMs: number, old: Entry): Promise<Vended> => {
    try {
      const flight = fly(key, grant, deadlineMs);
      // Half of the time that is left, so that a good token in hand is not lost to the end of the invocation.
      const patienceMs = Math.min(PATIENCE_MS, (deadlineMs - clock.systemMs()) / 2);
      const orOld = () => (clock.googleMs() < old.endAtMs ? old.vended : flight);
      const vended = await Promise.race([flight, sleep(patienceMs).then(orOld)]);
      if (vended === old.vended) {
        hush(key);
        flight.catch((error: unknown) => onRefreshFailed(grant, error));
      }
      return vended;
    } catch (error) {
      if (isRefusal(error) || clock.googleMs() >= old.endAtMs) {
        throw error;
      }
      onRefreshFailed(grant, error);
      return old.vended;
    }
  };

  const mintAnew = (key: string, grant: Grant, deadlineMs: number): Promise<Vended> => {
    throwRemembered(key);
    return fly(key, grant, deadlineMs);
  };

  return (grant, deadlineMs) => {
    const key = keyOf(grant);
    const entry = entries.get(key);
    const nowMs = clock.googleMs();
    if (entry === undefined || isOver(entry, clock)) {
      return mintAnew(key, grant, deadlineMs);
    }
    entries.delete(key);
    entries.set(key, entry);
    if (nowMs < entry.refreshAtMs) {
      return entry.vended;
    }
    if (nowMs < entry.awaitAtMs) {
      refreshBeside(key, grant, deadlineMs);
      return entry.vended;
    }
    throwRemembered(key);
    return isQuiet(key) ? entry.vended : renew(key, grant, deadlineMs, entry);
  };
}
