import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { fieldsOf } from '../fields.ts';

/** An answer of whatever status: judging it is the caller's part. */
export type PostResponse = {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
};

/** What is sent: a form, JSON with an access token to show, or text with headers that are signed together. */
export type PostBody = Form | { readonly json: object; readonly bearer: string } | SignedText;

type SignedText = { readonly text: string; readonly headers: Readonly<Record<string, string>> };

type Form = Readonly<Record<string, string>>;

/**
 * Sends one body to one URL and returns what comes back. It follows nothing, and repeats nothing but a request that
 * found its kept connection closed at the other end.
 *
 * @throws {Error} if no whole answer of at most 64 KiB came within `timeoutMs`
 */
export type Post = (url: URL, body: PostBody, timeoutMs: number) => Promise<PostResponse>;

const MAX_SOCKETS = 64;
const HTTPS_PORT = 443;
const MAX_RESPONSE_BYTES = 65_536;

/**
 * A container is frozen between requests, and a connection does not outlive that for long. One that has been idle
 * for this long is not trusted: finding out that it is dead can cost a whole time-out.
 */
const MAX_IDLE_MS = 30_000;

type WarmConnection = {
  readonly socket: tls.TLSSocket;
  readonly openedAtMs: number;
};

/** Opens connections, keeps them, and lets go of those that have been idle for too long. */
export type Network = {
  readonly post: Post;
  /**
   * Starts a TLS connection to the host of `url` for the first request to use, unless one is there already; a failure is left
   * for that request to find.
   */
  readonly connectAhead: (url: URL) => void;
  readonly close: () => void;
};

type Content = Pick<SignedText, 'headers' | 'text'>;

function isSigned(body: PostBody): body is SignedText {
  return typeof fieldsOf(body).headers === 'object';
}

function isForm(body: Exclude<PostBody, SignedText>): body is Form {
  return typeof body.json !== 'object';
}

function contentOf(body: PostBody): Content {
  if (isSigned(body)) {
    return body;
  }
  return isForm(body)
    ? {
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        text: new URLSearchParams(body).toString(),
      }
    : {
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          authorization: `Bearer ${body.bearer}`,
        },
        text: JSON.stringify(body.json),
      };
}

function readBody(response: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_RESPONSE_BYTES) {
        response.destroy(new Error(`the answer is longer than ${MAX_RESPONSE_BYTES} bytes`));
      }
      chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', reject);
    response.on('close', () => reject(new Error('the answer broke off')));
  });
}

function createIdleTracker(agents: readonly http.Agent[], now: () => number): { readonly sweep: () => void } {
  const idleSince = new WeakMap<object, number>();
  for (const agent of agents) {
    agent.on('free', (socket) => idleSince.set(socket, now()));
  }
  const isStale = (socket: object) => now() - (idleSince.get(socket) ?? now()) > MAX_IDLE_MS;
  return {
    sweep: () => {
      for (const sockets of agents.flatMap((agent) => Object.values(agent.freeSockets))) {
        for (const socket of sockets?.filter(isStale) ?? []) {
          socket.destroy();
        }
      }
    },
  };
}

/**
 * Returns the vendor's way to Google: HTTPS with connections that are kept, and plain HTTP for a stand-in on loopback.
 * Built on `node:https`, because the first use of the global `fetch` costs a cold start some 20 ms.
 */
export function createNetwork({ now = Date.now }: { readonly now?: () => number } = {}): Network {
  const httpsAgent = new https.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const httpAgent = new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const idle = createIdleTracker([httpsAgent, httpAgent], now);
  const warm = new Map<string, WarmConnection>();

  const isTrusted = ({ socket, openedAtMs }: WarmConnection): boolean =>
    !socket.destroyed && now() - openedAtMs <= MAX_IDLE_MS;

  const takeWarm = (host: unknown, port: unknown): tls.TLSSocket | undefined => {
    const place = `${host}:${port}`;
    const taken = warm.get(place);
    if (taken === undefined) {
      return undefined;
    }
    warm.delete(place);
    if (!isTrusted(taken)) {
      taken.socket.destroy();
      return undefined;
    }
    return taken.socket.ref();
  };

  const createConnection = httpsAgent.createConnection.bind(httpsAgent);
  httpsAgent.createConnection = (options, callback) =>
    takeWarm(options.host, options.port) ?? createConnection(options, callback);

  const send = (url: URL, { headers, text }: Content, signal: AbortSignal): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      let answered = false;
      const secure = url.protocol === 'https:';
      const request = (secure ? https : http).request(url, {
        method: 'POST',
        agent: secure ? httpsAgent : httpAgent,
        signal,
        headers: {
          ...headers,
          'content-length': Buffer.byteLength(text),
        },
      });
      request.on('response', (response) => {
        answered = true;
        resolve(response);
      });
      // It comes for an answer that breaks off, too; that one is for whoever reads the body to report.
      request.on('error', (error) => {
        if (request.reusedSocket && !answered && !signal.aborted) {
          resolve(send(url, { headers, text }, signal));
        } else {
          reject(error);
        }
      });
      // Some answers, such as 101, end a request with neither an answer nor an error.
      request.on('close', () => reject(new Error('the connection closed without an answer')));
      request.end(text);
    });

  return {
    post: async (url, body, timeoutMs) => {
      idle.sweep();
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
      try {
        const response = await send(url, contentOf(body), signal);
        const text = await readBody(response);
        return { status: response.statusCode ?? 0, headers: response.headers, body: text };
      } catch (error) {
        // Cut off in the middle of an answer, Node says that the connection was reset.
        throw signal.aborted ? signal.reason : error;
      }
    },
    connectAhead: ({ protocol, hostname: host, port: text }) => {
      const port = Number(text) || HTTPS_PORT;
      const place = `${host}:${port}`;
      const opened = warm.get(place);
      idle.sweep();
      const isKept = Object.entries(httpsAgent.freeSockets).some(
        ([name, sockets]) => name.startsWith(`${place}:`) && sockets?.some(({ destroyed }) => !destroyed),
      );
      if (protocol !== 'https:' || (opened !== undefined && isTrusted(opened)) || isKept) {
        return;
      }
      opened?.socket.destroy();
      const socket = tls.connect({ host, port, servername: host, ALPNProtocols: ['http/1.1'] });
      socket.on('error', () => socket.destroy());
      socket.unref();
      warm.set(place, { socket, openedAtMs: now() });
    },
    close: () => {
      for (const { socket } of warm.values()) {
        socket.destroy();
      }
      httpsAgent.destroy();
      httpAgent.destroy();
    },
  };
}
