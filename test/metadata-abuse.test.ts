import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { connect, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { createGuard } from '../client/metadata/guard.ts';
import { LISTENER_LIMITS } from '../client/metadata/http-listener.ts';
import { GATE_LIMITS } from '../client/metadata/vendor-gate.ts';
import { AUDIENCE, askMetadata, fakeClient, type MetadataRig, startMetadataRig } from './make-metadata.ts';

const ACCOUNT = 'instance/service-accounts/default';
let rig: MetadataRig | undefined;

async function start(...options: Parameters<typeof startMetadataRig>): Promise<MetadataRig> {
  rig = await startMetadataRig(...options);
  return rig;
}

afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

/** Sends bytes as they are, and returns all that comes back until the server ends the connection. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return await text(socket);
}

test('listens on loopback alone unless another address is asked for', async () => {
  const { host, port } = await start();

  expect(host).toBe(`127.0.0.1:${port}`);
  await expect(askMetadata(port, { target: '/' })).resolves.toMatchObject({ status: 200 });
  const elsewhere = connect(port, '127.0.0.2');
  const [error] = await once(elsewhere, 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

test.each([
  ['without the flavour header', { flavor: false }, 'Missing Metadata-Flavor'],
  [
    'with another flavour',
    { flavor: false, headers: { 'Metadata-Flavor': 'google' } },
    'Missing Metadata-Flavor',
  ],
  [
    'with the flavour twice',
    { flavor: false, headers: { 'Metadata-Flavor': ['Google', 'Google'] } },
    'Missing Metadata-Flavor',
  ],
  ['that was forwarded', { headers: { 'X-Forwarded-For': '10.0.0.1' } }, 'through a proxy'],
  ['that was forwarded from nowhere', { headers: { 'X-Forwarded-For': '' } }, 'through a proxy'],
  ['that says so in the newer way', { headers: { Forwarded: 'for=10.0.0.1' } }, 'through a proxy'],
  ['of a rebound name', { headers: { Host: 'attacker.example' } }, "none of this server's names"],
  [
    'of a rebound name with the port',
    { headers: { Host: 'attacker.example:80' } },
    "none of this server's names",
  ],
  ['of a look-alike', { headers: { Host: 'localhost.attacker.example' } }, "none of this server's names"],
  ['of a user at a name', { headers: { Host: 'localhost@attacker.example' } }, "none of this server's names"],
  ['of another address', { headers: { Host: '10.0.0.1' } }, "none of this server's names"],
  ['of a web page', { headers: { Origin: 'http://localhost:3000' } }, 'Web pages'],
  ['of a page without an origin', { headers: { Origin: 'null' } }, 'Web pages'],
  ['of a browser', { headers: { 'Sec-Fetch-Site': 'none' } }, 'Web pages'],
  ['of a page on the same site', { headers: { 'Sec-Fetch-Site': 'same-origin' } }, 'Web pages'],
])('gives no token to a request %s', async (_, how, reason) => {
  const client = fakeClient();
  const { get } = await start({ clients: [client] });

  const { status, headers, body } = await get(`${ACCOUNT}/token`, how);

  expect(status).toBe(403);
  expect(body).toContain(reason);
  expect(headers).toMatchObject({ 'metadata-flavor': 'Google', server: 'Metadata Server for VM' });
  expect(client.asked).toEqual([]);
});

test('gives no token to any of them from what it has just given to others', async () => {
  const { get } = await start();
  await get(`${ACCOUNT}/token`);

  const statuses = await Promise.all([
    get(`${ACCOUNT}/token`, { flavor: false }),
    get(`${ACCOUNT}/token`, { headers: { Host: 'attacker.example' } }),
    get(`${ACCOUNT}/token`, { headers: { 'X-Forwarded-For': '10.0.0.1' } }),
    get(`${ACCOUNT}/token`, { headers: { Origin: 'http://localhost' } }),
    get(`${ACCOUNT}/token`, { method: 'POST' }),
  ]);

  expect(statuses.map(({ status }) => status)).toEqual([403, 403, 403, 403, 405]);
});

test.each([
  '/?recursive=true',
  '/computeMetadata/?recursive=true',
  '/computeMetadata/v1',
  '/computeMetadata/v1/',
])('gives nothing away at %s without the flavour header', async (target) => {
  const { ask } = await start();

  const { status, body } = await ask({ target, flavor: false });

  expect({ status, body }).toEqual({ status: 403, body: 'Missing Metadata-Flavor:Google header.\n' });
});

test.each([
  'localhost',
  'LOCALHOST:1',
  '[::1]:8080',
  'metadata',
  'metadata.google.internal',
  'metadata.google.internal.:80',
  '169.254.169.254',
  'sidecar.internal:8080',
])('answers to the name %s', async (host) => {
  const { get } = await start({ allowedHosts: ['Sidecar.internal'] });

  const { status } = await get('instance/name', { headers: { Host: host } });

  expect(status).toBe(200);
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'])('refuses %s', async (method) => {
  const { get } = await start();

  const { status, headers } = await get('instance/name', { method });

  expect(status).toBe(405);
  expect(headers).toMatchObject({ allow: 'GET, HEAD', 'metadata-flavor': 'Google' });
  expect(headers).not.toHaveProperty('access-control-allow-origin');
});

test('refuses a body', async () => {
  const { get } = await start();

  const { status, headers } = await get('instance/name', { body: 'x', headers: { 'Content-Length': 1 } });

  expect(status).toBe(400);
  expect(headers.connection).toBe('close');
});

test('refuses a target of another form than a path', async () => {
  const { ask } = await start();

  const { status } = await ask({ target: 'http://localhost/computeMetadata/v1/instance/name' });

  expect(status).toBe(400);
});

test('refuses a path that is too long', async () => {
  const { get } = await start();

  const { status, headers } = await get(`${ACCOUNT}/identity?audience=${'a'.repeat(8_200)}`);

  expect(status).toBe(414);
  expect(headers['metadata-flavor']).toBe('Google');
});

test.each([
  [
    'headers that are too large',
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`,
    431,
  ],
  ['what is not HTTP', 'hello\r\n\r\n', 400],
  ['a request without a host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 403],
  ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n', 403],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: a.example\r\nConnection: close\r\n\r\n', 403],
  ['two lengths', 'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  [
    'a length beside chunks',
    'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
])('ends a connection that brings %s', async (_, bytes, status) => {
  const { port } = await start();

  const answer = await sendRaw(port, bytes);

  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toContain('Metadata-Flavor: Google\r\n');
});

test.each([
  ['nothing at all', ''],
  ['half a request', 'GET /computeMetadata/v1/instance/name HTTP/1.1\r\nHost: localhost\r\n'],
  ['half a body', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx'],
])('does not wait for a client that sends %s', async (_, bytes) => {
  const listenerLimits = {
    ...LISTENER_LIMITS,
    headersTimeoutMs: 100,
    requestTimeoutMs: 150,
    keepAliveTimeoutMs: 100,
    checkEveryMs: 50,
  };
  const { port } = await start({}, { listenerLimits });

  const answer = await sendRaw(port, bytes);

  expect(answer).not.toMatch(/^HTTP\/1.1 200/);
});

test('makes no tunnel and switches to no other protocol', async () => {
  const { port } = await start();
  const head = 'HTTP/1.1\r\nHost: localhost\r\nMetadata-Flavor: Google\r\n';

  const tunnel = await sendRaw(port, `CONNECT 127.0.0.1:${port} ${head}\r\n`);
  const upgraded = await sendRaw(
    port,
    `GET / ${head}Connection: upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n`,
  );

  expect(tunnel).toBe('');
  expect(upgraded).toMatch(/^HTTP\/1.1 200 /);
});

test('has no more connections than it is given', async () => {
  const { port } = await start({}, { listenerLimits: { ...LISTENER_LIMITS, maxConnections: 2 } });
  const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));

  const third = connect(port, '127.0.0.1');
  await once(third, 'close');

  expect(third.bytesRead).toBe(0);
  for (const socket of sockets) {
    socket.destroy();
  }
});

test('turns away those who ask for more at once than the vendor may be asked for', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = fakeClient({ before: () => promise });
  const { get } = await start({ clients: [client] }, { gateLimits: { ...GATE_LIMITS, maxQuestions: 2 } });
  const first = get(`${ACCOUNT}/token`);
  const same = get(`${ACCOUNT}/token`);
  const second = get(`${ACCOUNT}/identity?audience=${AUDIENCE}`);
  await expect.poll(() => client.asked.length).toBe(3);

  const third = await get(`${ACCOUNT}/identity?audience=https://other.example`);
  resolve();

  expect(third.status).toBe(429);
  expect(third.headers['retry-after']).toBe('1');
  const waited = await Promise.all([first, same, second]);
  expect(waited.map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('turns away those who are too many to wait', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = fakeClient({ before: () => promise });
  const { get } = await start({ clients: [client] }, { gateLimits: { ...GATE_LIMITS, maxWaiting: 1 } });
  const first = get(`${ACCOUNT}/token`);
  await expect.poll(() => client.asked.length).toBe(1);

  const second = await get(`${ACCOUNT}/token`);
  const other = await get('instance/name');
  resolve();

  expect(second.status).toBe(429);
  expect(other.status).toBe(200);
  expect((await first).status).toBe(200);
});

test('does not wait for ever for a vendor that never answers', async () => {
  const client = fakeClient({ before: () => new Promise(() => {}) });
  const { get } = await start({ clients: [client] }, { gateLimits: { ...GATE_LIMITS, timeoutMs: 50 } });

  const { status, body } = await get(`${ACCOUNT}/token`);

  expect(status).toBe(503);
  expect(body).toContain('no answer in time');
});

test('refuses a parameter that is there twice', async () => {
  const client = fakeClient();
  const { get } = await start({ clients: [client] });

  const { status } = await get(`${ACCOUNT}/identity?audience=https://a.example&audience=${AUDIENCE}`);

  expect(status).toBe(400);
  expect(client.asked).toEqual([]);
});

test.each([
  '../../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  '%2e%2e',
  'default%2f..',
  '%00',
  '%zz',
])('has no account %s', async (name) => {
  const { get } = await start();

  const { status } = await get(`instance/service-accounts/${name}/token`);

  expect(status).toBe(404);
});

test('gives nothing of its environment away', async () => {
  process.env.GCP_TOKEN_TEST_SECRET = 'swordfish-of-the-environment';
  const { get } = await start();

  const { body } = await get('?recursive=true');

  delete process.env.GCP_TOKEN_TEST_SECRET;
  expect(body).not.toContain('swordfish');
  expect(body).not.toContain(process.env.HOME ?? process.cwd());
});

test('marks whatever it answers as not to be stored', async () => {
  const { get } = await start();

  const all = await Promise.all([get(`${ACCOUNT}/token`), get('instance/name'), get('nothing')]);

  expect(all.map(({ headers }) => headers['cache-control'])).toEqual(Array(3).fill('no-store'));
});

test('logs a path as it is, on one line and without what looks like a token', async () => {
  const { get, port, lines } = await start();

  await get('instance/attributes/cluster-name');
  await get(`ya29.${'a'.repeat(30)}`);
  await sendRaw(port, 'GET /a\x9b31m\xe2\x80\xa8 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

  expect(lines[0]).toMatch(/^GET \/computeMetadata\/v1\/instance\/attributes\/cluster-name 404 /);
  expect(lines[1]).toMatch(/^GET \/computeMetadata\/v1\/\[redacted\] 404 /);
  expect(lines.join('')).toMatch(/^[\x20-\x7e]*$/);
});

test('logs a line for each request, without tokens and without what the query says', async () => {
  const { get, lines } = await start();

  await get(`${ACCOUNT}/token?scopes=cloud-platform`);
  await get(`${ACCOUNT}/token?scopes=cloud-platform`);
  await get(`${ACCOUNT}/identity?audience=${AUDIENCE}`);
  await get(`ya29.put-in-the-wrong-place?x=1`);

  expect(lines.slice(0, 3)).toEqual([
    expect.stringMatching(
      /^GET \/computeMetadata\/v1\/instance\/service-accounts\/default\/token 200 \d+ ms$/,
    ),
    expect.stringMatching(/token 200 \d+ ms$/),
    expect.stringMatching(/identity 200 \d+ ms$/),
  ]);
  expect(lines.join('\n')).not.toMatch(/ya29\.|eyJ|cloud-platform|cloudfunctions/);
});

test.each([
  ['that a proxy puts its own behind', 'X-Forwarded-For: 10.0.0.1'],
  ['that hide a second host', 'Host: a.example'],
  ['of no meaning', 'A: b'],
])('refuses more headers than are read, %s', async (_, last) => {
  const { port } = await start();
  const many = 'A: b\r\n'.repeat(98);

  const answer = await sendRaw(
    port,
    `GET /computeMetadata/v1/${ACCOUNT}/token HTTP/1.1\r\nHost: localhost\r\nMetadata-Flavor: Google\r\n${many}${last}\r\n\r\n`,
  );

  expect(answer).toMatch(/^HTTP\/1.1 431 There are more than 100 headers/);
  expect(answer).not.toContain('ya29.');
});

test('counts the headers itself, and leaves none of them out', () => {
  const guard = createGuard([]);
  const named = { host: 'localhost', 'metadata-flavor': 'Google' };
  const rawHeaders = Object.entries(named).flat();
  const request = (raw: readonly string[]) =>
    Object.assign(new IncomingMessage(new Socket()), {
      method: 'GET',
      url: `/computeMetadata/v1/${ACCOUNT}/token`,
      headers: named,
      rawHeaders: raw,
    });

  expect(() => guard(request(rawHeaders))).not.toThrow();
  expect(() => guard(request([...rawHeaders, ...Array(198).fill('a')]))).toThrow('more than 100 headers');
});
