import { VendError } from '../errors.ts';
import { textOf } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Post, PostResponse } from '../google/post.ts';
import { quote } from '../quote.ts';
import { answeredErrorName } from './aws-answer.ts';
import { awsDomainOf } from './aws-domain.ts';
import type { Aws } from './aws-environment.ts';
import { demandAws } from './aws-failure.ts';
import { isClockRefusal } from './caller-refusal.ts';
import { parseFunctionName } from './function-name.ts';
import { brokenInvoke, functionFailure, invokeRefusal, type Place } from './invoke-failure.ts';
import { signAwsRequest } from './sign-request.ts';

/** Which function, and which of its aliases; either of them may say the alias. */
export type InvokeTarget = {
  /** A name, a partial ARN or an ARN; the region of an ARN is where it is invoked. */
  readonly functionName: string;
  readonly qualifier?: string;
};

/**
 * Invokes a function one time and returns what it returned. `deadlineMs` is when the caller stops waiting, in milliseconds
 * since the epoch by the system's clock.
 *
 * @throws {VendError} the vendor's own by the name that it threw; `access_denied` where IAM does not allow the call,
 * `invalid_request` where there is no such function, `credential_invalid` where AWS does not accept the caller's credentials,
 * `credential_unavailable` and `timeout` where another try may help, and `server_error`
 */
export type InvokeFunction = (target: InvokeTarget, payload: object, deadlineMs: number) => Promise<unknown>;

export type InvokeDependencies = {
  readonly aws: Aws;
  readonly post: Post;
  readonly clock: Clock;
  /**
   * The address of Lambda.
   * @default - what AWS_ENDPOINT_URL_LAMBDA or AWS_ENDPOINT_URL say, or the region's own
   */
  readonly url?: string | undefined;
};

const MIN_TIMEOUT_MS = 1;

/** Returns the address of Lambda that an environment names in the place of the region's own. */
export function lambdaUrlOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  return textOf(environment.AWS_ENDPOINT_URL_LAMBDA) ?? textOf(environment.AWS_ENDPOINT_URL);
}

function invocationUrl(base: string, { functionName, qualifier }: InvokeTarget): URL {
  const url = new URL(
    `${base.replace(/\/+$/, '')}/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`,
  );
  if (qualifier !== undefined) {
    url.searchParams.set('Qualifier', qualifier);
  }
  return url;
}

function payloadOf({ body }: PostResponse, place: Place): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new VendError(
      'server_error',
      `The function ${place.name} answered with what is not JSON. Is it the token vendor?`,
    );
  }
}

/**
 * Returns what invokes Lambda functions, by signed requests of our own.
 *
 * A signature that is refused for its time is made anew, one time, for the time that AWS's answer says.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function createInvokeFunction({
  aws: givenAws,
  post,
  clock,
  url = lambdaUrlOf(process.env),
}: InvokeDependencies): InvokeFunction {
  const aws = demandAws(givenAws);

  const placeOf = async ({ functionName, qualifier }: InvokeTarget): Promise<Place> => {
    const reference = parseFunctionName(functionName);
    if (reference === undefined) {
      throw new VendError(
        'invalid_request',
        `${quote(functionName)} is no function: give the name or the ARN of one (the stack's output TokenFunctionName).`,
      );
    }
    const region = reference.region ?? (await aws.region());
    return { ...reference, region, qualifier: qualifier ?? reference.qualifier };
  };

  const send = async (
    target: InvokeTarget,
    { place, text, deadlineMs }: { place: Place; text: string; deadlineMs: number },
  ): Promise<PostResponse> => {
    const { region } = place;
    const request = {
      method: 'POST',
      url: invocationUrl(url ?? `https://lambda.${region}.${awsDomainOf(region)}`, target),
      headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'RequestResponse' },
      body: text,
    } as const;
    const signer = { credentials: aws.credentials, region: async () => region, service: 'lambda' };
    const headers = await signAwsRequest(request, signer, clock.googleMs());
    const timeoutMs = Math.max(MIN_TIMEOUT_MS, deadlineMs - clock.systemMs());
    try {
      return await post(request.url, { headers, text }, timeoutMs);
    } catch (error) {
      throw brokenInvoke(error, place);
    }
  };

  /** AWS's answer shows the right time, if it is the time that was wrong; another request may have seen it meanwhile. */
  const isCorrected = (response: PostResponse, sentAtOffsetMs: number): boolean => {
    clock.observe(textOf(response.headers.date));
    return clock.offsetMs() !== sentAtOffsetMs;
  };

  return async (target, payload, deadlineMs) => {
    const place = await placeOf(target);
    const invocation = { place, text: JSON.stringify(payload), deadlineMs };
    const offsetMs = clock.offsetMs();
    const first = await send(target, invocation);
    const response =
      isClockRefusal(answeredErrorName(first)) && isCorrected(first, offsetMs)
        ? await send(target, invocation)
        : first;
    if (response.status !== 200) {
      throw invokeRefusal(response, place);
    }
    const answer = payloadOf(response, place);
    if (response.headers['x-amz-function-error'] !== undefined) {
      throw functionFailure(answer, place);
    }
    return answer;
  };
}
