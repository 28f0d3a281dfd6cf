import { decodeJwt } from 'jose';
import { afterAll, expect, test } from 'vitest';
import { createTokenClient, UsageError, VendError } from '../client/token-client.ts';
import { startClientRig } from './make-token-client.ts';
import { CLOUD_PLATFORM, thrownBy } from './vendor-rig.ts';

const STORAGE_RO = 'https://www.googleapis.com/auth/devstorage.read_only';
const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';

const rig = await startClientRig();
const open = await startClientRig({ requireSignature: false });

afterAll(async () => {
  await Promise.all([rig.vendor.close(), open.vendor.close()]);
});

const DOORS = [
  ['HTTP', rig.byUrl],
  ['Lambda', rig.byFunction],
] as const;

test.each(DOORS)(
  'gives an access token by %s, with its end, its scopes and whose it is',
  async (_, client) => {
    const token = await client({ profile: 'reports' }).accessToken({ scopes: 'storage-ro' });

    expect(token).toEqual({
      token: expect.stringMatching(/^ya29\./),
      expiresAtMs: expect.any(Number),
      scopes: [STORAGE_RO],
      principal: expect.stringMatching(/@.*\.iam\.gserviceaccount\.com$/),
    });
    expect(token.expiresAtMs - Date.now()).toBeGreaterThan(3_500_000);
  },
);

test.each(DOORS)('without scopes it gives a token by %s for all that the profile has', async (_, client) => {
  expect((await client().accessToken()).scopes).toEqual([CLOUD_PLATFORM]);
});

test.each(DOORS)('gives an ID token by %s for an audience', async (_, client) => {
  const token = await client().idToken({ audience: AUDIENCE });

  expect(decodeJwt(token.token).aud).toBe(AUDIENCE);
  expect(token).toMatchObject({ audience: AUDIENCE, principal: expect.stringContaining('@') });
});

test.each(DOORS)('gives the header by %s that carries either token', async (_, make) => {
  const client = make();

  const access = await client.headers();
  const id = await client.headers({ audience: AUDIENCE });

  expect(access.authorization).toBe(`Bearer ${(await client.accessToken()).token}`);
  expect(id.authorization).toBe(`Bearer ${(await client.idToken({ audience: AUDIENCE })).token}`);
});

test.each(DOORS)('throws by %s what the vendor refuses, by its name and in its words', async (_, client) => {
  const error = await thrownBy(client({ profile: 'reports' }).idToken({ audience: AUDIENCE }));

  expect(error).toBeInstanceOf(VendError);
  expect(error).toMatchObject({ name: 'AccessDenied', code: 'access_denied' });
  expect(error?.message).toContain('reports');
});

test.each(DOORS)('says by %s that there is no such profile', async (_, client) => {
  const error = await thrownBy(client({ profile: 'nope' }).accessToken());

  expect(error).toMatchObject({ code: 'invalid_request', message: expect.stringContaining('nope') });
});

test('what no vendor would give is refused here, and sends nothing', async () => {
  const client = createTokenClient(
    { url: 'https://vendor.example.com' },
    { post: () => expect.unreachable() },
  );

  expect(await thrownBy(client.accessToken({ scopes: 'nonsense' }))).toMatchObject({
    code: 'invalid_request',
  });
  expect(await thrownBy(client.idToken({ audience: 'http://x' }))).toMatchObject({ code: 'invalid_request' });
});

test('a vendor on loopback that takes unsigned requests needs no AWS credentials', async () => {
  const client = createTokenClient(
    { url: open.vendor.url },
    { environment: { AWS_EC2_METADATA_DISABLED: 'true' } },
  );

  expect((await client.accessToken()).token).toMatch(/^ya29\./);
});

test('100 callers at a time are one request', async () => {
  const client = rig.byUrl({ profile: 'reports' });
  const before = rig.vendor.google?.exchanges.length ?? 0;

  const tokens = await Promise.all(Array.from({ length: 100 }, () => client.accessToken()));

  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
  expect(rig.vendor.google?.exchanges.length).toBeLessThanOrEqual(before + 1);
});

test.each([
  [{}, /url .*or functionName/],
  [{ url: 'https://a', functionName: 'b' }, /not both/],
  [{ url: 'http://vendor.example.com' }, /must be https/],
  [{ url: 'https://vendor.example.com/token' }, /end before \/token/],
  [{ functionName: 'a/b' }, /no name/],
])('%j is no vendor, and it says why', (options, words) => {
  const make = () => createTokenClient(options, { environment: {} });

  expect(make).toThrow(UsageError);
  expect(make).toThrow(words);
});
