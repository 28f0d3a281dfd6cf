/**
 * What can go wrong, by the name a caller sees: its HTTP status, the name under which Lambda and Step Functions
 * see it thrown, and whether the same request can succeed if it is simply sent again.
 */
export const ERRORS = {
  invalid_request: { status: 400, thrownAs: 'InvalidRequest', retryable: false },
  access_denied: { status: 403, thrownAs: 'AccessDenied', retryable: false },
  credential_invalid: { status: 500, thrownAs: 'CredentialInvalid', retryable: false },
  credential_unavailable: { status: 503, thrownAs: 'CredentialUnavailable', retryable: true },
  google_refused: { status: 502, thrownAs: 'GoogleRefused', retryable: false },
  google_unavailable: { status: 503, thrownAs: 'GoogleUnavailable', retryable: true },
  timeout: { status: 504, thrownAs: 'Timeout', retryable: true },
  server_error: { status: 500, thrownAs: 'ServerError', retryable: false },
} as const satisfies Record<string, { status: number; thrownAs: string; retryable: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

/** What an error may carry besides its code and message. */
export type ErrorDetails = {
  /** The error underneath, for our own eyes: it is never sent to a caller. */
  readonly cause?: unknown;
  /** Seconds after which another try makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
};

/**
 * The one error of the vendor. Its `message` is safe for the caller and for the log; its `name` is what a state
 * machine's `Retry` and `Catch` see.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2 the shape it takes in an answer
 */
export class VendError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = ERRORS[code].thrownAs;
    this.code = code;
    this.retryAfterSeconds = details.retryAfterSeconds;
    // Lambda sends the stack to the invoker, who has no use for the paths of this bundle.
    Object.defineProperty(this, 'stack', { value: `${this.name}: ${message}`, writable: true });
  }

  /** Returns the same error for the world outside, without what lies underneath. */
  withoutCause(): VendError {
    const { retryAfterSeconds } = this;
    return new VendError(
      this.code,
      this.message,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    );
  }
}

/** Returns `error` if it is the vendor's own, and otherwise a `server_error` that tells the caller nothing of it. */
export function asVendError(error: unknown): VendError {
  return error instanceof VendError
    ? error
    : new VendError('server_error', 'The vendor failed unexpectedly; its log has the reason.', {
        cause: error,
      });
}
