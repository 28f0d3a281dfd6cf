import { inspect } from 'node:util';
import { decodeJwt } from 'jose';
import { afterAll, expect, test } from 'vitest';
import { createTokenClient, type TokenClientOptions, UsageError, VendError } from '../client/token-client.ts';
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

test.each(DOORS)('100 callers at a time by %s are one exchange', async (_, make) => {
  const client = make({ profile: 'reports' });
  const before = rig.vendor.google?.exchanges.length ?? 0;

  const tokens = await Promise.all(Array.from({ length: 100 }, () => client.accessToken()));

  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
  expect(rig.vendor.google?.exchanges.length).toBeLessThanOrEqual(before + 1);
});

test.each([-20, 20])(
  'a clock that is %i minutes wrong gets tokens by both doors, which end by it',
  async (minutes) => {
    const now = () => Date.now() + minutes * 60_000;
    const { accessKeyId, secretAccessKey } = rig.vendor.credential;
    const credentials = { accessKeyId, secretAccessKey };
    const doors = [{ url: rig.vendor.url }, { functionName: 'gcp-token-vendor' }];
    const clients = doors.map((door) =>
      createTokenClient(
        { ...door, credentials, region: 'eu-west-1' },
        { environment: { AWS_ENDPOINT_URL: rig.vendor.url }, now },
      ),
    );

    const tokens = await Promise.all(clients.map((client) => client.accessToken()));

    for (const { expiresAtMs } of tokens) {
      expect(Math.abs(expiresAtMs - now() - 3_599_000)).toBeLessThan(60_000);
    }
  },
);

test('a vendor on loopback that demands signatures gets them from the second request on', async () => {
  const client = rig.byUrl();
  const from = rig.lines.length;

  await client.accessToken();
  await client.idToken({ audience: AUDIENCE });

  expect(rig.lines.slice(from)).toEqual(['403 POST /token: Missing Authentication Token']);
});

test('who asks while another request is being refused learns from that too', async () => {
  const now = () => Date.now() + 20 * 60_000;
  const { accessKeyId, secretAccessKey } = rig.vendor.credential;
  const doors = [{ url: rig.vendor.url }, { functionName: 'gcp-token-vendor' }];
  const clients = doors.map((door) =>
    createTokenClient(
      { ...door, credentials: { accessKeyId, secretAccessKey }, region: 'eu-west-1' },
      { environment: { AWS_ENDPOINT_URL: rig.vendor.url }, now },
    ),
  );

  const tokens = await Promise.all(
    clients.flatMap((client) => [client.accessToken(), client.idToken({ audience: AUDIENCE })]),
  );

  expect(tokens.map(({ token }) => token.slice(0, 5))).toEqual(['ya29.', 'eyJhb', 'ya29.', 'eyJhb']);
});

test('a vendor on loopback that demands signatures says what is missing to who has no AWS credentials', async () => {
  const client = createTokenClient(
    { url: rig.vendor.url, credentials: () => Promise.reject(new Error('canary')) },
    { environment: { AWS_REGION: 'eu-west-1' } },
  );

  const error = await thrownBy(client.accessToken());

  expect(error).toMatchObject({ message: expect.stringMatching(/no AWS credentials/) });
  expect(error?.message).not.toContain('canary');
});

test.each(DOORS)('keys that are wrong are refused by %s, and shown to nobody', async (_, make) => {
  const credentials = { accessKeyId: rig.vendor.credential.accessKeyId, secretAccessKey: 'canary' };

  const error = await thrownBy(make({ credentials }).accessToken());

  expect(error).toMatchObject({ code: expect.stringMatching(/^(?:access_denied|credential_invalid)$/) });
  expect(inspect(error)).not.toMatch(/canary|AKIA/);
});

test.each([
  [{ GCP_TOKEN_URL: rig.vendor.url }, {}, 'default'],
  [{ GCP_TOKEN_URL: rig.vendor.url, GCP_TOKEN_PROFILE: 'reports' }, {}, 'reports'],
  [{ GCP_TOKEN_FUNCTION: 'vendor', GCP_TOKEN_PROFILE: 'reports' }, { profile: 'other' }, 'other'],
  [{ GCP_TOKEN_FUNCTION: 'vendor:reports' }, {}, 'reports'],
  [{ GCP_TOKEN_URL: 'nonsense', GCP_TOKEN_PROFILE: 'reports' }, { functionName: 'vendor' }, 'default'],
])('the environment %j with the options %j means the profile %s', (environment, options, profile) => {
  expect(createTokenClient(options, { environment }).profile).toBe(profile);
});

const ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:vendor';

test.each<[TokenClientOptions, RegExp]>([
  [{}, /url .*or functionName/],
  [{ url: 'https://a', functionName: 'b' }, /not both/],
  [{ url: 'vendor.example.com' }, /no https URL/],
  [{ url: 'ftp://vendor.example.com' }, /no https URL/],
  [{ url: 'http://vendor.example.com' }, /must be https/],
  [{ url: 'http://127.0.0.1.example.com' }, /must be https/],
  [{ url: 'http://169.254.169.254' }, /must be https/],
  [{ url: 'https://user:canary@vendor.example.com' }, /user or a password/],
  [{ url: 'https://vendor.example.com?x=y' }, /no query/],
  [{ url: 'https://vendor.example.com/token' }, /end before \/token/],
  [{ url: 'https://vendor.example.com/a%2fb' }, /no stage/],
  [{ functionName: 'a/b' }, /no name/],
  [{ functionName: `${ARN}:reports`, profile: 'other' }, /alias reports/],
  [{ functionName: ARN, region: 'us-east-1' }, /contradicts/],
  [{ functionName: 'vendor', region: 'Ireland' }, /no AWS region/],
  [{ url: 'https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com', region: 'us-east-1' }, /contradicts/],
  [{ functionName: 'vendor', profile: '../x' }, /no name of a profile/],
  [{ functionName: 'vendor', timeoutMs: 0 }, /timeoutMs/],
  [{ functionName: 'vendor', timeoutMs: Number.NaN }, /timeoutMs/],
])('%j is no vendor, and it says why', (options, words) => {
  const make = () => createTokenClient(options, { environment: {} });

  expect(make).toThrow(UsageError);
  expect(make).toThrow(words);
  expect(make).not.toThrow(/canary/);
});
