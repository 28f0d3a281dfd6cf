import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Aws } from '../lambda/aws-environment.ts';

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
