import { VendError } from '../errors.ts';
import { type Fields, fieldsOf, textOf } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Post, PostResponse } from '../google/post.ts';
import { type Sleep, sleepFor } from '../sleep.ts';
import { AWS_TIMEOUT_MS } from './aws-client-limits.ts';
import { awsDomainOf } from './aws-domain.ts';
import type { Aws } from './aws-environment.ts';
import { awsErrorName, demandAws } from './aws-failure.ts';
import { signAwsRequest } from './sign-request.ts';

/** One action of a service that speaks AWS's JSON 1.1 protocol. */
export type AwsJsonCall = {
  /** As credential scopes and host names have it: `secretsmanager`, `events`. */
  readonly service: string;
  /** What the protocol calls it: `secretsmanager.GetSecretValue`. */
  readonly target: string;
  readonly input: Fields;
};

/**
 * Sends one action and returns its result. What may pass by itself is tried three times; the action must be safe to repeat.
 *
 * @throws {Error} by the name that AWS gives its error, with nothing of the answer in its message
 * @throws {VendError} `credential_unavailable` if there are no AWS credentials
 */
export type AwsJson = (call: AwsJsonCall) => Promise<Fields>;

export type AwsJsonDependencies = {
  readonly aws: Aws;
  readonly post: Post;
  readonly clock: Clock;
  /** Addresses of services that are not the region's own, by service. */
  readonly urls?: Readonly<Record<string, string | undefined>>;
  readonly sleep?: Sleep;
};

const ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 100;
const ATTEMPT_TIMEOUT_MS = 2_000;
const PASSING: ReadonlySet<string> = new Set(['ThrottlingException', 'TooManyRequestsException']);

/** `com.amazonaws.secretsmanager#ResourceNotFoundException` or the name alone. */
function errorName({ body, status }: PostResponse): string {
  const type = textOf(parseObject(body).__type)?.split('#').at(-1);
  return type !== undefined && /^\w{1,64}$/.test(type) ? type : `Status${status}`;
}

function parseObject(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function awsError(name: string, passing: boolean): Error {
  return Object.assign(new Error(`AWS answered ${name}`), { name, passing });
}

function mayPass(error: unknown): boolean {
  const { passing } = fieldsOf(error);
  return !(error instanceof VendError) && passing !== false;
}

/**
 * Returns what calls AWS's services by signed requests of our own, where the SDK's client would be the larger part of a bundle.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function createAwsJson({
  aws: given,
  post,
  clock,
  urls = {},
  sleep = sleepFor,
}: AwsJsonDependencies): AwsJson {
  const aws = demandAws(given);

  const send = async ({ service, target, input }: AwsJsonCall, timeoutMs: number): Promise<Fields> => {
    const region = await aws.region();
    const url = new URL(urls[service] ?? `https://${service}.${region}.${awsDomainOf(region)}/`);
    const text = JSON.stringify(input);
    const headers = await signAwsRequest(
      {
        method: 'POST',
        url,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target },
        body: text,
      },
      { credentials: aws.credentials, region: async () => region, service },
      clock.systemMs(),
    );
    const response = await post(url, { headers, text }, timeoutMs);
    if (response.status !== 200) {
      const name = errorName(response);
      throw awsError(name, response.status >= 500 || PASSING.has(name));
    }
    return parseObject(response.body);
  };

  return async (call) => {
    const untilMs = clock.systemMs() + AWS_TIMEOUT_MS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send(call, Math.min(ATTEMPT_TIMEOUT_MS, untilMs - clock.systemMs()));
      } catch (error) {
        const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1);
        if (!mayPass(error) || attempt === ATTEMPTS || clock.systemMs() + backoffMs >= untilMs) {
          throw error instanceof VendError ? error : awsError(awsErrorName(error), mayPass(error));
        }
        await sleep(backoffMs);
      }
    }
  };
}
