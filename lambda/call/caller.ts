import { type Aws, awsOfEnvironment } from '../aws/aws-environment.ts';
import { createInvokeFunction, type InvokeFunction } from '../aws/invoke-function.ts';
import { textOf } from '../fields.ts';
import { createClock } from '../google/clock.ts';
import { createNetwork } from '../google/post.ts';
import type { Handler } from '../handler.ts';
import { type Profile, parseProfiles } from '../policy/profiles.ts';
import { type CallAudit, createCallAudit } from './call-audit.ts';
import { createCallHandler } from './call-handler.ts';
import { createCallService } from './call-service.ts';
import { createCallTokens } from './call-tokens.ts';
import { createServiceNetwork, type SendToService } from './service-network.ts';
import { createVendorTokens } from './vendor-tokens.ts';

export type CallerDependencies = {
  readonly profile: Profile;
  /** The ARN of the profile's alias. */
  readonly aliasArn: string;
  readonly audit: CallAudit;
  /** @default - the region and the credentials of the environment */
  readonly aws?: Aws;
  /** @default - Lambda's Invoke API */
  readonly invoke?: InvokeFunction;
  /** @default - https */
  readonly send?: SendToService;
  readonly now?: () => number;
};

/** Returns the handler of calls, put together from its stages. */
export function createCaller({
  profile,
  aliasArn,
  audit,
  aws = awsOfEnvironment(process.env),
  invoke,
  send = createServiceNetwork(),
  now = Date.now,
}: CallerDependencies): Handler {
  const clock = createClock({ now });
  const tokens = createCallTokens({
    mint: createVendorTokens({
      invoke: invoke ?? createInvokeFunction({ aws, post: createNetwork({ now }).post, clock }),
      aliasArn,
      clock,
    }),
    clock,
    onRefreshFailed: (_grant, error) => audit.warn('a token was not renewed; the cached one stays', error),
  });
  const call = createCallService({ tokens, send, clock });
  return createCallHandler({ profile, tokens, call, clock, audit });
}

/**
 * Returns the handler as the environment says.
 *
 * @throws {Error} with every fault of the environment, or if the file beside it is not of one profile
 */
export function startCaller({
  environment,
  profilesJson,
}: {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of the file that travels with the function: the one profile that it calls for. */
  readonly profilesJson: string;
}): Handler {
  const serviceName = textOf(environment.AWS_LAMBDA_FUNCTION_NAME);
  const aliasArn = textOf(environment.VENDOR_ALIAS);
  const [profile, ...others] = parseProfiles(JSON.parse(profilesJson)).values();
  if (serviceName === undefined || aliasArn === undefined || profile === undefined || others.length > 0) {
    throw new Error(
      'The function is not as its stack makes it: there must be AWS_LAMBDA_FUNCTION_NAME and VENDOR_ALIAS in its environment, and one profile in profiles.json.',
    );
  }
  return createCaller({
    profile,
    aliasArn,
    audit: createCallAudit({ serviceName }),
    aws: awsOfEnvironment(environment),
  });
}
