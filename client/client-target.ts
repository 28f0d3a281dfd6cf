import { UsageError } from '../infra/usage-error.ts';
import { parseFunctionName } from '../lambda/aws/function-name.ts';
import { textOf } from '../lambda/fields.ts';
import { parseVendorUrl, type VendorUrl } from './vendor-url.ts';

/** What of the options says which vendor and which of its profiles is asked. */
export type TargetOptions = {
  readonly url?: string | undefined;
  readonly functionName?: string | undefined;
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
};

/** The door of the vendor that is asked, and the profile behind it. */
export type ClientTarget = {
  readonly profile: string;
  /** The region to sign for, where it is known without AWS's configuration. */
  readonly region: string | undefined;
} & (
  | { readonly door: 'http'; readonly base: VendorUrl }
  | { readonly door: 'function'; readonly functionName: string }
);

type Environment = Readonly<Record<string, string | undefined>>;

const PROFILE = /^[a-z][a-z0-9_-]{0,62}$/;
const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/;

/** The environment counts where the options name no vendor at all: half of one and half of the other would be a third. */
function chosen(options: TargetOptions, environment: Environment): TargetOptions {
  if (options.url !== undefined || options.functionName !== undefined) {
    return options;
  }
  return {
    ...options,
    url: textOf(environment.GCP_TOKEN_URL),
    functionName: textOf(environment.GCP_TOKEN_FUNCTION),
    profile: options.profile ?? textOf(environment.GCP_TOKEN_PROFILE),
  };
}

function checkProfile(profile: string): string {
  if (!PROFILE.test(profile)) {
    throw new UsageError(
      `profile: ${JSON.stringify(profile.slice(0, 100))} is no name of a profile (${PROFILE.source}).`,
    );
  }
  return profile;
}

function checkRegion(given: string | undefined, said: string | undefined): string | undefined {
  if (given !== undefined && !REGION.test(given)) {
    throw new UsageError(
      `region: ${JSON.stringify(given.slice(0, 100))} is no AWS region, such as eu-west-1.`,
    );
  }
  if (given !== undefined && said !== undefined && given !== said) {
    throw new UsageError(
      `region: ${given} contradicts the vendor's address, which says ${said}; leave it out.`,
    );
  }
  return given ?? said;
}

function functionTarget(functionName: string, { profile, region }: TargetOptions): ClientTarget {
  const reference = parseFunctionName(functionName);
  if (reference === undefined) {
    throw new UsageError(
      `functionName: ${JSON.stringify(functionName.slice(0, 200))} is no name and no ARN of a Lambda function; give the stack's output TokenFunctionName.`,
    );
  }
  const { qualifier } = reference;
  if (profile !== undefined && qualifier !== undefined && profile !== qualifier) {
    throw new UsageError(
      `functionName: it names the alias ${qualifier}, and profile is ${JSON.stringify(profile.slice(0, 100))}; give one of them.`,
    );
  }
  return {
    door: 'function',
    functionName,
    profile: checkProfile(profile ?? qualifier ?? 'default'),
    region: checkRegion(region, reference.region),
  };
}

/**
 * Returns which vendor to ask, by the options or, if they name none, by the environment (`GCP_TOKEN_URL` or
 * `GCP_TOKEN_FUNCTION`, and `GCP_TOKEN_PROFILE`).
 *
 * @throws {UsageError} naming the option that is wrong, and what would be right
 */
export function chooseTarget(options: TargetOptions, environment: Environment): ClientTarget {
  const wanted = chosen(options, environment);
  const { url, functionName, profile = 'default', region } = wanted;
  if (url !== undefined && functionName !== undefined) {
    throw new UsageError(
      'Give one of url (GCP_TOKEN_URL) and functionName (GCP_TOKEN_FUNCTION), not both: they are two ways to the vendor.',
    );
  }
  if (functionName !== undefined) {
    return functionTarget(functionName, wanted);
  }
  if (url === undefined) {
    throw new UsageError(
      'Which token vendor? Give url (GCP_TOKEN_URL, or --url of gcp-token: the stack’s output TokenApiUrl) or functionName (GCP_TOKEN_FUNCTION, or --function: its output TokenFunctionName).',
    );
  }
  const base = parseVendorUrl(url);
  return { door: 'http', base, profile: checkProfile(profile), region: checkRegion(region, base.region) };
}
