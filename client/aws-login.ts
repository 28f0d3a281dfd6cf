import type { Aws, AwsCredentials } from '../lambda/aws/aws-environment.ts';
import { VendError } from '../lambda/errors.ts';
import { textOf } from '../lambda/fields.ts';
import { loginFault } from './login-fault.ts';

/** AWS credentials, or what gives them: a provider of the AWS SDK's, for example. */
export type CredentialsOption = AwsCredentials | CredentialsProvider;

type CredentialsProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<AwsCredentials>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Who this process is in AWS. Both of its faults are told as a {@link VendError}. */
export type AwsLogin = Pick<Aws, 'credentials' | 'region'> & {
  /** Has the credentials loaded anew, and returns whether they are others than those that were last in use. */
  readonly renew: () => Promise<boolean>;
};

export type AwsLoginOptions = {
  readonly credentials?: CredentialsOption | undefined;
  readonly region?: string | undefined;
  readonly environment?: Environment;
};

const SILENT = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** As in the SDK's chain, a profile that is named comes before the keys of the environment. */
function keysOf(environment: Environment): AwsCredentials | undefined {
  const accessKeyId = textOf(environment.AWS_ACCESS_KEY_ID);
  const secretAccessKey = textOf(environment.AWS_SECRET_ACCESS_KEY);
  const sessionToken = textOf(environment.AWS_SESSION_TOKEN);
  const isProfiled = textOf(environment.AWS_PROFILE) !== undefined;
  return isProfiled || accessKeyId === undefined || secretAccessKey === undefined
    ? undefined
    : { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** Its files are read anew whenever it is asked anew: a login that was renewed is found. */
async function openChain(): Promise<CredentialsProvider> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  return defaultProvider({ logger: SILENT, ignoreCache: true });
}

async function configuredRegion(): Promise<string> {
  const { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } = await import(
    '@smithy/core/config'
  );
  return await loadConfig(NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS)();
}

function isSame(one: AwsCredentials, other: AwsCredentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
}

/**
 * Returns the AWS credentials of wherever this process runs, as the AWS SDK finds them: environment, configuration files,
 * single sign-on, a process, a web identity, a container's endpoint, an instance's role. The SDK's chain is loaded when it is
 * needed, and not at all where the environment has keys, as Lambda's has.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function createAwsLogin({
  credentials: given,
  region: givenRegion,
  environment = process.env,
}: AwsLoginOptions = {}): AwsLogin {
  let chain: Promise<CredentialsProvider> | undefined;
  let lastUsed: AwsCredentials | undefined;

  const find = async (options: { readonly forceRefresh?: boolean }): Promise<AwsCredentials> => {
    if (given !== undefined) {
      return typeof given === 'function' ? await given(options) : given;
    }
    const keys = keysOf(environment);
    if (keys !== undefined) {
      return keys;
    }
    chain ??= openChain();
    return await (await chain)(options);
  };

  const load = async (options: { readonly forceRefresh?: boolean } = {}): Promise<AwsCredentials> => {
    try {
      lastUsed = await find(options);
      return lastUsed;
    } catch (error) {
      throw loginFault(error, environment);
    }
  };

  return {
    credentials: () => load(),
    renew: async () => {
      const before = lastUsed;
      const after = await load({ forceRefresh: true });
      return before === undefined || !isSame(before, after);
    },
    region: async () => {
      try {
        const region =
          givenRegion ?? textOf(environment.AWS_REGION) ?? textOf(environment.AWS_DEFAULT_REGION);
        // An empty variable is no setting, but for the SDK it is one.
        const known = region ?? textOf(await configuredRegion());
        if (known !== undefined) {
          return known;
        }
      } catch {
        // Told below.
      }
      throw new VendError(
        'credential_invalid',
        'The AWS region is not known: set AWS_REGION, or give it by the client’s option region (--region of gcp-token).',
      );
    },
  };
}
