import { parseJson, retryAfterOf } from '../lambda/aws/aws-answer.ts';
import { awsPartitionOf } from '../lambda/aws/aws-domain.ts';
import { awsErrorName } from '../lambda/aws/aws-failure.ts';
import { callerRefusal } from '../lambda/aws/caller-refusal.ts';
import { ERRORS, type ErrorCode, VendError } from '../lambda/errors.ts';
import { fieldsOf, textOf } from '../lambda/fields.ts';
import type { PostResponse } from '../lambda/google/post.ts';
import { redact } from '../lambda/quote.ts';
import { reachAdvice } from './reach-advice.ts';
import type { VendorUrl } from './vendor-url.ts';

/** The route of a profile, and the region that it was signed for, if it was. */
export type Route = {
  readonly url: URL;
  readonly base: VendorUrl;
  readonly profile: string;
  readonly region: string | undefined;
};

/** The name of the cause of a refusal of which API Gateway says no more. */
const UNEXPLAINED = 'Forbidden';

const MAX_MESSAGE_LENGTH = 2_000;

function isCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERRORS, text);
}

/** A cause that tells no more than a name. */
function named(name: string): { readonly cause: Error } {
  return { cause: Object.assign(new Error(`The answer was ${name}`), { name }) };
}

/** Returns whether API Gateway has refused without a reason, so that other credentials may help. */
export function isUnexplainedRefusal({ cause }: VendError): boolean {
  return cause instanceof Error && cause.name === UNEXPLAINED;
}

function place({ url }: Route): string {
  return `${url.host}${url.pathname}`;
}

/** A custom domain says neither which API nor which stage is behind it. */
function arnOf({ base, url, region = 'REGION' }: Route): string {
  const [stage = '$default'] = base.url.pathname.split('/').filter((segment) => segment !== '');
  const path = url.pathname.slice(base.url.pathname.replace(/\/+$/, '').length);
  const api = base.apiId === undefined ? 'API/STAGE' : `${base.apiId}/${stage}`;
  return `arn:${awsPartitionOf(region)}:execute-api:${region}:ACCOUNT:${api}/POST${path}`;
}

function forbidden(route: Route, words: string): VendError {
  const [, caller] = /User: (arn:[\w:/+=,.@-]{1,512}) is not/.exec(words) ?? [];
  const asked =
    caller === undefined
      ? `and does not say why. Either the caller’s policy lacks execute-api:Invoke on ${arnOf(route)} (in the stack, vendor.profile(${JSON.stringify(route.profile)}).grantVend(role) grants it), or AWS does not accept its credentials or its signature for the region ${route.region}. See who it is with \`aws sts get-caller-identity\`.`
      : `to ${caller}, whose policy lacks execute-api:Invoke on ${arnOf(route)}. In the stack, vendor.profile(${JSON.stringify(route.profile)}).grantVend(role) grants it.`;
  return new VendError(
    'access_denied',
    `API Gateway refuses ${place(route)} ${asked}`,
    caller === undefined ? named(UNEXPLAINED) : {},
  );
}

function noRoute(route: Route): VendError {
  return new VendError(
    'invalid_request',
    `There is no route ${place(route)}: the vendor has no profile ${JSON.stringify(route.profile)}, or the url is not the stack’s output TokenApiUrl.`,
  );
}

function unavailable(response: PostResponse, route: Route): VendError {
  const why =
    response.status === 429
      ? 'the API takes no more calls at present (429)'
      : `API Gateway answered ${response.status} by itself: the function broke or its time was up, which its log tells, or the API may not invoke it`;
  return new VendError(
    response.status === 504 ? 'timeout' : 'credential_unavailable',
    `No token from ${place(route)}: ${why}. Try again later.`,
    { ...named(`Status${response.status}`), ...retryAfterOf(response) },
  );
}

/** What the vendor itself says; `undefined` for what others say. */
function vendorError(response: PostResponse): VendError | undefined {
  const { error, error_description } = fieldsOf(parseJson(response.body));
  const words = redact(textOf(error_description) ?? '').slice(0, MAX_MESSAGE_LENGTH);
  return isCode(error) && words !== '' ? new VendError(error, words, retryAfterOf(response)) : undefined;
}

/**
 * Returns the error that an answer other than 200 stands for: the vendor's own by its name, or what a person does about
 * that of API Gateway. `name` is that of AWS's error, if the answer has one.
 */
export function httpRefusal(
  response: PostResponse,
  { name, route }: { readonly name: string; readonly route: Route },
): VendError {
  const own = vendorError(response);
  if (own !== undefined) {
    return own;
  }
  const { status } = response;
  const fields = fieldsOf(parseJson(response.body));
  const words = textOf(fields.message) ?? textOf(fields.Message) ?? '';
  // A REST API has this for a path that it does not know.
  if (status === 404 || words === 'Missing Authentication Token') {
    return noRoute(route);
  }
  if (status === 429 || status === 408 || status >= 500) {
    return unavailable(response, route);
  }
  if (status === 401 || status === 403) {
    return callerRefusal(name) ?? forbidden(route, words);
  }
  return strangeAnswer(route.url, `the status ${status}`);
}

/** Returns the error for an answer that the vendor does not give. */
export function strangeAnswer(url: URL, what = 'what is no token'): VendError {
  return new VendError(
    'server_error',
    `${url.host} answered with ${what}. Is the url the stack’s output TokenApiUrl?`,
  );
}

/** Returns the error for a request that broke off. */
export function brokenRequest(cause: unknown, url: URL): VendError {
  const name = awsErrorName(cause);
  return name === 'TimeoutError' || name === 'AbortError'
    ? new VendError('timeout', `No answer of the vendor at ${url.host} came in time. Try again.`, { cause })
    : new VendError(
        'credential_unavailable',
        `No way to the vendor at ${url.host}: the connection failed (${name}). ${reachAdvice(name, url)}`,
        { cause },
      );
}
