import { awsDomainOf } from '../../lambda/aws/aws-domain.ts';
import { awsErrorName } from '../../lambda/aws/aws-failure.ts';
import { lambdaUrlOf } from '../../lambda/aws/invoke-function.ts';
import { textOf } from '../../lambda/fields.ts';
import type { Post } from '../../lambda/google/post.ts';
import type { ClientTarget } from '../client-target.ts';
import { reachAdvice } from '../reach-advice.ts';
import type { Examined, Finding } from './caller-chain.ts';

export type ReachDependencies = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly post: Post;
};

const TIMEOUT_MS = 10_000;
/** AWS takes a signature that is off by five minutes at the most. */
const MAX_SKEW_MS = 240_000;
const TOLERANCE_MS = 10_000;

/** Where a target's requests go to, if that is known; at the root of it there is nothing to be had. */
function rootOf(
  target: ClientTarget,
  { environment }: ReachDependencies,
  region: string | undefined,
): URL | undefined {
  if (target.door === 'http') {
    return new URL('/', target.base.url);
  }
  const known =
    lambdaUrlOf(environment) ??
    (region === undefined ? undefined : `https://lambda.${region}.${awsDomainOf(region)}/`);
  return known === undefined ? undefined : new URL(known);
}

/** Examines whether anybody answers where the vendor is said to be; what it gives is the `Date` of the answer. */
export async function examineReach(
  target: ClientTarget,
  region: string | undefined,
  dependencies: ReachDependencies,
): Promise<Examined<string>> {
  const url = rootOf(target, dependencies, region);
  if (url === undefined) {
    return { outcome: 'skipped', detail: 'not reached' };
  }
  try {
    const { headers } = await dependencies.post(url, { text: '', headers: {} }, TIMEOUT_MS);
    return { outcome: 'ok', detail: `${url.host} answers`, value: textOf(headers.date) ?? '' };
  } catch (error) {
    const name = awsErrorName(error);
    return {
      outcome: 'failed',
      detail: `${url.host} cannot be reached (${name}). ${reachAdvice(name, url)}`,
    };
  }
}

/** Returns what the date of an answer says of this machine's clock. */
export function judgeClock(date: string, nowMs: number): Finding {
  const aheadMs = nowMs - Date.parse(date);
  if (Number.isNaN(aheadMs)) {
    return { outcome: 'skipped', detail: 'the vendor’s answer does not show the time' };
  }
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  if (Math.abs(aheadMs) < TOLERANCE_MS) {
    return { outcome: 'ok', detail: `within ${TOLERANCE_MS / 1_000} s of the vendor’s` };
  }
  const off = `the clock here is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the vendor’s`;
  return Math.abs(aheadMs) < MAX_SKEW_MS
    ? { outcome: 'warning', detail: `${off}; set it (NTP)` }
    : {
        outcome: 'warning',
        detail: `${off}; set it (NTP): AWS refuses what other programs sign here, and tokens seem to end at the wrong time`,
      };
}
