import { UsageError } from '../../infra/usage-error.ts';
import { ERRORS, VendError } from '../../lambda/errors.ts';
import type { Answer } from './answer.ts';

const RETRY_AFTER_SECONDS = 1;

/** A request that gets no value: the status it is answered with, and a message that is safe for whoever asked. */
export class MetadataFault extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'MetadataFault';
    this.status = status;
    this.headers = headers;
  }
}

/** Returns what is said where too much is under way: 429, which Google's clients try again after. */
export function tooMany(message: string): MetadataFault {
  return new MetadataFault(429, message, { 'Retry-After': String(RETRY_AFTER_SECONDS) });
}

/**
 * 400 for whatever no further try helps, a denial too: every client shows what is said with it. A 5xx would be tried again for
 * seconds first; of a 403 gcloud says that the server is concealed; and 404 is taken for an instance without an account.
 */
function statusOf(error: VendError): number {
  if (ERRORS[error.code].retryable) {
    return 503;
  }
  return error.code === 'server_error' ? 500 : 400;
}

function vendorFault(error: VendError): MetadataFault {
  const { retryAfterSeconds = RETRY_AFTER_SECONDS } = error;
  const { retryable } = ERRORS[error.code];
  return new MetadataFault(
    statusOf(error),
    `${error.code}: ${error.message}`,
    retryable ? { 'Retry-After': String(retryAfterSeconds) } : {},
  );
}

/** The message of what was not foreseen may hold anything; its name leads whoever looks for the cause. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** Returns `error` as what a client may be told of it: the vendor's own words, and nothing of what was not foreseen. */
export function asMetadataFault(error: unknown): MetadataFault {
  if (error instanceof MetadataFault) {
    return error;
  }
  if (error instanceof VendError) {
    return vendorFault(error);
  }
  return error instanceof UsageError
    ? new MetadataFault(400, error.message)
    : new MetadataFault(500, `The metadata server failed unexpectedly (${nameOf(error)}).`);
}

/** What a status line may hold; some clients show it and nothing of the body. */
const NOT_IN_A_REASON = /[^\x20-\x7e]/g;
const MAX_REASON_LENGTH = 300;

/** Returns the answer that says why there is no value. Plain text: clients put the whole body into their errors. */
export function answerWithFault({ status, message, headers }: MetadataFault): Answer {
  return {
    status,
    reason: message.slice(0, MAX_REASON_LENGTH).replace(NOT_IN_A_REASON, '?'),
    contentType: 'text/plain; charset=utf-8',
    body: `${message}\n`,
    headers,
  };
}
