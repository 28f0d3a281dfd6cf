import { awsErrorName } from '../lambda/aws/aws-failure.ts';
import { VendError } from '../lambda/errors.ts';
import { quote } from '../lambda/quote.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const HOW =
  'On AWS, give the workload a role (Lambda, ECS task, EKS service account, EC2 instance profile); on a laptop, run `aws sso login` or `aws configure`, or choose a profile with AWS_PROFILE.';

/** A profile that is named and not there is the likeliest fault of a login, and the SDK's own words are not shown. */
function howFor({ AWS_PROFILE: profile }: Environment): string {
  return profile
    ? `AWS_PROFILE names ${quote(profile)}: see with \`aws configure list-profiles\` whether there is such a profile, and with \`aws sts get-caller-identity\` whether it has credentials.`
    : HOW;
}

function hasRemote(environment: Environment): boolean {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: full, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative } =
    environment;
  return Boolean(full || relative || environment.AWS_WEB_IDENTITY_TOKEN_FILE);
}

/**
 * Returns the vendor's error for AWS credentials that could not be had. The SDK's own words stay out of it: those of a
 * process that gives credentials hold its command line.
 */
export function loginFault(error: unknown, environment: Environment): VendError {
  if (error instanceof VendError) {
    return error;
  }
  const name = awsErrorName(error);
  const words = error instanceof Error ? error.message : '';
  const cause = Object.assign(new Error(`The AWS credentials failed with ${name}`), { name });
  if (/aws sso login/i.test(words)) {
    return new VendError(
      'credential_invalid',
      `The AWS single sign-on session is over, or not set up (${name}). Run \`aws sso login\`, with --profile if AWS_PROFILE names one.`,
      { cause },
    );
  }
  return hasRemote(environment)
    ? new VendError(
        'credential_unavailable',
        `The AWS credentials of this workload cannot be had now (${name}). If it stays so, check the role of the task or pod, and what AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_WEB_IDENTITY_TOKEN_FILE name.`,
        { cause },
      )
    : new VendError(
        'credential_invalid',
        `There are no AWS credentials to sign with (${name}). ${howFor(environment)}`,
        {
          cause,
        },
      );
}
