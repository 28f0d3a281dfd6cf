import type { IncomingMessage } from 'node:http';

/** Header values by lower-case name, one entry for each time the header was sent. */
export type ReceivedHeaders = Readonly<Record<string, readonly string[] | undefined>>;

/** One HTTP request, read to its end and not interpreted: path and query are exactly as they were sent. */
export type ReceivedRequest = {
  readonly method: string;
  readonly path: string;
  /** The query without its `?`; empty if there is none. */
  readonly query: string;
  /** For example `HTTP/1.1`. */
  readonly protocol: string;
  readonly sourceIp: string;
  readonly headers: ReceivedHeaders;
  readonly body: Buffer;
};

const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/** Returns the one value of a header: several are joined by commas, as RFC 9110 has it; `undefined` if not sent. */
export function headerValue(headers: ReceivedHeaders, name: string): string | undefined {
  return headers[name]?.map((value) => value.trim()).join(',');
}

/**
 * Returns a body of at most `limit` bytes, or `undefined`. One that is not much larger is still read to its end and
 * thrown away: a client that is cut off while it sends never reads the answer that says why.
 */
async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const mostRead = limit + MAX_DISCARDED_BYTES;
  if (Number(request.headers['content-length'] ?? 0) > mostRead) {
    return undefined;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  // Breaking out would destroy the socket, and with it the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > mostRead) {
      return undefined;
    }
    if (size <= limit) {
      chunks.push(chunk);
    }
  }
  return size > limit ? undefined : Buffer.concat(chunks);
}

/**
 * Returns the request with its body, or `undefined` if the body is larger than `maxBodyBytes`.
 *
 * @throws {Error} the socket's own error if the client goes away in the middle of the body
 */
export async function receive(
  request: IncomingMessage,
  maxBodyBytes: number,
): Promise<ReceivedRequest | undefined> {
  const body = await readBody(request, maxBodyBytes);
  if (body === undefined) {
    return undefined;
  }
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '' : target.slice(mark + 1),
    protocol: `HTTP/${request.httpVersion}`,
    sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
    headers: request.headersDistinct,
    body,
  };
}
