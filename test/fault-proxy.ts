import net, { type Socket } from 'node:net';

/**
 * What the proxy does to what passes through it. Answers only are delayed, cut and slowed; requests go through whole.
 *
 * - `delay`: answers come `ms` later.
 * - `reset`: the connection is reset (RST), as soon as it is made or when a request has been sent on it.
 * - `half`: the connection ends after `bytes` bytes of the answer.
 * - `slow`: the answer comes in pieces of `bytes` bytes, one every `everyMs`.
 * - `hang`: the connection is accepted, and nothing ever comes back.
 */
export type Fault =
  | { readonly kind: 'pass' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'reset'; readonly when: 'connect' | 'request' }
  | { readonly kind: 'half'; readonly bytes: number }
  | { readonly kind: 'slow'; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: 'hang' };

export type FaultProxy = {
  /** The target's URL with the proxy's port in place of its own. */
  readonly url: string;
  /** How many connections were made to it so far. */
  readonly connections: () => number;
  /** Sets what happens from the next request or connection on, on connections that are open too. */
  readonly set: (fault: Fault) => void;
  readonly close: () => Promise<void>;
};

type Connection = { readonly client: Socket; readonly upstream: Socket; readonly fault: () => Fault };

/** Lets an answer through piece by piece, each after its own pause. */
type Pacer = {
  /** Sends `piece` once all before it has gone and `pauseMs` more have passed. */
  readonly write: (piece: Buffer, pauseMs: number) => void;
  /** Ends the connection once all has gone. */
  readonly end: () => void;
};

function createPacer(client: Socket): Pacer {
  const queue: { readonly piece: Buffer; readonly pauseMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const release = () => {
    timer = undefined;
    client.write(queue.shift()?.piece ?? '');
    next();
  };
  const next = () => {
    const [head] = queue;
    if (head !== undefined) {
      timer = setTimeout(release, head.pauseMs);
    } else if (ended) {
      client.destroySoon();
    }
  };
  client.once('close', () => clearTimeout(timer));

  return {
    write: (piece, pauseMs) => {
      if (client.destroyed) {
        return;
      }
      if (timer === undefined && pauseMs === 0) {
        client.write(piece);
        return;
      }
      queue.push({ piece, pauseMs });
      if (timer === undefined) {
        next();
      }
    },
    end: () => {
      ended = true;
      if (timer === undefined) {
        client.destroySoon();
      }
    },
  };
}

function slice(data: Buffer, bytes: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(data.length / bytes) }, (_, index) =>
    data.subarray(index * bytes, (index + 1) * bytes),
  );
}

function forwardRequests({ client, upstream, fault }: Connection, onRequest: () => void): void {
  client.on('data', (data: Buffer) => {
    const { kind } = fault();
    onRequest();
    if (kind === 'reset') {
      client.resetAndDestroy();
    } else if (kind !== 'hang') {
      upstream.write(data);
    }
  });
}

function forwardAnswers({ client, upstream, fault }: Connection): { readonly startAnswer: () => void } {
  const pacer = createPacer(client);
  let answered = 0;

  upstream.on('data', (data: Buffer) => {
    const now = fault();
    switch (now.kind) {
      case 'pass':
        pacer.write(data, 0);
        break;
      case 'delay':
        pacer.write(data, answered === 0 ? now.ms : 0);
        break;
      case 'slow':
        for (const piece of slice(data, now.bytes)) {
          pacer.write(piece, now.everyMs);
        }
        break;
      case 'half':
        client.write(data.subarray(0, Math.max(0, now.bytes - answered)));
        if (answered + data.length >= now.bytes) {
          client.destroySoon();
        }
        break;
      case 'reset':
      case 'hang':
        break;
      default:
        now satisfies never;
    }
    answered += data.length;
  });
  // A server that tires of waiting for a request that the proxy swallowed must not end the silence.
  upstream.on('close', () => fault().kind !== 'hang' && pacer.end());
  return {
    startAnswer: () => {
      answered = 0;
    },
  };
}

function connect(client: Socket, target: { host: string; port: number }, fault: () => Fault): void {
  const upstream = net.connect(target.port, target.host);
  const connection = { client, upstream, fault };
  const { startAnswer } = forwardAnswers(connection);
  forwardRequests(connection, startAnswer);
  // An error is always followed by `close`, and that is all there is to do about it here.
  client.on('error', () => {}).on('close', () => upstream.destroy());
  upstream.on('error', () => {});
}

/**
 * Returns a TCP proxy on loopback that stands between a client and the server at `targetUrl`, and lets everything pass
 * until a fault is set. It looks into nothing, so TLS goes through it as well.
 */
export async function startFaultProxy(targetUrl: string): Promise<FaultProxy> {
  const target = new URL(targetUrl);
  const clients = new Set<Socket>();
  let fault: Fault = { kind: 'pass' };
  let connections = 0;

  const server = net.createServer((client) => {
    connections += 1;
    clients.add(client);
    client.once('close', () => clients.delete(client));
    if (fault.kind === 'reset' && fault.when === 'connect') {
      client.resetAndDestroy();
      return;
    }
    connect(client, { host: target.hostname, port: Number(target.port) }, () => fault);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;

  return {
    url: `${target.protocol}//127.0.0.1:${port}`,
    connections: () => connections,
    set: (next) => {
      fault = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of clients) {
          client.destroy();
        }
      }),
  };
}
