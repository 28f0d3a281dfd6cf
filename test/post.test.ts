import { once } from 'node:events';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { createNetwork, type Network, type PostResponse } from '../lambda/google/post.ts';
import { createCertificate } from '../local/google/certificate.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { createTime } from './make-time.ts';

/** A request as it came over the wire: on which connection it came, and which of its requests it was. */
type Seen = { readonly connection: number; readonly request: number; readonly text: string };

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
const FORM = { grant_type: 'a b', assertion: 'x&y=z' };

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) {
    cleanUp();
  }
});

function isWhole(text: string): boolean {
  const [head = '', body] = text.split('\r\n\r\n');
  return body !== undefined && body.length >= Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
}

/** Serves requests letter by letter, as `answer` has it. */
async function startServer(answer: (socket: Socket, seen: Seen) => void) {
  const seen: Seen[] = [];
  const sockets: Socket[] = [];
  const server = net.createServer((socket) => {
    const connection = sockets.push(socket) - 1;
    let requests = 0;
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isWhole(text)) {
        const request = { connection, request: requests, text };
        requests += 1;
        text = '';
        seen.push(request);
        answer(socket, request);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  const { port } = server.address() as net.AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}/token`), port, seen, sockets };
}

function openNetwork(now?: () => number): Network {
  const network = createNetwork(now === undefined ? {} : { now });
  cleanUps.push(network.close);
  return network;
}

function send(network: Network, url: URL, timeoutMs: number = 5_000): Promise<PostResponse> {
  return network.post(url, FORM, timeoutMs);
}

async function breakOf(asked: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  const error: unknown = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

/** Returns when the connection that has become free is back with its agent, and an end from the server has arrived. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30));
}

test('sends a form, encoded and with its length, and returns status, headers and body', async () => {
  const { url, seen } = await startServer((socket) =>
    socket.write('HTTP/1.1 400 Bad Request\r\nDate: now\r\nX-A: 1\r\ncontent-length: 5\r\n\r\nä§!'),
  );

  const response = await send(openNetwork(), url);

  expect(response).toMatchObject({ status: 400, headers: { date: 'now', 'x-a': '1' }, body: 'ä§!' });
  const [head = '', body] = seen[0]?.text.split('\r\n\r\n') ?? [];
  expect(head).toMatch(/^POST \/token HTTP\/1\.1\r\n/);
  expect(head.toLowerCase()).toContain('content-type: application/x-www-form-urlencoded');
  expect(head.toLowerCase()).not.toContain('authorization');
  expect(body).toBe('grant_type=a+b&assertion=x%26y%3Dz');
});

/** Header names and values as they came, without those that belong to the connection. */
function headersOf({ text }: Seen): Readonly<Record<string, string>> {
  const lines = (text.split('\r\n\r\n')[0] ?? '').split('\r\n').slice(1);
  const entries = lines.map((line) => [line.split(': ')[0] ?? '', line.split(': ').slice(1).join(': ')]);
  return Object.fromEntries(entries.filter(([name]) => name !== 'Connection'));
}

test('sends signed text with exactly the headers that it is signed with, and its length', async () => {
  const { url, seen } = await startServer((socket) => socket.write(OK));
  const headers = {
    host: 'sts.eu-west-1.amazonaws.com',
    'content-type': 'application/x-www-form-urlencoded',
    'x-amz-date': '20260101T000000Z',
    'x-amz-security-token': 'a//session+token==',
    authorization: 'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=content-type;host, Signature=c',
  };
  const text = 'Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=ä';

  await openNetwork().post(url, { headers, text }, 5_000);

  const request = seen[0] ?? { text: '', connection: 0, request: 0 };
  expect(headersOf(request)).toEqual({ ...headers, 'content-length': String(Buffer.byteLength(text)) });
  expect(Buffer.from(request.text.split('\r\n\r\n')[1] ?? '', 'latin1').toString()).toBe(text);
});

test('sends JSON with the access token that it is to show, and nothing else of its own', async () => {
  const { url, seen } = await startServer((socket) => socket.write(OK));

  await openNetwork().post(url, { json: { scope: ['a'] }, bearer: 'ya29.x' }, 5_000);

  const request = seen[0] ?? { text: '', connection: 0, request: 0 };
  expect(headersOf(request)).toEqual({
    Host: url.host,
    accept: 'application/json',
    'content-type': 'application/json',
    authorization: 'Bearer ya29.x',
    'content-length': '15',
  });
  expect(request.text.split('\r\n\r\n')[1]).toBe('{"scope":["a"]}');
});

test('a form may have fields that are named like the other kinds of body', async () => {
  const { url, seen } = await startServer((socket) => socket.write(OK));

  await openNetwork().post(url, { headers: 'a', text: 'b', json: 'c', bearer: 'd' }, 5_000);

  expect(seen[0]?.text.split('\r\n\r\n')[1]).toBe('headers=a&text=b&json=c&bearer=d');
  expect(seen[0]?.text.toLowerCase()).not.toContain('authorization');
});

test.each(['a\r\nx-evil: 1', 'a\nb', 'a\u0000', 'é\u2028'])(
  'sends nothing with a header of %j, and says nothing of it',
  async (value) => {
    const { url, seen } = await startServer((socket) => socket.write(OK));

    const error = await breakOf(
      openNetwork().post(url, { headers: { 'x-amz-security-token': value }, text: '' }, 5_000),
    );

    expect(error.message).not.toContain(value);
    expect(seen).toEqual([]);
  },
);

test.each([200, 301, 302, 307, 308, 404, 429, 500, 503])(
  'returns a %i and follows nothing',
  async (status) => {
    const { url, seen } = await startServer((socket) =>
      socket.write(`HTTP/1.1 ${status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n`),
    );

    expect((await send(openNetwork(), url)).status).toBe(status);
    expect(seen).toHaveLength(1);
  },
);

test('keeps a connection for the next request', async () => {
  const { url, seen } = await startServer((socket) => socket.write(OK));
  const network = openNetwork();

  await send(network, url);
  await quiet();
  await send(network, url);

  expect(seen.map(({ connection, request }) => [connection, request])).toEqual([
    [0, 0],
    [0, 1],
  ]);
});

test('sends a request again, unseen, whose kept connection turns out to be reset', async () => {
  const { url, seen } = await startServer((socket, { connection, request }) => {
    if (connection === 0 && request === 1) {
      socket.resetAndDestroy();
    } else {
      socket.write(OK);
    }
  });
  const network = openNetwork();
  await send(network, url);
  await quiet();

  const response = await send(network, url);

  expect(response.status).toBe(200);
  expect(seen.map(({ connection }) => connection)).toEqual([0, 0, 1]);
});

test('sends a request again, unseen, whose kept connection is closed without an answer', async () => {
  const { url, seen } = await startServer((socket, { connection, request }) => {
    if (connection === 0 && request === 1) {
      socket.end();
    } else {
      socket.write(OK);
    }
  });
  const network = openNetwork();
  await send(network, url);
  await quiet();

  expect((await send(network, url)).status).toBe(200);
  expect(seen).toHaveLength(3);
});

test('does not repeat a request whose new connection is reset', async () => {
  const { url, seen } = await startServer((socket) => socket.resetAndDestroy());

  expect((await breakOf(send(openNetwork(), url))).code).toBe('ECONNRESET');
  expect(seen).toHaveLength(1);
});

test('does not repeat a request on a kept connection once its answer has begun', async () => {
  const { url, seen } = await startServer((socket, { request }) => {
    if (request === 0) {
      socket.write(OK);
    } else {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf');
      setTimeout(() => socket.resetAndDestroy(), 20);
    }
  });
  const network = openNetwork();
  await send(network, url);
  await quiet();

  await breakOf(send(network, url));
  await quiet();

  expect(seen).toHaveLength(2);
});

test.each<[string, (socket: Socket) => void]>([
  ['ends', (socket) => socket.end()],
  ['is reset', (socket) => socket.resetAndDestroy()],
])('an answer whose connection %s in the middle is a failure, and just the one', async (_how, stop) => {
  const { url } = await startServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"access_token": "half');
    setTimeout(() => stop(socket), 20);
  });

  const error = await breakOf(send(openNetwork(), url));
  await quiet();

  expect(error.message).not.toContain('half');
});

test('an answer of chunks that breaks off is a failure', async () => {
  const { url } = await startServer((socket) => {
    socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n');
  });

  await breakOf(send(openNetwork(), url));
});

test.each(['hello\r\n\r\n', 'HTTP/1.1 abc\r\n\r\n', '\u0000\u0001', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n'])(
  'the answer %j, which is no HTTP, is a failure',
  async (text) => {
    const { url } = await startServer((socket) => socket.end(text));

    await breakOf(send(openNetwork(), url));
  },
);

test('a refused connection is a failure with its code', async () => {
  const { url, port } = await startServer(() => {});
  const closed = net.createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port: free } = closed.address() as net.AddressInfo;
  closed.close();
  await once(closed, 'close');

  const target = new URL(url.href.replace(String(port), String(free)));

  expect((await breakOf(send(openNetwork(), target))).code).toBe('ECONNREFUSED');
});

test('says that time ran out when there is no answer', async () => {
  const { url } = await startServer(() => {});

  expect((await breakOf(send(openNetwork(), url, 50))).name).toBe('TimeoutError');
});

test('says that time ran out when an answer stops in the middle', async () => {
  const { url } = await startServer((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'),
  );

  expect((await breakOf(send(openNetwork(), url, 50))).name).toBe('TimeoutError');
  await quiet();
});

test('says that time ran out when an answer trickles on without an end', async () => {
  const { url } = await startServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n');
    const trickle = setInterval(() => socket.write('x'), 10);
    socket.on('close', () => clearInterval(trickle));
  });

  expect((await breakOf(send(openNetwork(), url, 80))).name).toBe('TimeoutError');
});

test.each([-1_000, 0, 0.4])('a time of %d milliseconds is a short one, not none', async (timeoutMs) => {
  const { url } = await startServer(() => {});

  expect((await breakOf(send(openNetwork(), url, timeoutMs))).name).toBe('TimeoutError');
});

test('does not use a connection again on which time ran out', async () => {
  const { url, seen } = await startServer((socket, { connection }) => {
    if (connection > 0) {
      socket.write(OK);
    }
  });
  const network = openNetwork();
  await breakOf(send(network, url, 50));

  await send(network, url);

  expect(seen.map(({ connection }) => connection)).toEqual([0, 1]);
});

test.each([
  ['with its length', (length: number) => `content-length: ${length}\r\n\r\n${'x'.repeat(length)}`],
  [
    'in chunks',
    (length: number) =>
      `transfer-encoding: chunked\r\n\r\n${length.toString(16)}\r\n${'x'.repeat(length)}\r\n0\r\n\r\n`,
  ],
])('takes 65,536 bytes %s for an answer, and not one more', async (_how, rest) => {
  const longest = await startServer((socket) => socket.write(`HTTP/1.1 200 OK\r\n${rest(65_536)}`));
  const longer = await startServer((socket) => socket.write(`HTTP/1.1 200 OK\r\n${rest(65_537)}`));
  const network = openNetwork();

  expect((await send(network, longest.url)).body).toHaveLength(65_536);
  expect((await breakOf(send(network, longer.url))).message).toContain('longer than 65536 bytes');
});

test('does not read on in an answer that is too long', async () => {
  let written = 0;
  const { url } = await startServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n');
    const pour = () => {
      while (!socket.destroyed && written < 50_000_000 && socket.write(Buffer.alloc(65_536))) {
        written += 65_536;
      }
    };
    socket.on('drain', pour);
    pour();
  });

  await breakOf(send(openNetwork(), url));

  expect(written).toBeLessThan(50_000_000);
});

test('uses a connection that has been idle for 30 seconds, and none that was idle for longer', async () => {
  const time = createTime();
  const { url, seen } = await startServer((socket) => socket.write(OK));
  const network = openNetwork(time.now);
  await send(network, url);
  await quiet();

  await time.advance(30_000);
  await send(network, url);
  await quiet();
  await time.advance(30_001);
  await send(network, url);

  expect(seen.map(({ connection }) => connection)).toEqual([0, 0, 1]);
});

test('opens 64 connections at the most, and serves more requests than that', async () => {
  const { url, sockets } = await startServer((socket) => setTimeout(() => socket.write(OK), 20));
  const network = openNetwork();

  const responses = await Promise.all(Array.from({ length: 150 }, () => send(network, url)));

  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect(sockets.length).toBeLessThanOrEqual(64);
});

let certificates = 0;

/** Serves HTTPS with a certificate of its own, and counts connections. */
async function startSecureServer() {
  const key = await createRsaKey();
  certificates += 1;
  // By the same name, the wrong one of two would be looked at.
  const commonName = `localhost ${certificates}`;
  const cert = createCertificate(key, { commonName, nowMs: Date.now(), hosts: ['localhost'] });
  const connections: Duplex[] = [];
  const server = https.createServer(
    { key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }), cert },
    (request, response) => {
      request.resume();
      response.end('{}');
    },
  );
  server.on('connection', (socket) => connections.push(socket));
  server.listen(0, 'localhost');
  await once(server, 'listening');
  cleanUps.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as net.AddressInfo;
  return { cert, connections, port, url: new URL(`https://localhost:${port}/token`) };
}

/** Trusts `certs` until the test ends. */
function trust(...certs: string[]): void {
  const usual = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...usual, ...certs]);
  cleanUps.push(() => tls.setDefaultCACertificates(usual));
}

