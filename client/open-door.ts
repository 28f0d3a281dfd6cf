import { createInvokeFunction, lambdaUrlOf } from '../lambda/aws/invoke-function.ts';
import { createClock } from '../lambda/google/clock.ts';
import type { Post } from '../lambda/google/post.ts';
import type { Sleep } from '../lambda/sleep.ts';
import { withAttempts } from './attempts.ts';
import { type CredentialsOption, createAwsLogin } from './aws-login.ts';
import { chooseTarget, type TargetOptions } from './client-target.ts';
import { createHttpDoor } from './http-door.ts';
import type { AskVendor } from './vendor-door.ts';

/** What reaches out of this process, or makes it wait. */
export type DoorDependencies = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly post: Post;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: Sleep;
};

/** The way to a vendor, and the profile behind it. */
export type OpenDoor = { readonly profile: string; readonly ask: AskVendor };

/**
 * Returns the way to the vendor that the options name, by API Gateway or by Lambda, which asks again where that may help.
 *
 * @throws {UsageError} for options that do not say which vendor, or say it wrongly
 */
export function openDoor(
  options: TargetOptions & { readonly credentials?: CredentialsOption | undefined },
  { environment, post, now, random, sleep }: DoorDependencies,
): OpenDoor {
  const target = chooseTarget(options, environment);
  const { profile, region } = target;
  const login = createAwsLogin({ credentials: options.credentials, region, environment });
  // It may learn AWS's time, which signatures are for; tokens live by this machine's.
  const clock = createClock({ now });
  const askOnce: AskVendor = (() => {
    switch (target.door) {
      case 'http':
        return createHttpDoor({ base: target.base, profile }, { login, post, clock });
      case 'function': {
        const invoke = createInvokeFunction({ aws: login, post, clock, url: lambdaUrlOf(environment) });
        const place = { functionName: target.functionName, qualifier: profile };
        return (request, deadlineMs) => invoke(place, request, deadlineMs);
      }
      default:
        return target satisfies never;
    }
  })();
  return { profile, ask: withAttempts(askOnce, { login, clock, random, sleep }) };
}
