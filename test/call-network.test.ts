import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CallError } from '../lambda/call/call-errors.ts';
import { createServiceNetwork } from '../lambda/call/service-network.ts';
import { createCertificate } from '../local/google/certificate.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { thrownBy } from './vendor-rig.ts';

const SECRET = 'eyJ.the.token';

type Server = { readonly url: URL; readonly ca: string; readonly seen: string[]; readonly close: () => void };

/** A server of TLS on loopback, whose certificate is for `host`. */
async function startServer(host: string): Promise<Server> {
  const key = await createRsaKey();
  const cert = createCertificate(key, { commonName: host, hosts: [host], nowMs: Date.now() });
  const seen: string[] = [];
  const server = https.createServer(
    { key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }), cert },
    (request, response) => {
      seen.push(String(request.headers.authorization));
      response.end('ok');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`https://localhost:${port}/a`), ca: cert, seen, close: () => server.close() };
}

let good: Server;
let stranger: Server;

beforeAll(async () => {
  [good, stranger] = await Promise.all([startServer('localhost'), startServer('stranger.example')]);
});

afterAll(() => {
  good.close();
  stranger.close();
});

/** Sends a request to `url`, by a network that trusts `ca`. */
function sendTo(url: URL, ca: string | undefined, timeoutMs = 5_000) {
  const send = createServiceNetwork({
    open: (to, options) => https.request(to, { ...options, ...(ca !== undefined && { ca }) }),
  });
  return send(
    { url, method: 'POST', headers: { authorization: `Bearer ${SECRET}` }, body: SECRET },
    { timeoutMs, maxBytes: () => 100, cutsOff: () => false },
  );
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await thrownBy(work);
  expect(error).toBeInstanceOf(CallError);
  return `${error?.name}: ${error?.message}`;
}

test('sends to a host that shows its own certificate', async () => {
  const { status, body } = await sendTo(good.url, good.ca);

  expect([status, body.toString(), good.seen]).toEqual([200, 'ok', [`Bearer ${SECRET}`]]);
});

test('sends nothing to a host whose certificate nobody vouches for', async () => {
  const seen = good.seen.length;

  const refusal = await failure(sendTo(good.url, undefined));

  expect(refusal).toMatch(
    /^ServiceUnreachable: localhost:\d+ cannot be reached: .*\(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
  );
  expect(good.seen).toHaveLength(seen);
});

test('sends nothing to such a host, whatever the environment says of certificates', async () => {
  const seen = good.seen.length;
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');

  const refusal = await failure(sendTo(good.url, undefined));
  vi.unstubAllEnvs();

  expect(refusal).toMatch(/^ServiceUnreachable: /);
  expect(good.seen).toHaveLength(seen);
});

test('sends nothing to a host that shows the certificate of another, as one whose name was made to lead elsewhere', async () => {
  const refusal = await failure(sendTo(stranger.url, stranger.ca));

  expect(refusal).toMatch(/^ServiceUnreachable: .*\(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  expect(stranger.seen).toEqual([]);
});

test('a port where nobody listens is a service that cannot be reached', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));

  expect(await failure(sendTo(new URL(`https://localhost:${port}/`), undefined))).toMatch(
    /^ServiceUnreachable: .*\(ECONNREFUSED\).* Nothing was sent\.$/,
  );
});

test('a host that does not speak TLS gets nothing', async () => {
  const read: Buffer[] = [];
  const server = net.createServer((socket) => {
    socket.on('data', (data) => {
      read.push(data);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const refusal = await failure(sendTo(new URL(`https://localhost:${port}/`), undefined));
  server.close();

  expect(refusal).toMatch(/^ServiceUnreachable: /);
  expect(Buffer.concat(read).toString('latin1')).not.toContain('eyJ');
});

test('a host that never finishes its handshake is given up in time, and was sent nothing', async () => {
  const server = net.createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const refusal = await failure(sendTo(new URL(`https://localhost:${port}/`), undefined, 200));
  server.close();

  expect(refusal).toMatch(/^ServiceUnreachable: .* no connection in time\. Nothing was sent\.$/);
});
