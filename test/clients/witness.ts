import http, {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsIdentity } from '../../local/google/http-server.ts';

/** A request that Google was asked, and how it answered. */
export type Sight = {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** The token of its `Authorization: Bearer`. */
  readonly bearer: string | undefined;
};

/** Stands before Google, passes everything on, and remembers who came with which token. */
export type Witness = {
  readonly url: string;
  /** The same by TLS. */
  readonly tlsUrl: string;
  /** Returns what it saw since it was asked before. */
  readonly take: () => readonly Sight[];
  readonly close: () => Promise<void>;
};

const BEARER = /^Bearer +(\S+)$/i;
const MAX_BODY_BYTES = 1024 * 1024;
const TIMEOUT_MS = 20_000;

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw new Error('the body is too long');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function ask(target: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const options = { method, headers: { ...headers, 'accept-encoding': 'identity' }, timeout: TIMEOUT_MS };
    const request = http.request(target + url, options, resolve);
    request.on('timeout', () => request.destroy(new Error('Google gave no answer')));
    request.on('error', reject).end(body);
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Returns a witness before the stand-in at `target`, whose answers name the witness wherever they name the stand-in. */
export async function startWitness(target: string, identity: TlsIdentity): Promise<Witness> {
  let sights: Sight[] = [];

  const pass = async (request: IncomingMessage, response: ServerResponse, own: string): Promise<void> => {
    const answer = await ask(target, request, await readBody(request));
    const text = (await readBody(answer)).toString('utf8');
    const body = Buffer.from(text.replaceAll(target, own));
    const { statusCode: status = 502, headers } = answer;
    const { method = 'GET', url = '/' } = request;
    const bearer = BEARER.exec(request.headers.authorization ?? '')?.[1];
    sights.push({ method, path: url.split('?')[0] ?? url, status, bearer });
    const { 'transfer-encoding': _, ...passed } = headers;
    response.writeHead(status, { ...passed, 'content-length': body.length }).end(body);
  };
  const listener =
    (scheme: 'http' | 'https'): RequestListener =>
    (request, response) => {
      pass(request, response, `${scheme}://${request.headers.host}`).catch(() => response.destroy());
    };

  const plain = http.createServer(listener('http'));
  const secure = https.createServer(identity, listener('https'));
  const url = `http://127.0.0.1:${await listen(plain)}`;
  const tlsUrl = `https://127.0.0.1:${await listen(secure)}`;

  return {
    url,
    tlsUrl,
    take: () => {
      const taken = sights;
      sights = [];
      return taken;
    },
    close: async () => {
      await Promise.all([closing(plain), closing(secure)]);
    },
  };
}
