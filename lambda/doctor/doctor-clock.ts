import { type Clock, createClock } from '../google/clock.ts';
import type { Finding } from './doctor-chain.ts';

/** Whose answers show the time. */
type Teller = 'AWS' | 'Google';

/** A clock that remembers what it was shown. */
export type WatchedClock = {
  /** Returns the clock for what `teller` answers; there is one time for all of them. */
  readonly shownBy: (teller: Teller) => Clock;
  /** Returns what the last answer showed of the system's clock, or `undefined` if there was none. */
  readonly finding: () => Finding | undefined;
};

const TOLERANCE_MS = 10_000;

function judge(teller: Teller, differenceMs: number): Finding {
  const seconds = Math.round(Math.abs(differenceMs) / 1000);
  const behind = differenceMs > 0 ? 'behind' : 'ahead of';
  return Math.abs(differenceMs) < TOLERANCE_MS
    ? { outcome: 'ok', detail: `within ${TOLERANCE_MS / 1000} s of ${teller}’s` }
    : {
        outcome: 'warning',
        detail: `the clock here is ${seconds} s ${behind} ${teller}’s. The vendor corrects what it signs by that, so that tokens are had all the same; but set the clock (NTP): AWS refuses what is signed more than 5 minutes off, and the times in the log are wrong.`,
      };
}

/**
 * Returns a clock of its own that goes by the answers' `Date`, as the vendor's does.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.date
 */
export function watchClock(now: () => number): WatchedClock {
  const clock = createClock({ now });
  let finding: Finding | undefined;

  return {
    shownBy: (teller) => ({
      ...clock,
      observe: (date) => {
        const shownMs = Date.parse(date ?? '');
        finding = Number.isNaN(shownMs) ? finding : judge(teller, shownMs - now());
        clock.observe(date);
      },
    }),
    finding: () => finding,
  };
}
