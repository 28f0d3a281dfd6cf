import { VendError } from '../errors.ts';
import { type Fields, fieldsOf, isFields, textOf } from '../fields.ts';
import { quote } from '../quote.ts';
import { type Sleep, sleepFor } from '../sleep.ts';
import type { Clock } from './clock.ts';
import type { EndpointKind, Refusal, RefusalAnswer, Signer } from './google-refusal.ts';
import type { Post, PostBody, PostResponse } from './post.ts';

/** What came of an exchange that Google answered. */
export type ExchangeResult =
  | { readonly outcome: 'granted'; readonly fields: Fields; readonly googleMs: number }
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

/** An address of Google's that gives tokens, and which kind it is: the same word means different things in its refusals. */
export type Endpoint = {
  readonly kind: EndpointKind;
  readonly url: URL;
  /** Who signs what is sent there, where that gives a refusal another meaning. */
  readonly signer?: Signer;
};

/**
 * Posts to an endpoint of Google's until it is answered: a yes or a no is returned; silence, overload and
 * garbage are tried again, inside the time that is left.
 *
 * `deadlineMs` is in milliseconds since the epoch by the system's clock.
 *
 * @throws {VendError} `google_unavailable`
 */
export type Exchange = (endpoint: Endpoint, body: PostBody, deadlineMs: number) => Promise<ExchangeResult>;

export type ExchangeDependencies = {
  readonly post: Post;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly sleep?: Sleep;
};

type Attempt =
  | { readonly outcome: 'answered'; readonly result: ExchangeResult }
  | {
      readonly outcome: 'failed';
      readonly reason: string;
      readonly cause?: unknown;
      readonly retryAfterMs: number;
    };

type Failure = Extract<Attempt, { outcome: 'failed' }>;

const ATTEMPTS = 3;
const ATTEMPT_TIMEOUT_MS = 6_000;
const FIRST_BACKOFF_MS = 200;
/** With less time than this, another attempt could only end as a time-out. */
const MIN_ATTEMPT_MS = 50;
const MAX_RETRY_AFTER_SECONDS = 3_600;
/** When Google asks to be left alone, it is; but for no longer than this, should it have asked for too much. */
const MAX_SILENCE_MS = 60_000;

/**
 * An answer that a frozen container finds when it thaws: its `Date` would put the clock back by the length of the
 * freeze, and its token is older than it seems.
 */
const TOO_LATE: Attempt = { outcome: 'failed', reason: 'it did not answer in time', retryAfterMs: 0 };

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const RETRYABLE_ERRORS: ReadonlySet<unknown> = new Set([
  'internal_failure',
  'server_error',
  'temporarily_unavailable',
]);

