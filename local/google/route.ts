import type { IncomingHttpHeaders } from 'node:http';

/** A request as a route sees it: already read whole, and no longer than the server admits. */
export type GoogleRequest = {
  readonly method: string;
  readonly path: string;
  /** What stood in the `{name}` places of the route's path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** An answer; an object as `body` goes out as JSON, a string as it is. */
export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
};

/** An answer, or one of the ways of giving none: the connection is reset, or stays open and silent. */
export type Reply = Answer | 'reset' | 'hang';

/** One line of the stand-in's routing table. */
export type Route = {
  readonly method: 'GET' | 'POST';
  /** Matched whole; `{name}` stands for one segment. */
  readonly path: string;
  readonly handle: (request: GoogleRequest) => Reply | Promise<Reply>;
};

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

/**
 * Returns the token of an `Authorization: Bearer` header, or `undefined` if there is none.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
 */
export function bearerToken(request: GoogleRequest): string | undefined {
  return BEARER.exec(request.headers.authorization ?? '')?.[1];
}
