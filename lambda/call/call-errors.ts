import { ERRORS, type VendError } from '../errors.ts';

/**
 * What can go wrong with the service that is called, by the name under which Step Functions sees it, and when the same call
 * may be tried again: `any` call, because the service surely did nothing; only a `repeatable` one, that does no harm if
 * it is done twice; or `none`.
 */
export const CALL_ERRORS = {
  service_unavailable: { thrownAs: 'ServiceUnavailable', retryable: 'repeatable' },
  service_throttled: { thrownAs: 'ServiceThrottled', retryable: 'any' },
  service_refused: { thrownAs: 'ServiceRefused', retryable: 'none' },
  service_unreachable: { thrownAs: 'ServiceUnreachable', retryable: 'any' },
  service_disconnected: { thrownAs: 'ServiceDisconnected', retryable: 'repeatable' },
  service_timeout: { thrownAs: 'ServiceTimeout', retryable: 'repeatable' },
  response_too_large: { thrownAs: 'ResponseTooLarge', retryable: 'none' },
} as const satisfies Record<string, { thrownAs: string; retryable: 'any' | 'repeatable' | 'none' }>;

export type CallErrorCode = keyof typeof CALL_ERRORS;

/** A call that failed at the service, or on the way there. Its `message` is safe for the execution's history and for the log. */
export class CallError extends Error {
  readonly code: CallErrorCode;
  /** What the service answered, if it did. */
  readonly status: number | undefined;

  constructor(
    code: CallErrorCode,
    message: string,
    details: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = CALL_ERRORS[code].thrownAs;
    this.code = code;
    this.status = details.status;
    // Lambda sends the stack to the invoker, who has no use for the paths of this bundle.
    Object.defineProperty(this, 'stack', { value: `${this.name}: ${message}`, writable: true });
  }

  /** Returns the same error for the world outside, without what lies underneath. */
  withoutCause(): CallError {
    const { code, message, status } = this;
    return new CallError(code, message, status === undefined ? {} : { status });
  }
}

/** Returns whether an error is the fault of nobody here: of who asked, or of the service. */
export function isExpected(error: CallError | VendError): boolean {
  return error.code in CALL_ERRORS || ERRORS[error.code as VendError['code']].status < 500;
}

/** Returns the names of the errors that another try of a call can help; of one that is not `repeatable`, those that surely did nothing. */
export function retryableCallErrors({ repeatable }: { readonly repeatable: boolean }): readonly string[] {
  const vendors = Object.values(ERRORS)
    .filter(({ retryable }) => retryable)
    .map(({ thrownAs }) => thrownAs);
  const services = Object.values(CALL_ERRORS)
    .filter(({ retryable }) => retryable === 'any' || (repeatable && retryable === 'repeatable'))
    .map(({ thrownAs }) => thrownAs);
  return [...vendors, ...services];
}
