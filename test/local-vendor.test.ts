import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { VendError } from '../lambda/errors.ts';
import type { Visit } from '../lambda/visit.ts';
import { createTerminalAudit } from '../local/audit-line.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import type { StartOptions } from '../local/start-options.ts';
import { keyFile } from './make-document.ts';

const directory = mkdtempSync(join(tmpdir(), 'local-vendor-'));
const KEY = join(directory, 'sa.json');
const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const OPTIONS: StartOptions = {
  help: false,
  port: 0,
  profilesFile: 'infra/profiles.json',
  credential: { kind: 'key', file: KEY },
  requireSignature: true,
};

const STAND_INS: StartOptions = {
  ...OPTIONS,
  credential: { kind: 'stand-in' },
  requireSignature: false,
};

writeFileSync(KEY, keyFile());
afterAll(() => rmSync(directory, { recursive: true }));

async function occupy(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return server;
}

/** The first of three ports that are free. */
async function freePorts(): Promise<number> {
  for (let port = 20_000 + (process.pid % 20_000); ; port += 3) {
    const tried = await Promise.allSettled([0, 1, 2].map((step) => occupy(port + step)));
    const servers = tried.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (servers.length === 3) {
      return port;
    }
  }
}

/** The servers that start listening while `work` runs. */
async function listeners<Result>(work: () => Promise<Result>) {
  const servers: Server[] = [];
  const listen = Server.prototype.listen;
  const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...args) {
    servers.push(this);
    return Reflect.apply(listen, this, args) as Server;
  });
  try {
    return { result: await work(), servers };
  } finally {
    spy.mockRestore();
  }
}

test('with a key file of the user’s nothing listens but the vendor itself', async () => {
  const { result: vendor, servers } = await listeners(() => startLocalVendor(OPTIONS, QUIET));
  await vendor.close();

  expect(servers).toHaveLength(1);
});

test('with the stand-ins three servers listen, and none when all is over', async () => {
  const { result: vendor, servers } = await listeners(() => startLocalVendor(STAND_INS, QUIET));
  const during = servers.map(({ listening }) => listening);
  await vendor.close();

  expect(during).toEqual([true, true, true]);
  expect(servers.map(({ listening }) => listening)).toEqual([false, false, false]);
});

test.each([0, 1, 2])('says so if the port N+%i is in use, and leaves nothing behind', async (step) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const { result, servers } = await listeners(() =>
    startLocalVendor({ ...STAND_INS, port: port - step }, QUIET).then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  other.close();

  expect(String(result)).toContain(`Port ${port} is in use`);
  expect(servers.map(({ listening }) => listening)).not.toContain(true);
});

test.each([
  [1, [0, 1], 0],
  [2, [0, 1, 2], 0],
  [2, [1, 2], 1],
])('names the lowest port that is in use, of N+%i and others', async (_, steps, lowest) => {
  const first = await freePorts();
  const others = await Promise.all(steps.map((step) => occupy(first + step)));

  const error = await startLocalVendor({ ...STAND_INS, port: first }, QUIET).catch(String);
  await Promise.all(others.map((other) => new Promise((resolve) => other.close(resolve))));

  expect(error).toContain(`Port ${first + lowest} is in use`);
});

const VISIT: Visit = {
  requestId: '1',
  durationMs: 1,
  door: undefined,
  profile: 'default',
  request: { kind: 'access_token', scopes: undefined },
  grant: { kind: 'access_token', credential: 'default', scopes: 'x' },
  vended: { token: { value: 'canary', expiresAtMs: 0 }, cached: false, googleMs: 7 },
};

const SELF_SIGNED = { kind: 'access_token', credential: 'default', scopes: 'x', selfSigned: true } as const;
const DENIED = new VendError('access_denied', 'No.');
const UNREADABLE = new VendError('invalid_request', 'What?');

test.each<[what: string, visit: Partial<Visit>, line: string]>([
  ['a token of Google’s', {}, '- default: access token for all scopes: from Google in 7 ms'],
  [
    'a self-signed token',
    { grant: SELF_SIGNED, vended: { ...VISIT.vended, googleMs: 0 } },
    '- default: access token for all scopes: signed here',
  ],
  [
    'a token that an impersonated account signs, at Google',
    { grant: SELF_SIGNED },
    '- default: access token for all scopes: from Google in 7 ms',
  ],
  [
    'a self-signed token of before',
    { grant: SELF_SIGNED, vended: { ...VISIT.vended, cached: true, googleMs: 0 } },
    '- default: access token for all scopes: from the cache',
  ],
  [
    'what the doctor refused',
    { profile: 'Doctor', request: undefined, vended: undefined, error: DENIED } as Partial<Visit>,
    '- Doctor: access_denied: No.',
  ],
  [
    'what nobody can read',
    { request: undefined, vended: undefined, error: UNREADABLE } as Partial<Visit>,
    '- default: unreadable request: invalid_request: What?',
  ],
])('tells the terminal of %s in a line', (_, visit, line) => {
  const lines: string[] = [];
  const shown = Object.fromEntries(
    Object.entries({ ...VISIT, ...visit }).filter(
      ([name, value]) => name !== 'vended' || value !== undefined,
    ),
  );

  createTerminalAudit((text) => lines.push(text)).record(shown as unknown as Visit);

  expect(lines).toEqual([line]);
});

test('the keys to sign with are new at each start when real tokens are at stake', async () => {
  const vendors = [await startLocalVendor(OPTIONS, QUIET), await startLocalVendor(OPTIONS, QUIET)];
  const keys = vendors.map(({ credential }) => credential.secretAccessKey);
  await Promise.all(vendors.map(({ close }) => close()));

  expect(new Set(keys).size).toBe(2);
  expect(keys.every((key) => key.length >= 40)).toBe(true);
});
