import type { Audit } from './audit.ts';
import { type Aws, awsOfEnvironment } from './aws/aws-environment.ts';
import type { ReadSecret } from './aws/secrets-manager.ts';
import { createCache } from './cache.ts';
import { type CredentialLocation, createCredentialStore } from './credentials/credential-store.ts';
import { type AwsStep, openTokenSource } from './credentials/token-source.ts';
import { isForDoctor } from './doctor/doctor-alias.ts';
import { createClock } from './google/clock.ts';
import { createExchange } from './google/exchange.ts';
import { createNetwork, type Network } from './google/post.ts';
import { createHandler, type Handler } from './handler.ts';
import { createMinter } from './mint.ts';
import type { Profiles } from './policy/profiles.ts';

export type VendorDependencies = {
  readonly profiles: Profiles;
  readonly credentials: ReadonlyMap<string, CredentialLocation>;
  readonly readSecret: ReadSecret;
  readonly audit: Audit;
  readonly network?: Network;
  /**
   * For the credentials that prove who the function is in AWS, or sign there.
   * @default - the region and the credentials of the environment
   */
  readonly aws?: Aws;
  /**
   * Whether documents may name stand-ins for Google on loopback.
   * @default true
   */
  readonly allowsStandIns?: boolean;
  readonly now?: () => number;
  readonly random?: () => number;
};

export type Vendor = {
  readonly handler: Handler;
  /**
   * Starts reading the credentials, so that the first request finds them on the way. Resolves when they are there or
   * have failed; never rejects, because the request that needs one will say what is wrong.
   */
  readonly warmUp: () => Promise<void>;
};

/** More would hold up the start of a container for credentials that it may never be asked for. */
const MAX_READ_AHEAD = 3;

/** Returns the vendor, put together from its stages. */
export function createVendor({
  profiles,
  credentials: locations,
  readSecret,
  audit,
  network = createNetwork(),
  aws: givenAws = awsOfEnvironment(process.env),
  allowsStandIns = true,
  now = Date.now,
  random = Math.random,
}: VendorDependencies): Vendor {
  // Its own, since a credential's clients of AWS's are kept by it.
  const aws: Aws = { ...givenAws };
  const clock = createClock({ now });
  const exchange = createExchange({ post: network.post, clock, random });
  const sources = {
    exchange,
    post: network.post,
    clock,
    aws,
    connectAhead: network.connectAhead,
    allowsStandIns,
    step: <Result>(_name: AwsStep, work: () => Promise<Result>) => work(),
  };
  const credentials = createCredentialStore({
    locations,
    readSecret,
    open: (text, holder) => openTokenSource(text, holder, sources),
    now,
    onStale: (name, error) =>
      audit.warn(`the credential ${name} was not read again; the last good one stays`, error),
  });
  const mint = createCache(createMinter({ credentials, clock }), {
    clock,
    onRefreshFailed: (_grant, error) => audit.warn('a token was not renewed; the cached one stays', error),
  });

  const vend = createHandler({ profiles, mint, clock, audit });
  const examine: Handler = async (event, context) => {
    const { createDoctor } = await import('./doctor/doctor.ts');
    return await createDoctor({
      profiles,
      locations,
      readSecret,
      audit,
      network,
      aws,
      allowsStandIns,
      now,
      random,
    })(event, context);
  };

  return {
    handler: (event, context) => (isForDoctor(context.invokedFunctionArn) ? examine : vend)(event, context),
    warmUp: async () => {
      const names = [...locations.keys()].slice(0, MAX_READ_AHEAD);
      await Promise.allSettled(names.map((name) => credentials.get(name)));
    },
  };
}
