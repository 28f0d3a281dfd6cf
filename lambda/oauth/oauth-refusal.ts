import { ERRORS, VendError } from '../errors.ts';

/** What a token request can be refused with: RFC 6749's codes, and what other OAuth servers use where it has none. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  /** RFC 8707: the audience that was asked for. */
  invalid_target: 400,
  server_error: 500,
  temporarily_unavailable: 503,
} as const satisfies Record<string, number>;

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

/** A refusal, whose message is safe for whoever asked; the cause is for the log. */
export class OAuthRefusal extends Error {
  readonly code: OAuthErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: OAuthErrorCode,
    message: string,
    details: { readonly cause?: unknown; readonly retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'OAuthRefusal';
    this.code = code;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Returns the one refusal for an unknown client, a wrong secret and a malformed header: nothing tells them apart. */
export function invalidClient(): OAuthRefusal {
  return new OAuthRefusal('invalid_client', 'The client is not known, or its secret is wrong.');
}

/** Returns the refusal for what is broken here: it says no more than whether another try helps. */
export function brokenHere(cause: unknown): OAuthRefusal {
  const { retryable } = cause instanceof VendError ? ERRORS[cause.code] : { retryable: false };
  return retryable
    ? new OAuthRefusal('temporarily_unavailable', 'There is no token to be had now. Try again later.', {
        cause,
        retryAfterSeconds: cause instanceof VendError ? cause.retryAfterSeconds : undefined,
      })
    : new OAuthRefusal('server_error', "There is no token to be had; the vendor's log says why.", { cause });
}

/** Returns `error` as a refusal, whatever was thrown. */
export function asRefusal(error: unknown): OAuthRefusal {
  return error instanceof OAuthRefusal ? error : brokenHere(error);
}