function parseFields(body: string): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isFields(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function headerOf(response: PostResponse, name: string): string | undefined {
  return textOf(response.headers[name]);
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after; its seconds form is the one that Google uses */
function retryAfterMs(response: PostResponse): number {
  const seconds = Number(headerOf(response, 'retry-after') ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS) * 1000 : 0;
}

function isRetryable(status: number, fields: Fields | undefined): boolean {
  const garbage = status === 200 && fields === undefined;
  return garbage || RETRYABLE_STATUSES.has(status) || RETRYABLE_ERRORS.has(fields?.error);
}

/** Token endpoints answer errors as RFC 6749 has them, Google's other APIs as an object. */
function wordsOf(fields: Fields | undefined): Pick<RefusalAnswer, 'error' | 'description'> {
  const error = fields?.error;
  return isFields(error)
    ? { error: textOf(error.status), description: textOf(error.message) }
    : { error: textOf(error), description: textOf(fields?.error_description) };
}

function describeFailure(status: number, fields: Fields | undefined): string {
  if (status === 200 && fields === undefined) {
    return 'its answer is not JSON';
  }
  return `it answered ${status}${typeof fields?.error === 'string' ? ` ${quote(fields.error)}` : ''}`;
}

/** Only the kind of failure is told on: the message of a broken connection is for nobody but the log. */
function describeBreak(error: unknown): string {
  const code = textOf(fieldsOf(error).code);
  const timedOut = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
  return timedOut
    ? 'it did not answer in time'
    : `the connection failed${code === undefined ? '' : ` (${code})`}`;
}

/** Returns the vendor's dialogue with Google, built on `post`. */
export function createExchange({
  post,
  clock,
  random = Math.random,
  sleep = sleepFor,
}: ExchangeDependencies): Exchange {
  const judge = async (endpoint: Endpoint, response: PostResponse, googleMs: number): Promise<Attempt> => {
    clock.observe(headerOf(response, 'date'));
    const fields = parseFields(response.body);
    if (isRetryable(response.status, fields)) {
      const reason = describeFailure(response.status, fields);
      return { outcome: 'failed', reason, retryAfterMs: retryAfterMs(response) };
    }
    if (response.status === 200 && fields !== undefined && fields.error === undefined) {
      return { outcome: 'answered', result: { outcome: 'granted', fields, googleMs } };
    }
    // Loaded when there is something to explain: most containers never have.
    const { explainRefusal } = await import('./google-refusal.ts');
    const { kind, signer } = endpoint;
    const refusal = explainRefusal({
      status: response.status,
      endpoint: kind,
      ...(signer !== undefined && { signer }),
      ...wordsOf(fields),
    });
    return { outcome: 'answered', result: { outcome: 'refused', refusal } };
  };

  const attempt = async (endpoint: Endpoint, body: PostBody, timeoutMs: number): Promise<Attempt> => {
    const startedAtMs = clock.systemMs();
    try {
      const response = await post(endpoint.url, body, timeoutMs);
      const googleMs = clock.systemMs() - startedAtMs;
      return googleMs > timeoutMs ? TOO_LATE : await judge(endpoint, response, googleMs);
    } catch (cause) {
      return { outcome: 'failed', reason: describeBreak(cause), cause, retryAfterMs: 0 };
    }
  };

  const silence = new Map<string, { readonly untilMs: number; readonly failure: Failure }>();

  /** Asked to wait longer than a caller could, the vendor spares Google the next callers as well. */
  const keepSilence = (host: string, failure: Failure | undefined): void => {
    if (failure !== undefined && failure.retryAfterMs > 0) {
      const untilMs = clock.systemMs() + Math.min(failure.retryAfterMs, MAX_SILENCE_MS);
      silence.set(host, { untilMs, failure });
    }
  };

  const demandNoSilence = (url: URL): void => {
    const kept = silence.get(url.host);
    const leftMs = kept === undefined ? 0 : kept.untilMs - clock.systemMs();
    if (kept !== undefined && leftMs > 0 && leftMs <= MAX_SILENCE_MS) {
      throw unavailable(url, { ...kept.failure, retryAfterMs: leftMs });
    }
  };

  return async (endpoint, body, deadlineMs) => {
    const { url } = endpoint;
    demandNoSilence(url);
    let failure: Failure | undefined;
    for (let tried = 0; tried < ATTEMPTS; tried += 1) {
      const backoffMs = tried === 0 ? 0 : random() * FIRST_BACKOFF_MS * 2 ** (tried - 1);
      const waitMs = Math.max(backoffMs, failure?.retryAfterMs ?? 0);
      if (clock.systemMs() + waitMs + MIN_ATTEMPT_MS > deadlineMs) {
        break;
      }
      if (waitMs > 0) {
        await sleep(waitMs);
      }
      const outcome = await attempt(
        endpoint,
        body,
        Math.min(ATTEMPT_TIMEOUT_MS, deadlineMs - clock.systemMs()),
      );
      if (outcome.outcome === 'answered') {
        return outcome.result;
      }
      failure = outcome;
    }
    keepSilence(url.host, failure);
    throw unavailable(url, failure);
  };
}

function unavailable(url: URL, failure: Failure | undefined): VendError {
  const reason = failure?.reason ?? 'there was no time left to ask it';
  return new VendError(
    'google_unavailable',
    `Google (${url.host}) cannot be reached: ${reason}. Try again later.`,
    {
      ...(failure?.cause === undefined ? {} : { cause: failure.cause }),
      ...(failure === undefined || failure.retryAfterMs === 0
        ? {}
        : { retryAfterSeconds: Math.ceil(failure.retryAfterMs / 1000) }),
    },
  );
}
