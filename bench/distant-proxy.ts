import net, { type Socket } from 'node:net';

/** How far away a server is to seem. */
export type Distance = {
  /** How long it takes to open a TCP connection. */
  readonly connectMs: number;
  /** How long whatever is sent is on its way, in each direction. */
  readonly eachWayMs: number;
};

export type DistantProxy = { readonly port: number; readonly close: () => Promise<void> };

/** Passes on what `from` sends, in order and each piece `delayMs` late, the first not before `notBeforeMs`. */
function relay(from: Socket, to: Socket, delayMs: number, notBeforeMs: number): void {
  const later = (action: () => void) => {
    const now = performance.now();
    setTimeout(action, Math.max(now, notBeforeMs) + delayMs - now);
  };
  from.on('data', (piece: Buffer) => later(() => to.write(piece)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => {});
  from.on('close', () => later(() => to.destroy()));
}

/**
 * Returns a TCP proxy on loopback that makes the server at `targetPort` seem `distance` away: each round trip of TCP,
 * of a TLS handshake and of HTTP costs what it would cost over a network.
 *
 * The kernel accepts a connection at once; what opening one would have cost is added to the first thing sent on it.
 */
export async function startDistantProxy(targetPort: number, distance: Distance): Promise<DistantProxy> {
  const sockets = new Set<Socket>();
  const server = net.createServer({ noDelay: true }, (client) => {
    const openMs = performance.now() + distance.connectMs;
    const upstream = net.connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    relay(client, upstream, distance.eachWayMs, openMs);
    relay(upstream, client, distance.eachWayMs, 0);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();

  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      }),
  };
}
