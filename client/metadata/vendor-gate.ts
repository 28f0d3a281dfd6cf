import { MetadataFault, tooMany } from './metadata-fault.ts';

/** Asks the vendor for `what`; requests for the same thing say the same. @throws {MetadataFault} 429, 503 */
export type Ask = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;

export type GateLimits = {
  /** How many different things the vendor may be asked for at once. */
  readonly maxQuestions: number;
  /** How many requests may wait for it. */
  readonly maxWaiting: number;
  readonly timeoutMs: number;
};

/** More than a token client takes for all of its attempts. */
export const GATE_LIMITS: GateLimits = { maxQuestions: 32, maxWaiting: 1_000, timeoutMs: 60_000 };

async function within<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const fault = () => new MetadataFault(503, 'timeout: The vendor gave no answer in time.');
  const timer = setTimeout(() => reject(fault()), timeoutMs);
  // What nobody waits for any more keeps no program from its end.
  timer.unref();
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns what bounds how much waits for the vendor. Those who wait for the same token are one question of the many that the
 * token client asks once.
 */
export function createVendorGate({ maxQuestions, maxWaiting, timeoutMs }: GateLimits): Ask {
  const waitingFor = new Map<string, number>();
  let waiting = 0;

  const enter = (what: string): void => {
    const same = waitingFor.get(what) ?? 0;
    if (waiting >= maxWaiting || (same === 0 && waitingFor.size >= maxQuestions)) {
      throw tooMany('Too many requests wait for the vendor; try again.');
    }
    waiting += 1;
    waitingFor.set(what, same + 1);
  };

  const leave = (what: string): void => {
    const same = waitingFor.get(what) ?? 1;
    waiting -= 1;
    if (same > 1) {
      waitingFor.set(what, same - 1);
    } else {
      waitingFor.delete(what);
    }
  };

  return async (what, work) => {
    enter(what);
    try {
      return await within(work(), timeoutMs);
    } finally {
      leave(what);
    }
  };
}
