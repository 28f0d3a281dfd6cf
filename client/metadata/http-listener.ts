import { once } from 'node:events';
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { STANDING_HEADERS } from './responder.ts';

/** How long a client may take for what, in milliseconds, and how many there may be. */
export type ListenerLimits = {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly checkEveryMs: number;
  readonly maxConnections: number;
};

export const LISTENER_LIMITS: ListenerLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 60_000,
  checkEveryMs: 1_000,
  maxConnections: 2_048,
};

export type HttpListener = {
  readonly port: number;
  /** Stops listening and ends every connection; may be called again. */
  readonly close: () => Promise<void>;
};

const MAX_HEADER_BYTES = 16 * 1_024;
/** The guard counts them: with a bound here, some versions of Node.js leave out what is above it and say nothing. */
const ALL_HEADERS = 0;

function statusOfClientError({ code }: NodeJS.ErrnoException): number {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    default:
      return 400;
  }
}

/** What is no HTTP request is answered with the same headers as all else, and its connection ended. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = statusOfClientError(error);
  const headers = { ...STANDING_HEADERS, 'Content-Length': 0, Connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`);
}

function boundedServer(listener: RequestListener, limits: ListenerLimits): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The guard refuses what has no host, with the headers that every answer has.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxHeadersCount = ALL_HEADERS;
  server.maxConnections = limits.maxConnections;
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  server.on('clientError', refuseBroken);
  return server;
}

/**
 * Listens, with bounds on what a client may do: connections, headers, and the time that it may take to send them.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, `EADDRNOTAVAIL`, …)
 */
export async function listenForHttp(
  listener: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
  limits: ListenerLimits,
): Promise<HttpListener> {
  const server = boundedServer(listener, limits);
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();

  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      if (server.listening) {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      }
    },
  };
}
