import type { ReceivedHeaders } from './received-request.ts';

const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::(\d{1,5}))?$/i;

/** What the guard looks at: all of it is known before a byte of the body has been read. */
export type GuardedRequest = {
  readonly method: string;
  /** The request's target as sent. */
  readonly target: string;
  readonly headers: ReceivedHeaders;
  /** The port that was listened on. */
  readonly port: number;
  /** Whether real tokens are at stake, so that not even an address typed into a browser is served. */
  readonly strict: boolean;
};

function isThisServer(headers: ReceivedHeaders, port: number): boolean {
  const [host = '', ...others] = headers.host ?? [];
  const match = others.length === 0 ? LOOPBACK_HOST.exec(host) : null;
  return match !== null && (match[1] === undefined || Number(match[1]) === port);
}

/**
 * Browsers send Site, Mode and Dest together and no page can take them away; Node's own `fetch` sends Mode alone,
 * and it is a client to be served.
 */
function isFetchedByBrowser({ headers, strict }: GuardedRequest): boolean {
  const sites = headers['sec-fetch-site'];
  const marked = Object.keys(headers).some(
    (name) => name.startsWith('sec-fetch-') && name !== 'sec-fetch-mode',
  );
  return strict ? marked : (sites?.some((site) => site !== 'none' && site !== 'same-origin') ?? false);
}

/**
 * Returns why a request is refused before anybody looks at what it asks for, or `undefined` to let it in. It keeps
 * out whatever a web page could make a browser send, under this server's name or, by DNS rebinding, another.
 *
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function guardFault(request: GuardedRequest): string | undefined {
  if (!isThisServer(request.headers, request.port)) {
    return `The Host header must be 127.0.0.1, localhost or [::1], with port ${request.port} or none.`;
  }
  if (!request.target.startsWith('/')) {
    return 'The request target must be a path.';
  }
  if (request.headers.origin !== undefined || isFetchedByBrowser(request)) {
    return 'Requests that a web page makes a browser send are refused.';
  }
  return request.method === 'OPTIONS' ? 'OPTIONS is refused: there is no CORS here.' : undefined;
}
