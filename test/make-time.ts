/** A clock that stands still until a test moves it, and the sleep that goes by it. */
export type FakeTime = {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** How long each sleep so far was to be, in milliseconds. */
  readonly slept: readonly number[];
  /** Moves the clock, wakes whoever is due, and lets all that follows from it happen. */
  readonly advance: (ms: number) => Promise<void>;
};

export const START_MS = Date.UTC(2026, 0, 1);

/** Returns when everything that needs no time to pass has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Returns a clock that shows `startMs`. */
export function createTime(startMs: number = START_MS): FakeTime {
  const slept: number[] = [];
  let sleepers: { readonly dueMs: number; readonly wake: () => void }[] = [];
  let nowMs = startMs;

  return {
    now: () => nowMs,
    slept,
    sleep: (ms) => {
      slept.push(ms);
      return new Promise((wake) => sleepers.push({ dueMs: nowMs + ms, wake }));
    },
    advance: async (ms) => {
      nowMs += ms;
      const due = sleepers.filter(({ dueMs }) => dueMs <= nowMs);
      sleepers = sleepers.filter(({ dueMs }) => dueMs > nowMs);
      for (const { wake } of due) {
        wake();
      }
      await settled();
    },
  };
}
