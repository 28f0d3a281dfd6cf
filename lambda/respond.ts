import type { Door } from './door.ts';
import { ERRORS, type VendError } from './errors.ts';
import type { Grant, Token } from './types.ts';

/** An answer for API Gateway or a function URL. */
export type HttpResponse = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: false;
};

/** The successful answer, the same through every door. */
export type TokenResponse = {
  readonly token_type: 'Bearer';
  /** Seconds from now. */
  readonly expires_in: number;
  /** RFC 3339, in UTC. */
  readonly expires_at: string;
  /** The e-mail address of the service account that the token is of, where the vendor knows it. */
  readonly principal?: string;
} & (
  | { readonly access_token: string; readonly scope: string }
  | { readonly id_token: string; readonly audience: string }
);

const DEFAULT_RETRY_AFTER_SECONDS = 5;

function http(
  statusCode: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  };
}

/** `nowMs` is Google's time, as `token.expiresAtMs` is. */
function tokenResponse(grant: Grant, token: Token, nowMs: number): TokenResponse {
  const lifetime = {
    token_type: 'Bearer',
    expires_in: Math.max(0, Math.floor((token.expiresAtMs - nowMs) / 1000)),
    expires_at: `${new Date(token.expiresAtMs).toISOString().slice(0, 19)}Z`,
  } as const;
  const { principal } = token;
  const whose = principal === undefined ? {} : { principal };
  return grant.kind === 'access_token'
    ? { access_token: token.value, ...lifetime, scope: grant.scopes, ...whose }
    : { id_token: token.value, ...lifetime, audience: grant.audience, ...whose };
}

/**
 * Returns the answer that carries `token`, in the form of the door that the request came through.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1
 */
export function respond(door: Door, grant: Grant, token: Token, nowMs: number): HttpResponse | TokenResponse {
  const response = tokenResponse(grant, token, nowMs);
  return door.kind === 'direct' ? response : http(200, response);
}

/**
 * Returns the HTTP answer for an error; to a direct invoker it is thrown instead.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function respondWithError(error: VendError, requestId: string): HttpResponse {
  const { status, retryable } = ERRORS[error.code];
  const retryAfter = error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS;
  return http(
    status,
    { error: error.code, error_description: error.message, request_id: requestId },
    retryable ? { 'retry-after': String(retryAfter) } : {},
  );
}
