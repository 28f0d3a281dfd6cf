import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { loadSharedConfigFiles } from '@smithy/core/config';
import { UsageError } from '../infra/usage-error.ts';
import type { Aws, AwsCredentials } from '../lambda/aws/aws-environment.ts';

/** An AWS that has been found to have what a call to it needs. */
export type MachineLogin = {
  readonly aws: Aws;
  readonly region: string;
  readonly credentials: AwsCredentials;
};

export type LoginDemand = {
  /** Who needs it, as the error begins: `--secret`, `The file sa.json`. */
  readonly what: string;
  /** The region, if it is known already. */
  readonly region?: string | undefined;
  /** A flag that gives the region too. */
  readonly regionFlag?: string;
};

/** An empty variable is no setting; and the AWS CLI knows the second variable for a region, while the SDK does not. */
function setting(...names: readonly string[]): string | undefined {
  return names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '');
}

/**
 * Returns the AWS that this machine's user is logged in to, as the AWS CLI sees it: environment, configuration files, single
 * sign-on, a process or a container's endpoint. The instance metadata service is not asked, for which most machines would
 * only wait in vain; who has one sets `AWS_EC2_METADATA_DISABLED=false`.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export function machineAws(): Aws {
  process.env.AWS_EC2_METADATA_DISABLED ||= 'true';
  const region = setting('AWS_REGION', 'AWS_DEFAULT_REGION');
  // Any of the SDK's clients looks everything up, and this one is there anyway.
  const { config } = new SecretsManagerClient(region === undefined ? {} : { region });
  const stsUrl = setting('AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL');
  return {
    region: async () => await config.region(),
    credentials: async () => await config.credentials(),
    ...(stsUrl !== undefined && { stsUrl }),
  };
}

async function hasProfile(name: string): Promise<boolean> {
  const { configFile, credentialsFile } = await loadSharedConfigFiles({ ignoreCache: true });
  return Object.hasOwn(configFile, name) || Object.hasOwn(credentialsFile, name);
}

function regionFault(flag: string | undefined): string {
  const byFlag = flag === undefined ? '' : `give ${flag}, or `;
  return `there is no AWS region (${byFlag}set AWS_REGION, or run \`aws configure\`)`;
}

function credentialsFault(profile: string | undefined): string {
  const from = profile === undefined ? '' : ` from the profile ${JSON.stringify(profile)}`;
  const metadata =
    process.env.AWS_EC2_METADATA_DISABLED === 'true'
      ? '; on EC2, AWS_EC2_METADATA_DISABLED=false lets the instance’s role be used'
      : '';
  return `there are no AWS credentials${from} (run \`aws configure\` or \`aws sso login\`, or choose a profile with AWS_PROFILE=NAME${metadata})`;
}

type Attempt<Value> = { readonly value: Value } | { readonly cause: unknown };

async function attempt<Value>(get: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await get() };
  } catch (cause) {
    return { cause };
  }
}

/**
 * Returns this machine's AWS with a region and credentials that are there. To be asked before anything is done with AWS:
 * later, their lack would be told as a failure of the service that was called.
 *
 * @throws {UsageError} in one line: what is missing, and how to give it
 */
export async function demandLogin({ what, region: given, regionFlag }: LoginDemand): Promise<MachineLogin> {
  const aws = machineAws();
  const region = await attempt(async () => given ?? (await aws.region()));
  const credentials = await attempt(aws.credentials);
  if ('value' in region && 'value' in credentials) {
    return { aws, region: region.value, credentials: credentials.value };
  }
  const profile = setting('AWS_PROFILE');
  const cause = 'cause' in credentials ? credentials.cause : undefined;
  if (profile !== undefined && !(await hasProfile(profile))) {
    throw new UsageError(
      `${what} needs your AWS login, and AWS_PROFILE names the profile ${JSON.stringify(profile)}, which does not exist in your AWS configuration: name one of \`aws configure list-profiles\`, or make it with \`aws configure --profile NAME\`.`,
      { cause },
    );
  }
  const faults = [
    ...('cause' in region ? [regionFault(regionFlag)] : []),
    ...('cause' in credentials ? [credentialsFault(profile)] : []),
  ];
  throw new UsageError(`${what} needs your AWS login: ${faults.join(', and ')}.`, { cause });
}
