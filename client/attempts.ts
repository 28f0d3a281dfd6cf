import { isCallerRefusal } from '../lambda/aws/caller-refusal.ts';
import { ERRORS, VendError } from '../lambda/errors.ts';
import type { Clock } from '../lambda/google/clock.ts';
import type { Sleep } from '../lambda/sleep.ts';
import type { AwsLogin } from './aws-login.ts';
import { isUnexplainedRefusal } from './http-failure.ts';
import type { AskVendor } from './vendor-door.ts';
import { within } from './within.ts';

export type AttemptsDependencies = {
  readonly login: AwsLogin;
  readonly clock: Clock;
  readonly random: () => number;
  readonly sleep: Sleep;
};

const ATTEMPTS = 4;
/** A connection that went silent must not take all of the time. */
const ATTEMPT_TIMEOUT_MS = 12_000;
const FIRST_BACKOFF_MS = 200;
/** With less time than this, another attempt could only end as a time-out. */
const MIN_ATTEMPT_MS = 50;

function late(): VendError {
  return new VendError('timeout', 'No token came in time: neither an answer nor an error. Try again.');
}

function retryAfterMs(error: VendError): number {
  return (error.retryAfterSeconds ?? 0) * 1_000;
}

/**
 * Returns what asks again where that may help: after what the table of errors calls so, with exponential backoff and full
 * jitter, no sooner than `Retry-After` says, within the deadline; and at once, one time, with other AWS credentials,
 * where those that were used are not accepted and there are others by now.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function withAttempts(ask: AskVendor, dependencies: AttemptsDependencies): AskVendor {
  const { login, clock, random, sleep } = dependencies;

  const hasOtherCredentials = async (error: VendError, deadlineMs: number): Promise<boolean> => {
    if (!isCallerRefusal(error) && !isUnexplainedRefusal(error)) {
      return false;
    }
    return await within(login.renew(), deadlineMs - clock.systemMs(), late).catch(() => false);
  };

  /** Throws where there is nothing to wait for. */
  const pause = async (error: VendError, tried: number, deadlineMs: number): Promise<void> => {
    const backoffMs = random() * FIRST_BACKOFF_MS * 2 ** (tried - 1);
    const waitMs = Math.max(backoffMs, retryAfterMs(error));
    const isOver = tried >= ATTEMPTS || clock.systemMs() + waitMs + MIN_ATTEMPT_MS > deadlineMs;
    if (!ERRORS[error.code].retryable || isOver) {
      throw error;
    }
    await sleep(waitMs);
  };

  return async (request, deadlineMs) => {
    let isRenewed = false;
    for (let tried = 1; ; tried += 1) {
      const timeoutMs = Math.min(ATTEMPT_TIMEOUT_MS, deadlineMs - clock.systemMs());
      try {
        // The request has its own time-out, which says more.
        return await within(ask(request, clock.systemMs() + timeoutMs), timeoutMs + MIN_ATTEMPT_MS, late);
      } catch (error) {
        if (!(error instanceof VendError)) {
          throw error;
        }
        if (!isRenewed && (await hasOtherCredentials(error, deadlineMs))) {
          isRenewed = true;
        } else {
          await pause(error, tried, deadlineMs);
        }
      }
    }
  };
}
