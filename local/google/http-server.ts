import http, {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Answer, GoogleRequest, Reply, Route } from './route.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** A certificate and its key, both PEM, to speak TLS with. */
export type TlsIdentity = { readonly key: string; readonly cert: string };

export type HttpServerOptions = {
  readonly routes: () => readonly Route[];
  /** 0 for any that is free. */
  readonly port: number;
  /** Milliseconds since the epoch, for the `Date` header. */
  readonly now: () => number;
  readonly tls: TlsIdentity | undefined;
};

export type HttpServer = {
  /** For example `http://127.0.0.1:8080`. */
  readonly origin: string;
  /** Stops listening and ends every connection, idle and silent ones too. */
  readonly close: () => Promise<void>;
};

type CompiledRoute = Route & { readonly pattern: RegExp };

function compileRoute(route: Route): CompiledRoute {
  const source = route.path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
  return { ...route, pattern: new RegExp(`^${source}$`) };
}

/** Returns the whole body, or `undefined` for one that is too long to be a sensible request. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function decodeParams(groups: Readonly<Record<string, string>> = {}): Record<string, string> | undefined {
  try {
    return Object.fromEntries(
      Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]),
    );
  } catch {
    return undefined;
  }
}

async function routeRequest(routes: readonly CompiledRoute[], incoming: IncomingMessage): Promise<Reply> {
  const method = incoming.method ?? 'GET';
  const url = URL.parse(`http://google${incoming.url ?? '/'}`);
  const atPath = routes.filter((route) => url !== null && route.pattern.test(url.pathname));
  const route = atPath.find((candidate) => candidate.method === method);
  if (url === null || atPath.length === 0) {
    return { status: 404, body: `There is nothing at ${incoming.url}.\n` };
  }
  if (route === undefined) {
    const allow = [...new Set(atPath.map((candidate) => candidate.method))].join(', ');
    return { status: 405, headers: { allow }, body: `${method} is not allowed here.\n` };
  }
  const params = decodeParams(route.pattern.exec(url.pathname)?.groups);
  const body = await readBody(incoming);
  if (params === undefined) {
    return { status: 400, body: 'The path is not percent-encoded UTF-8.\n' };
  }
  if (body === undefined) {
    return { status: 413, headers: { connection: 'close' }, body: 'The request is too long.\n' };
  }
  const request: GoogleRequest = {
    method,
    path: url.pathname,
    params,
    query: url.searchParams,
    headers: incoming.headers,
    body,
  };
  return route.handle(request);
}

function send(response: ServerResponse, answer: Answer, now: () => number): void {
  const isJson = typeof answer.body === 'object';
  response.sendDate = false;
  response.writeHead(answer.status, {
    date: new Date(now()).toUTCString(),
    'content-type': isJson ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    ...answer.headers,
  });
  response.end(isJson ? JSON.stringify(answer.body) : answer.body);
}

function resetConnection(socket: Socket): void {
  // A TLS socket has no TCP handle of its own that could be reset.
  if ('encrypted' in socket) {
    socket.destroy();
  } else {
    socket.resetAndDestroy();
  }
}

function createListener({ routes, now }: HttpServerOptions): RequestListener {
  let compiled: readonly CompiledRoute[] | undefined;

  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    compiled ??= routes().map(compileRoute);
    const reply = await routeRequest(compiled, incoming);
    if (reply === 'reset') {
      resetConnection(incoming.socket);
    } else if (reply !== 'hang') {
      send(response, reply, now);
    }
  };

  return (incoming, response) => {
    answer(incoming, response).catch((error: unknown) => {
      if (!response.headersSent && !response.destroyed) {
        send(
          response,
          { status: 500, body: { error: 'internal_failure', error_description: `${error}` } },
          now,
        );
      } else {
        response.destroy();
      }
    });
  };
}

async function createServer(options: HttpServerOptions): Promise<Server> {
  const limits = { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 60_000 };
  const listener = createListener(options);
  if (options.tls === undefined) {
    return http.createServer(limits, listener);
  }
  // Most stand-ins speak plain HTTP, so https is loaded by those that do not.
  const https = await import('node:https');
  return https.createServer({ ...limits, ...options.tls }, listener);
}

/**
 * Returns a server on 127.0.0.1 that answers by its routing table, every answer with a `Date` by the given clock and,
 * unless the route says otherwise, `Cache-Control: no-store`. `routes` is asked at the first request, so the routes
 * may know the origin.
 *
 * @throws {Error} `EADDRINUSE` for a port that is taken
 */
export async function serve(options: HttpServerOptions): Promise<HttpServer> {
  const server = await createServer(options);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;

  return {
    origin: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      }),
  };
}
