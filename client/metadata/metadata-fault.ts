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
 * 403 for whatever no further try helps: every client shows its body. A 5xx would be tried again for seconds first, and 404
 * is taken by some for an instance without a service account, and what is said with it is lost.
 */
function statusOf(error: VendError): number {
  if (ERRORS[error.code].retryable) {
    return 503;
  }
  switch (error.code) {
    case 'invalid_request':
      return 400;
    case 'server_error':
      return 500;
    default:
      return 403;
  }
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

/** Returns `error` as what a client may be told of it: the vendor's own words, and nothing of what was not foreseen. */
export function asMetadataFault(error: unknown): MetadataFault {
  if (error instanceof MetadataFault) {
    return error;
  }
  if (error instanceof VendError) {
    return vendorFault(error);
  }
  return error instanceof UsageError
    ? new MetadataFault(403, error.message)
    : new MetadataFault(500, 'The metadata server failed unexpectedly.');
}

/** Returns the answer that says why there is no value. Plain text: clients put the whole body into their errors. */
export function answerWithFault({ status, message, headers }: MetadataFault): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${message}\n`, headers };
}
