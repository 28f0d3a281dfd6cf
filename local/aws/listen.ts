import { once } from 'node:events';
import type { Server } from 'node:http';

/** A server that answers on loopback. */
export type Listening = {
  /** For example `http://127.0.0.1:8080`, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends every connection; may be called again. */
  readonly close: () => Promise<void>;
};

/**
 * Listens on 127.0.0.1 and nowhere else, with bounds on what a client may do: connections, number of headers, and
 * the time that it may take to send them and to send all.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 */
export async function listen(server: Server, port: number): Promise<Listening> {
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 5_000;
  server.maxHeadersCount = 100;
  server.maxConnections = 1_100;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;

  async function close(): Promise<void> {
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  return { url: `http://127.0.0.1:${bound}`, port: bound, close };
}
