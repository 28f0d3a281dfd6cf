import { awsDomainOf } from '../../lambda/aws/aws-domain.ts';
import { awsErrorName } from '../../lambda/aws/aws-failure.ts';
import { signStsRequest } from '../../lambda/aws/aws-sts.ts';
import { callerRefusal } from '../../lambda/aws/caller-refusal.ts';
import { VendError } from '../../lambda/errors.ts';
import { fieldsOf, textOf } from '../../lambda/fields.ts';
import type { Post } from '../../lambda/google/post.ts';
import type { AwsLogin } from '../aws-login.ts';
import { within } from '../within.ts';
import type { Examined } from './caller-chain.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type IdentityDependencies = {
  readonly login: AwsLogin;
  readonly environment: Environment;
  readonly post: Post;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * How long the login may take.
   * @default 25000
   */
  readonly loginTimeoutMs?: number;
};

const TIMEOUT_MS = 10_000;
/** As long as a token client waits for all. */
const LOGIN_TIMEOUT_MS = 25_000;
const BODY = 'Action=GetCallerIdentity&Version=2011-06-15';
const ARN = /<Arn>(arn:[\w:/+=,.@-]{1,2048})<\/Arn>/;

/** What the SDK's chain says of where credentials are from, in the order in which one builds on the other. */
const SOURCES: readonly (readonly [feature: RegExp, source: string])[] = [
  [/WEB_ID/, 'a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)'],
  [/SSO/, 'AWS single sign-on'],
  [/PROCESS/, 'a process that your AWS configuration names (credential_process)'],
  [/CREDENTIALS_HTTP/, 'the container’s role'],
  [/IMDS/, 'the instance’s role'],
  [/ENV_VARS/, 'the environment (AWS_ACCESS_KEY_ID)'],
  [/PROFILE/, 'your AWS configuration'],
];

function lateLogin(): VendError {
  return new VendError(
    'credential_unavailable',
    'Your AWS login gives no credentials: neither an answer nor an error. Try `aws sts get-caller-identity`.',
  );
}

/** Returns where AWS credentials are from, in words. */
export function sourceOf(credentials: unknown, environment: Environment): string {
  const features = Object.keys(fieldsOf(fieldsOf(credentials).$source));
  const [, source = 'the environment (AWS_ACCESS_KEY_ID)'] =
    SOURCES.find(([feature]) => features.some((name) => feature.test(name))) ?? [];
  const profile = textOf(environment.AWS_PROFILE);
  return profile === undefined ? source : `${source}, profile ${profile}`;
}

/**
 * Examines who the caller is in AWS: whether there are credentials, where they are from, and whose they are.
 *
 * @throws {VendError} if there are none, or AWS does not accept them
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export async function examineIdentity({
  login,
  environment,
  post,
  now,
  loginTimeoutMs = LOGIN_TIMEOUT_MS,
}: IdentityDependencies): Promise<Examined<true>> {
  const credentials = await within(login.credentials(), loginTimeoutMs, lateLogin);
  const source = sourceOf(credentials, environment);
  const region = await login.region();
  const base = textOf(environment.AWS_ENDPOINT_URL_STS) ?? textOf(environment.AWS_ENDPOINT_URL);
  const request = {
    url: new URL(base ?? `https://sts.${region}.${awsDomainOf(region)}/`),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: BODY,
  };
  const aws = { credentials: async () => credentials, region: login.region };
  try {
    const headers = await signStsRequest(request, aws, now());
    const { body } = await post(request.url, { text: BODY, headers }, TIMEOUT_MS);
    const [, arn] = ARN.exec(body) ?? [];
    const [, code = 'no answer that is known'] = /<Code>(\w{1,64})<\/Code>/.exec(body) ?? [];
    const refusal = callerRefusal(code);
    if (refusal !== undefined) {
      return { outcome: 'failed', detail: `from ${source}: ${refusal.message}` };
    }
    return arn === undefined
      ? { outcome: 'warning', detail: `from ${source}; whose, STS does not say (${code})`, value: true }
      : { outcome: 'ok', detail: `${arn}, from ${source}`, value: true };
  } catch (error) {
    // Whoever reaches the vendor need not reach STS: in a VPC it takes an endpoint of its own.
    const detail = `from ${source}; whose is not known, for STS cannot be reached (${awsErrorName(error)})`;
    return { outcome: 'warning', detail, value: true };
  }
}
