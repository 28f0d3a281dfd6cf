import { hash } from 'node:crypto';

/** What a request is answered with. */
export type Answer = {
  readonly status: number;
  /**
   * The words beside the status.
   * @default - the usual ones
   */
  readonly reason?: string;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

const ETAG_LENGTH = 16;

/** Returns the mark of a value, by which a client that waits for a change says which one it knows. */
export function etagOf(body: string): string {
  return hash('sha256', body).slice(0, ETAG_LENGTH);
}

function withEtag(contentType: string, body: string): Answer {
  return { status: 200, contentType, body, headers: { ETag: etagOf(body) } };
}

/** Returns a value as text, under the content type that Google's server gives it. */
export function textAnswer(body: string): Answer {
  return withEtag('application/text', body);
}

/** Returns a value as JSON. */
export function jsonAnswer(value: unknown): Answer {
  return withEtag('application/json', JSON.stringify(value));
}

/**
 * Returns an ID token. `text/html` is what Google's server calls it, and some clients take no other; without a charset, as
 * they compare the whole header.
 */
export function identityAnswer(token: string): Answer {
  return { status: 200, contentType: 'text/html', body: token };
}

/** Returns an access token with what is left of its life in whole seconds, never 0, which clients refuse. */
export function accessTokenAnswer(token: string, expiresInSeconds: number): Answer {
  return {
    status: 200,
    contentType: 'application/json',
    body: JSON.stringify({
      access_token: token,
      expires_in: Math.max(1, expiresInSeconds),
      token_type: 'Bearer',
    }),
  };
}