test('the first request takes the connection that was opened ahead, and the next one keeps it', async () => {
  const { cert, connections, port, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork();

  network.connectAhead(new URL(`https://localhost:${port}`));
  await vi.waitFor(() => expect(connections).toHaveLength(1));
  await send(network, url);
  await quiet();
  await send(network, url);

  expect(connections).toHaveLength(1);
});

test('the first request may come before the connection that was opened ahead is ready', async () => {
  const { cert, connections, port, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork();

  network.connectAhead(new URL(`https://localhost:${port}`));

  expect((await send(network, url)).status).toBe(200);
  expect(connections).toHaveLength(1);
});

test('a request to another place does not take the connection that was opened ahead', async () => {
  const ahead = await startSecureServer();
  const other = await startSecureServer();
  trust(other.cert);
  const network = openNetwork();

  network.connectAhead(new URL(`https://localhost:${ahead.port}`));

  expect((await send(network, other.url)).status).toBe(200);
  expect(other.connections).toHaveLength(1);
});

test('a connection that was opened ahead more than 30 seconds ago is not trusted', async () => {
  const time = createTime();
  const { cert, connections, port, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork(time.now);
  network.connectAhead(new URL(`https://localhost:${port}`));
  await vi.waitFor(() => expect(connections).toHaveLength(1));

  await time.advance(30_001);

  expect((await send(network, url)).status).toBe(200);
  expect(connections).toHaveLength(2);
});

test('a connection opened ahead that has failed since is no harm', async () => {
  const { cert, connections, port, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork();
  network.connectAhead(new URL(`https://localhost:${port}`));
  await vi.waitFor(() => expect(connections).toHaveLength(1));

  connections[0]?.destroy();
  await quiet();

  expect((await send(network, url)).status).toBe(200);
});

test('opens connections ahead to several hosts at once, and each serves its own', async () => {
  const servers = await Promise.all([startSecureServer(), startSecureServer(), startSecureServer()]);
  trust(...servers.map(({ cert }) => cert));
  const network = openNetwork();

  for (const { url } of servers) {
    network.connectAhead(url);
  }
  await vi.waitFor(() => expect(servers.map(({ connections }) => connections.length)).toEqual([1, 1, 1]));
  const responses = await Promise.all(servers.map(({ url }) => send(network, url)));

  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(servers.map(({ connections }) => connections.length)).toEqual([1, 1, 1]);
});

test('opens one connection ahead to a host, however often and with whatever path it is asked to', async () => {
  const { cert, connections, port, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork();

  for (const ahead of [url, new URL(`https://localhost:${port}`), new URL('/v1/other?x', url), url]) {
    network.connectAhead(ahead);
  }
  await quiet();
  await send(network, url);

  expect(connections).toHaveLength(1);
});

test('opens no connection ahead while one is kept from an earlier request', async () => {
  const { cert, connections, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork();
  await send(network, url);
  await quiet();

  network.connectAhead(url);
  await quiet();

  expect(connections).toHaveLength(1);
});

test('opens a connection ahead although one is kept to another port of the host', async () => {
  const kept = await startSecureServer();
  const other = await startSecureServer();
  trust(kept.cert, other.cert);
  const network = openNetwork();
  await send(network, kept.url);
  await quiet();

  network.connectAhead(other.url);

  await vi.waitFor(() => expect(other.connections).toHaveLength(1));
});

test('opens a connection ahead in the place of one that is kept for too long to be trusted', async () => {
  const time = createTime();
  const { cert, connections, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork(time.now);
  await send(network, url);
  await quiet();
  await time.advance(30_001);

  network.connectAhead(url);
  await vi.waitFor(() => expect(connections).toHaveLength(2));
  await send(network, url);

  expect(connections).toHaveLength(2);
});

test('opens another connection ahead if the first one has failed since', async () => {
  const { cert, connections, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork();
  network.connectAhead(url);
  await vi.waitFor(() => expect(connections).toHaveLength(1));
  connections[0]?.destroy();
  await quiet();

  network.connectAhead(url);
  await vi.waitFor(() => expect(connections).toHaveLength(2));
  await send(network, url);

  expect(connections).toHaveLength(2);
});

test('opens another connection ahead if nobody has taken the first one for 30 seconds, and lets that go', async () => {
  const time = createTime();
  const { cert, connections, url } = await startSecureServer();
  trust(cert);
  const network = openNetwork(time.now);
  network.connectAhead(url);
  await vi.waitFor(() => expect(connections).toHaveLength(1));

  await time.advance(30_000);
  network.connectAhead(url);
  await quiet();
  const before = connections.length;
  await time.advance(1);
  network.connectAhead(url);
  await vi.waitFor(() => expect(connections).toHaveLength(2));

  expect(before).toBe(1);
  await vi.waitFor(() => expect(connections[0]?.destroyed).toBe(true));
  expect((await send(network, url)).status).toBe(200);
  expect(connections).toHaveLength(2);
});

test('opens nothing ahead for plain HTTP', async () => {
  const { url, sockets, seen } = await startServer((socket) => socket.write(OK));
  const network = openNetwork();

  network.connectAhead(url);
  await quiet();
  const ahead = sockets.length;
  await send(network, url);

  expect([ahead, sockets.length, seen.length]).toEqual([0, 1, 1]);
});

test('closing ends the connections that were opened ahead', async () => {
  const servers = await Promise.all([startSecureServer(), startSecureServer()]);
  trust(...servers.map(({ cert }) => cert));
  const network = openNetwork();
  for (const { url } of servers) {
    network.connectAhead(url);
  }
  await vi.waitFor(() => expect(servers.map(({ connections }) => connections.length)).toEqual([1, 1]));

  network.close();

  await vi.waitFor(() =>
    expect(servers.map(({ connections }) => connections[0]?.destroyed)).toEqual([true, true]),
  );
});

test('sends nothing to a server whose certificate nobody vouches for', async () => {
  const { port, url } = await startSecureServer();
  const network = openNetwork();

  network.connectAhead(new URL(`https://localhost:${port}`));
  await quiet();

  expect((await breakOf(send(network, url))).code).toMatch(/SELF_SIGNED/);
});

test('closing ends the connections that are kept', async () => {
  const { url, sockets } = await startServer((socket) => socket.write(OK));
  const network = openNetwork();
  await send(network, url);
  await quiet();

  network.close();

  await vi.waitFor(() => expect(sockets[0]?.destroyed).toBe(true));
});

test('an answer that Node ends without a word ends the request', async () => {
  const { url } = await startServer((socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  });
  const network = createNetwork();
  cleanUps.push(network.close);

  await expect(network.post(url, FORM, 5_000)).rejects.toThrow('closed without an answer');
});
