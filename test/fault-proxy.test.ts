import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Fault, type FaultProxy, startFaultProxy } from './fault-proxy.ts';

const ANSWER = 'an answer of thirty-two bytes...';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** Answers every piece of data with {@link ANSWER}, and counts what it was sent. */
async function startEcho(): Promise<{ url: string; received: string[] }> {
  const received: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      received.push(data.toString());
      socket.write(ANSWER);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  const address = server.address();
  return { url: `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, received };
}

async function startPair(fault: Fault): Promise<{ proxy: FaultProxy; received: string[] }> {
  const echo = await startEcho();
  const proxy = await startFaultProxy(echo.url);
  closers.push(proxy.close);
  proxy.set(fault);
  return { proxy, received: echo.received };
}

type Seen = { readonly pieces: string[]; readonly end: Promise<string>; readonly socket: net.Socket };

/** `end` says how the connection ended: `closed`, or the code of the error. */
function request(proxy: FaultProxy): Seen {
  const pieces: string[] = [];
  const socket = net.connect(Number(new URL(proxy.url).port), '127.0.0.1', () => socket.write('request'));
  socket.on('data', (data) => pieces.push(data.toString()));
  const end = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('close', () => resolve('closed'));
  });
  return { pieces, end, socket };
}

async function untilAnswered(seen: Seen): Promise<void> {
  while (seen.pieces.join('').length < ANSWER.length) {
    await new Promise((resolve) => seen.socket.once('data', resolve));
  }
}

test('lets everything pass until a fault is set', async () => {
  const { proxy, received } = await startPair({ kind: 'pass' });

  const seen = request(proxy);
  await untilAnswered(seen);

  expect(received).toEqual(['request']);
  expect(proxy.connections()).toBe(1);
  seen.socket.destroy();
});

test('holds a delayed answer back until its time has come, and then gives all of it', async () => {
  const { proxy } = await startPair({ kind: 'delay', ms: 60 });
  const start = performance.now();

  const seen = request(proxy);
  await untilAnswered(seen);

  // A lower bound: a busy machine can only make it longer.
  expect(performance.now() - start).toBeGreaterThan(50);
  expect(seen.pieces).toEqual([ANSWER]);
  seen.socket.destroy();
});

test('resets a connection as soon as it is made', async () => {
  const { proxy, received } = await startPair({ kind: 'reset', when: 'connect' });

  const seen = request(proxy);

  await expect(seen.end).resolves.toBe('ECONNRESET');
  expect(received).toEqual([]);
});

test('resets a connection after the request, without passing it on', async () => {
  const { proxy, received } = await startPair({ kind: 'reset', when: 'request' });

  const seen = request(proxy);

  await expect(seen.end).resolves.toBe('ECONNRESET');
  expect(received).toEqual([]);
});

test('cuts the answer after as many bytes as it is told', async () => {
  const { proxy } = await startPair({ kind: 'half', bytes: 9 });

  const seen = request(proxy);

  await expect(seen.end).resolves.toBe('closed');
  expect(seen.pieces.join('')).toBe('an answer');
});

test('drips a slow answer in pieces, and loses nothing of it', async () => {
  const { proxy } = await startPair({ kind: 'slow', bytes: 8, everyMs: 20 });

  const seen = request(proxy);
  await untilAnswered(seen);

  expect(seen.pieces.length).toBeGreaterThan(1);
  expect(seen.pieces.join('')).toBe(ANSWER);
  seen.socket.destroy();
});

test('keeps a hanging connection open and silent', async () => {
  const { proxy, received } = await startPair({ kind: 'hang' });

  const seen = request(proxy);
  const outcome = await Promise.race([
    seen.end,
    new Promise<string>((resolve) => setTimeout(resolve, 100, 'silent')),
  ]);

  expect(outcome).toBe('silent');
  expect(received).toEqual([]);
  expect(seen.pieces).toEqual([]);
});

test('applies a fault that is set later to a connection that is open already', async () => {
  const { proxy } = await startPair({ kind: 'pass' });
  const seen = request(proxy);
  await untilAnswered(seen);

  proxy.set({ kind: 'reset', when: 'request' });
  seen.socket.write('another request');

  await expect(seen.end).resolves.toBe('ECONNRESET');
});

test('ends every connection when it is closed, hanging ones too', async () => {
  const { proxy } = await startPair({ kind: 'hang' });
  const seen = request(proxy);
  await new Promise((resolve) => seen.socket.once('connect', resolve));

  await proxy.close();

  await expect(seen.end).resolves.toMatch(/closed|ECONNRESET/);
});
