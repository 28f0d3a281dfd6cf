/** The time by the system and by Google, in milliseconds since the epoch. */
export type Clock = {
  /** What the system believes: for deadlines and ages. */
  readonly systemMs: () => number;
  /** What Google's answers say: for assertions and the lifetimes of tokens. */
  readonly googleMs: () => number;
  /** By how much Google's time is ahead of the system's, as far as is known. */
  readonly offsetMs: () => number;
  /** Learns from the `Date` header of an answer. */
  readonly observe: (date: string | undefined) => void;
};

/** Below this, a difference is the network's latency and the header's whole seconds, not a wrong clock. */
const TOLERANCE_MS = 10_000;

/**
 * Returns a clock that follows Google's once an answer of Google's shows that the system's is off.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.date
 */
export function createClock({ now = Date.now }: { readonly now?: () => number } = {}): Clock {
  let offsetMs = 0;

  return {
    systemMs: now,
    googleMs: () => now() + offsetMs,
    offsetMs: () => offsetMs,
    observe: (date) => {
      const difference = date === undefined ? Number.NaN : Date.parse(date) - now();
      if (Number.isNaN(difference) || Math.abs(difference - offsetMs) < TOLERANCE_MS) {
        return;
      }
      offsetMs = Math.abs(difference) < TOLERANCE_MS ? 0 : difference;
    },
  };
}
