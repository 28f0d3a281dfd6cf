import { ERRORS, type ErrorCode, VendError } from '../errors.ts';
import { fieldsOf, isFields, textOf } from '../fields.ts';
import type { PostResponse } from '../google/post.ts';
import { redact } from '../quote.ts';
import { answeredErrorName, parseJson, retryAfterOf } from './aws-answer.ts';
import { awsPartitionOf } from './aws-domain.ts';
import { awsErrorName, retryAdvice } from './aws-failure.ts';
import { callerRefusal } from './caller-refusal.ts';
import type { FunctionReference } from './function-name.ts';

/** Where a function is that is invoked. */
export type Place = FunctionReference & { readonly region: string };

const MAX_MESSAGE_LENGTH = 2_000;
const CODES: ReadonlyMap<unknown, ErrorCode> = new Map(
  Object.entries(ERRORS).map(([code, { thrownAs }]) => [thrownAs, code as ErrorCode]),
);
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429]);

function describe({ name, qualifier, region }: Place): string {
  return `the function ${qualifier === undefined ? name : `${name}:${qualifier}`} in ${region}`;
}

function arnOf({ name, qualifier, region, accountId = 'ACCOUNT' }: Place): string {
  const arn = `arn:${awsPartitionOf(region)}:lambda:${region}:${accountId}:function:${name}`;
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}

/** AWS names the caller, which is half of the answer to why. */
function accessDenied(body: string, place: Place): string {
  const words = textOf(fieldsOf(parseJson(body)).message) ?? textOf(fieldsOf(parseJson(body)).Message) ?? '';
  const [, caller = 'the caller'] = /User: (arn:[\w:/+=,.@-]{1,512}) is not/.exec(words) ?? [];
  const denied = / explicit deny/.test(words) ? ', and no policy may deny it, as one does' : '';
  return `AWS does not let ${caller} invoke ${describe(place)}: it needs lambda:InvokeFunction on ${arnOf(place)}${denied}. In the stack, vendor.profile(NAME).grantVend(role) grants it.`;
}

/** Returns the vendor's error for an answer of Lambda's own that is no result; its cause has the name of AWS's error. */
export function invokeRefusal(response: PostResponse, place: Place): VendError {
  const name = answeredErrorName(response);
  const shown = name === '' ? `status ${response.status}` : name;
  const refused = callerRefusal(name);
  if (refused !== undefined) {
    return refused;
  }
  const fail = (code: ErrorCode, message: string, more: { readonly retryAfterSeconds?: number } = {}) =>
    new VendError(code, message, {
      cause: Object.assign(new Error(`AWS answered ${shown}`), { name }),
      ...more,
    });

  if (response.status >= 500 || RETRYABLE_STATUSES.has(response.status)) {
    const why = response.status === 429 ? 'it takes no more calls at present' : 'Lambda failed';
    return fail(
      'credential_unavailable',
      `No answer of ${describe(place)}: ${why} (${shown}). Try again later.`,
      retryAfterOf(response),
    );
  }
  if (response.status === 403) {
    return fail('access_denied', accessDenied(response.body, place));
  }
  if (response.status === 404) {
    return fail(
      'invalid_request',
      `There is no such function or alias: ${describe(place)} (${shown}). Compare the name with the stack’s output TokenFunctionName; an alias is the name of a profile.`,
    );
  }
  return fail('server_error', `Lambda does not take the call of ${describe(place)} (${shown}).`);
}

/** Returns the vendor's error for a call that broke off. */
export function brokenInvoke(cause: unknown, place: Place): VendError {
  const name = awsErrorName(cause);
  return name === 'TimeoutError' || name === 'AbortError'
    ? new VendError('timeout', `No answer of ${describe(place)} came in time. Try again.`, { cause })
    : new VendError(
        'credential_unavailable',
        `No way to ${describe(place)}: the connection failed (${name}). ${retryAdvice(name)}`,
        { cause },
      );
}

/**
 * Returns what a function threw: the vendor's errors as what they are, by their names. What Lambda's runtime says of a
 * function that broke is not the vendor's.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
export function functionFailure(payload: unknown, place: Place): VendError {
  const { errorType, errorMessage } = isFields(payload) ? payload : {};
  const words = redact(textOf(errorMessage) ?? '').slice(0, MAX_MESSAGE_LENGTH);
  const code = CODES.get(errorType);
  if (code !== undefined) {
    return new VendError(code, words === '' ? `It threw ${errorType}: ${describe(place)}.` : words);
  }
  if (errorType === 'Sandbox.Timedout' || /Task timed out after [\d.]+ seconds/.test(words)) {
    return new VendError('timeout', `Lambda ended ${describe(place)}: its time was up. Try again.`);
  }
  const kind = typeof errorType === 'string' && /^[\w.]{1,64}$/.test(errorType) ? ` (${errorType})` : '';
  return new VendError('server_error', `It broke: ${describe(place)}${kind}. Its log has the reason.`);
}
