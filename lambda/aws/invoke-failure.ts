import { ERRORS, type ErrorCode, VendError } from '../errors.ts';
import { fieldsOf, isFields, textOf } from '../fields.ts';
import type { PostResponse } from '../google/post.ts';
import { redact } from '../quote.ts';
import { awsErrorName, retryAdvice } from './aws-failure.ts';
import type { FunctionReference } from './function-name.ts';

/** Where a function is that is invoked. */
export type Place = FunctionReference & { readonly region: string };

const MAX_MESSAGE_LENGTH = 2_000;
const CLOCK_REFUSALS: ReadonlySet<string> = new Set([
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
]);
const CODES: ReadonlyMap<unknown, ErrorCode> = new Map(
  Object.entries(ERRORS).map(([code, { thrownAs }]) => [thrownAs, code as ErrorCode]),
);
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429]);

const LOOK = 'See who they are with `aws sts get-caller-identity`.';
/** What AWS says of the credentials that a request was signed with. */
const CREDENTIALS_REFUSED: ReadonlyMap<string, string> = new Map([
  ['ExpiredTokenException', `Their session is over: log in again, or let them be renewed. ${LOOK}`],
  [
    'UnrecognizedClientException',
    `It does not know them: check the access key and the session token. ${LOOK}`,
  ],
  ['InvalidClientTokenId', `It does not know them: check the access key and the session token. ${LOOK}`],
  [
    'InvalidSignatureException',
    'The signature does not fit: check the secret access key, and the clock of this machine.',
  ],
  [
    'SignatureDoesNotMatch',
    'The signature does not fit: check the secret access key, and the clock of this machine.',
  ],
  ['RequestExpired', 'The signature is too old: check the clock of this machine.'],
  [
    'MissingAuthenticationTokenException',
    'The request reached it without a signature: check what is in between.',
  ],
  ['IncompleteSignatureException', 'The signature did not reach it whole: check what is in between.'],
]);

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Lambda puts the name of an error into a header, with an address behind it at times, and into the body of some answers. */
function errorNameOf({ headers, body }: Pick<PostResponse, 'headers' | 'body'>): string {
  const named = textOf(headers['x-amzn-errortype']) ?? textOf(fieldsOf(parse(body)).__type) ?? '';
  const name = named.split(':')[0]?.split('#').at(-1) ?? '';
  return /^\w{1,64}$/.test(name) ? name : '';
}

function partitionOf(region: string): string {
  const [first, second] = region.split('-');
  return first === 'cn' || first === 'eusc' ? `aws-${first}` : second === 'gov' ? 'aws-us-gov' : 'aws';
}

function describe({ name, qualifier, region }: Place): string {
  return `the function ${qualifier === undefined ? name : `${name}:${qualifier}`} in ${region}`;
}

function arnOf({ name, qualifier, region, accountId = 'ACCOUNT' }: Place): string {
  const arn = `arn:${partitionOf(region)}:lambda:${region}:${accountId}:function:${name}`;
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}

/** AWS names the caller, which is half of the answer to why. */
function accessDenied(body: string, place: Place): string {
  const words = textOf(fieldsOf(parse(body)).message) ?? textOf(fieldsOf(parse(body)).Message) ?? '';
  const [, caller = 'the caller'] = /User: (arn:[\w:/+=,.@-]{1,512}) is not/.exec(words) ?? [];
  const denied = / explicit deny/.test(words) ? ', and no policy may deny it, as one does' : '';
  return `AWS does not let ${caller} invoke ${describe(place)}: it needs lambda:InvokeFunction on ${arnOf(place)}${denied}. In the stack, vendor.profile(NAME).grantVend(role) grants it.`;
}

function retryAfterOf({ headers }: PostResponse): { readonly retryAfterSeconds?: number } {
  const seconds = Number(textOf(headers['retry-after']));
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: Math.min(seconds, 3_600) } : {};
}

/** Returns whether AWS may have refused a signature for its time. */
export function isClockRefusal(response: PostResponse): boolean {
  return response.status >= 400 && response.status < 500 && CLOCK_REFUSALS.has(errorNameOf(response));
}

/** Returns the vendor's error for an answer of Lambda's own that is no result; its cause has the name of AWS's error. */
export function invokeRefusal(response: PostResponse, place: Place): VendError {
  const name = errorNameOf(response);
  const shown = name === '' ? `status ${response.status}` : name;
  const fail = (code: ErrorCode, message: string, more: { readonly retryAfterSeconds?: number } = {}) =>
    new VendError(code, message, {
      cause: Object.assign(new Error(`AWS answered ${shown}`), { name }),
      ...more,
    });

  const credentials = CREDENTIALS_REFUSED.get(name);
  if (credentials !== undefined) {
    return fail(
      'credential_invalid',
      `AWS does not accept the caller’s credentials (${name}). ${credentials}`,
    );
  }
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
