import { isUtf8 } from 'node:buffer';
import { redact } from '../quote.ts';
import { CallError, type CallErrorCode } from './call-errors.ts';
import { MAX_STATE_BYTES } from './call-limits.ts';
import { type CallRequest, isRefusedStatus } from './call-request.ts';
import { shownUrl } from './call-url.ts';
import type { HideTokens } from './hide-token.ts';
import type { ServiceAnswer } from './service-network.ts';

/** The result of a call's state. */
export type CallResult = {
  readonly status: number;
  /** Some, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What JSON says, if it is JSON; a text; or what is no text in Base64. */
  readonly body: unknown;
  readonly isBase64?: true;
};

const SHOWN_HEADERS = [
  'content-language',
  'content-type',
  'etag',
  'last-modified',
  'link',
  'location',
  'retry-after',
  'x-cloud-trace-context',
];
const MAX_HEADER_LENGTH = 2_048;
const MAX_WORDS = 500;
const THROTTLED = 429;
/** As Google's own libraries have it. */
const UNAVAILABLE: ReadonlySet<number> = new Set([408, 500, 502, 503, 504]);
const UNCOMPRESSED: ReadonlySet<string> = new Set(['', 'identity', 'chunked']);
const JSON_TYPE = /^[\w.+-]+\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const TEXT_TYPE =
  /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:xml|javascript|yaml|x-ndjson|x-www-form-urlencoded)\s*(?:;|$))/i;

/** Bytes as one character each, so that what is hidden in them may stand anywhere. */
function hideIn(bytes: Buffer, hide: HideTokens): Buffer {
  return Buffer.from(hide(bytes.toString('latin1')), 'latin1');
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // What is nested so deeply that it cannot be written again stays the text that it was.
    JSON.stringify(value);
    return value;
  } catch {
    return text;
  }
}

function bodyOf(bytes: Buffer, contentType: string): Pick<CallResult, 'body' | 'isBase64'> {
  const isText = contentType === '' || TEXT_TYPE.test(contentType) || JSON_TYPE.test(contentType);
  if (!isText || !isUtf8(bytes)) {
    return bytes.length === 0 ? { body: '' } : { body: bytes.toString('base64'), isBase64: true };
  }
  const text = bytes.toString('utf8');
  return { body: JSON_TYPE.test(contentType) ? parseJson(text) : text };
}

function headersOf({ headers }: ServiceAnswer, hide: HideTokens): Readonly<Record<string, string>> {
  return Object.fromEntries(
    SHOWN_HEADERS.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, hide(String(value)).slice(0, MAX_HEADER_LENGTH)]];
    }),
  );
}

function errorCodeOf(status: number): CallErrorCode {
  if (status === THROTTLED) {
    return 'service_throttled';
  }
  return UNAVAILABLE.has(status) ? 'service_unavailable' : 'service_refused';
}

/** Of a long refusal only the beginning was read, which may end inside of a character. */
function withoutBrokenEnd(bytes: Buffer): Buffer {
  const cuts = [0, 1, 2, 3].map((left) => bytes.subarray(0, bytes.length - left));
  return cuts.find(isUtf8) ?? bytes;
}

function refusal({ url }: CallRequest, { status }: ServiceAnswer, hidden: Buffer): CallError {
  const body = withoutBrokenEnd(hidden);
  const words = isUtf8(body) ? redact(body.toString('utf8')).replace(/\s+/g, ' ').trim() : '';
  const shown = words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}…` : words;
  const said = shown === '' ? '.' : `: ${shown}`;
  return new CallError(errorCodeOf(status), `${shownUrl(url)} answered ${status}${said}`, { status });
}

function demandFitting(result: CallResult, { url }: CallRequest): CallResult {
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_STATE_BYTES) {
    throw new CallError(
      'response_too_large',
      `${shownUrl(url)} answered ${result.status} with more than a state can hold: ${MAX_STATE_BYTES} bytes as JSON.`,
      { status: result.status },
    );
  }
  return result;
}

/** What encodes a body on its way, be it the content's or the connection's; Node.js takes `chunked` off, and nothing else. */
function isCompressed({ headers, body }: ServiceAnswer): boolean {
  const codings = [headers['content-encoding'], headers['transfer-encoding']]
    .flatMap((list) => (list ?? '').split(','))
    .map((coding) => coding.trim().toLowerCase());
  return body.length > 0 && codings.some((coding) => !UNCOMPRESSED.has(coding));
}

/**
 * Returns the result of a call, with no token of it in what the service answered.
 *
 * @throws {CallError} for a status from 400 on that the request does not accept, with the beginning of what the service says;
 * `response_too_large` for what a state cannot hold; `service_refused` for a body that was compressed, unasked
 */
export function respondToCall(request: CallRequest, answer: ServiceAnswer, hide: HideTokens): CallResult {
  const { status, headers } = answer;
  if (isCompressed(answer)) {
    throw new CallError(
      'service_refused',
      `${shownUrl(request.url)} answered ${status} with a compressed body, though it was asked not to.`,
      { status },
    );
  }
  const body = hideIn(answer.body, hide);
  if (isRefusedStatus(request, status)) {
    throw refusal(request, answer, body);
  }
  const result = { status, headers: headersOf(answer, hide), ...bodyOf(body, headers['content-type'] ?? '') };
  return demandFitting(result, request);
}
