import { VendError } from '../errors.ts';
import { type Fields, isFields } from '../fields.ts';
import { isAudience } from '../policy/audiences.ts';
import { quote } from '../quote.ts';
import { type CallBody, parseCallBody } from './call-body.ts';
import { type CallHeaders, parseCallHeaders } from './call-headers.ts';
import {
  DEFAULT_RESPONSE_BYTES,
  DEFAULT_TIMEOUT_SECONDS,
  MAX_STATE_BYTES,
  MAX_TIMEOUT_SECONDS,
} from './call-limits.ts';
import { addQuery } from './call-query.ts';
import { parseCallUrl } from './call-url.ts';

/** A call as a state machine asks for it, judged but not yet allowed. */
export type CallRequest = {
  /** With all of its query. */
  readonly url: URL;
  /** Whom the token is to be for; undefined: whom the URL shows. */
  readonly audience: string | undefined;
  readonly method: string;
  readonly headers: CallHeaders;
  readonly body: CallBody | undefined;
  /** Statuses from 400 on that are results all the same. */
  readonly acceptStatuses: readonly number[];
  readonly maxResponseBytes: number;
  readonly timeoutMs: number;
};

/** What a call may do, and whether it does no harm if it is done twice. */
export const METHODS: ReadonlyMap<unknown, { readonly repeatable: boolean; readonly body: boolean }> =
  new Map([
    ['GET', { repeatable: true, body: false }],
    ['HEAD', { repeatable: true, body: false }],
    ['OPTIONS', { repeatable: true, body: true }],
    ['PUT', { repeatable: true, body: true }],
    ['DELETE', { repeatable: true, body: true }],
    ['POST', { repeatable: false, body: true }],
    ['PATCH', { repeatable: false, body: true }],
  ]);

const FIELDS: ReadonlySet<string> = new Set([
  'url',
  'audience',
  'method',
  'headers',
  'query',
  'body',
  'acceptStatuses',
  'maxResponseBytes',
  'timeoutSeconds',
]);

const FIRST_REFUSAL = 400;
const LAST_STATUS = 599;

function invalid(message: string): VendError {
  return new VendError('invalid_request', message);
}

function parseUrl(value: unknown): URL {
  const url = typeof value === 'string' ? parseCallUrl(value) : undefined;
  if (url === undefined) {
    throw invalid(
      `url: ${quote(value)} is not an https URL in its plain spelling (lower-case host; no user, port 443, fragment or dot segment; what is neither a letter, a digit nor punctuation percent-encoded).`,
    );
  }
  return url;
}

function parseAudience(value: unknown): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== 'string' || !isAudience(value)) {
    throw invalid(
      `audience: ${quote(value)} is neither an https URL in its plain spelling (lower-case host, no port 443, no fragment) nor an OAuth client id.`,
    );
  }
  return value;
}

/** Returns the method of a call: what is given, or that of curl, GET without a body and POST with one. */
export function methodOf({ method, body }: Fields): string {
  const given = method ?? (body === undefined || body === null ? 'GET' : 'POST');
  if (typeof given !== 'string' || !METHODS.has(given)) {
    throw invalid(`method: ${quote(given)} is none of ${[...METHODS.keys()].join(', ')}.`);
  }
  return given;
}

function parseNumber(name: string, value: unknown, { max, usual }: { max: number; usual: number }): number {
  if (value === undefined) {
    return usual;
  }
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max) {
    const shown = typeof value === 'number' ? value : quote(value);
    throw invalid(`${name}: ${shown} is not a whole number from 1 to ${max}.`);
  }
  return value;
}

function parseStatuses(value: unknown = []): readonly number[] {
  const isStatus = (status: unknown) =>
    Number.isInteger(status) && Number(status) >= FIRST_REFUSAL && Number(status) <= LAST_STATUS;
  if (!Array.isArray(value) || !value.every(isStatus)) {
    throw invalid(
      'acceptStatuses: it is not a list of statuses from 400 to 599; those below are results anyway.',
    );
  }
  return value;
}

/** Returns whether a status is an error to who makes the call. */
export function isRefusedStatus({ acceptStatuses }: CallRequest, status: number): boolean {
  return status >= FIRST_REFUSAL && !acceptStatuses.includes(status);
}

/**
 * Returns the call that an event asks for.
 *
 * @throws {VendError} `invalid_request`, naming the field and what it may be
 */
export function parseCallRequest(event: unknown): CallRequest {
  if (!isFields(event)) {
    throw invalid('The event must be an object, such as {"url": "https://…"}.');
  }
  const unknown = Object.keys(event).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) {
    throw invalid(`${quote(unknown)} is not a field of a call; there are ${[...FIELDS].join(', ')}.`);
  }
  const method = methodOf(event);
  const body = parseCallBody(event.body);
  if (body !== undefined && METHODS.get(method)?.body === false) {
    throw invalid(`body: a ${method} has none; leave it out, or use POST.`);
  }
  return {
    url: addQuery(parseUrl(event.url), event.query),
    audience: parseAudience(event.audience),
    method,
    headers: parseCallHeaders(event.headers),
    body,
    acceptStatuses: parseStatuses(event.acceptStatuses),
    maxResponseBytes: parseNumber('maxResponseBytes', event.maxResponseBytes, {
      max: MAX_STATE_BYTES,
      usual: DEFAULT_RESPONSE_BYTES,
    }),
    timeoutMs:
      1_000 *
      parseNumber('timeoutSeconds', event.timeoutSeconds, {
        max: MAX_TIMEOUT_SECONDS,
        usual: DEFAULT_TIMEOUT_SECONDS,
      }),
  };
}
