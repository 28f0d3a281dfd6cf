import type { HttpResponse } from '../respond.ts';
import { OAUTH_ERRORS, type OAuthRefusal } from './oauth-refusal.ts';

/** A token as OAuth has it: whichever kind Google issued, it is the bearer to show. */
export type OAuthToken = {
  readonly accessToken: string;
  /** Seconds from now. */
  readonly expiresIn: number;
  /** Parted by spaces; an ID token has none. */
  readonly scope?: string;
};

const DEFAULT_RETRY_AFTER_SECONDS = 5;
/** HTTP demands it of every 401, and OAuth of one that tried Basic. */
const CHALLENGE = 'Basic realm="gcp-token-vendor", charset="UTF-8"';

function http(statusCode: number, body: object, more: HttpResponse['headers'] = {}): HttpResponse {
  return {
    statusCode,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      ...more,
    },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  };
}

/**
 * Returns the answer that carries a token.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1
 */
export function tokenAnswer({ accessToken, expiresIn, scope }: OAuthToken): HttpResponse {
  const token = { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn };
  return http(200, scope === undefined ? token : { ...token, scope });
}

/**
 * Returns the answer of a refusal. That of `invalid_client` is the same whatever was wrong, but for the id of the request.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function refusalAnswer(
  { code, message, retryAfterSeconds }: OAuthRefusal,
  requestId: string,
): HttpResponse {
  const retryAfter = String(retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS);
  return http(
    OAUTH_ERRORS[code],
    { error: code, error_description: message, request_id: requestId },
    {
      ...(code === 'invalid_client' && { 'www-authenticate': CHALLENGE }),
      ...(code === 'temporarily_unavailable' && { 'retry-after': retryAfter }),
    },
  );
}
