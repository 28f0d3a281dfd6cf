import { isLifetime, MAX_SECONDS, MIN_SECONDS } from '../../lambda/policy/lifetimes.ts';
import { quote } from '../../lambda/quote.ts';
import { CommandLineError } from './command-line-error.ts';

const DURATION = /^(?:(\d{1,2})h)?(?:(\d{1,3})m)?(?:(\d{1,5})s?)?$/;

/**
 * Returns the seconds that `--lifetime` says, as gcloud writes durations: `1800`, `1800s`, `30m`, `1h30m`.
 *
 * @throws {CommandLineError} for what is no duration, or none that a token can have
 * @see https://cloud.google.com/sdk/gcloud/reference/topic/datetimes
 */
export function parseLifetime(text: string): number {
  const [, hours = '0', minutes = '0', seconds = '0'] = DURATION.exec(text) ?? [];
  const total = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  if (!isLifetime(total)) {
    throw new CommandLineError(
      `--lifetime: ${quote(text)} is no lifetime of a token; give ${MIN_SECONDS} to ${MAX_SECONDS} seconds, as 1800, 1800s, 30m or 1h30m.`,
    );
  }
  return total;
}
