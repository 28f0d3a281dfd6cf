import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
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

test('the keys to sign with are new at each start when real tokens are at stake', async () => {
  const vendors = [await startLocalVendor(OPTIONS, QUIET), await startLocalVendor(OPTIONS, QUIET)];
  const keys = vendors.map(({ credential }) => credential.secretAccessKey);
  await Promise.all(vendors.map(({ close }) => close()));

  expect(new Set(keys).size).toBe(2);
  expect(keys.every((key) => key.length >= 40)).toBe(true);
});
