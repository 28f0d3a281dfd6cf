import { JWT } from 'google-auth-library';
import { importPKCS8, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KeyFile } from '../local/google/key-file.ts';
import { type Google, startGoogle } from '../local/google/server.ts';
import type { ServiceAccount } from '../local/google/service-accounts.ts';

const AUTH = 'https://www.googleapis.com/auth/';
const START_MS = Math.floor(Date.now() / 1000) * 1000;
const NOW_SECONDS = START_MS / 1000;
const INSTANCES = '/compute/v1/projects/acme/zones/europe-west1-b/instances';
const OBJECTS = '/storage/v1/b/reports/o';

let nowMs = START_MS;
let google: Google;
let account: ServiceAccount;
let key: KeyFile;
let made = 0;

/** A service account of a name that no other has. */
function makeAccount(): ServiceAccount {
  made += 1;
  return google.createServiceAccount({ email: `a${made}@acme.iam.gserviceaccount.com` });
}

beforeAll(async () => {
  google = await startGoogle({ now: () => nowMs });
  account = makeAccount();
  key = await account.createKey();
});

afterAll(() => google.close());

/** The claims of a token of the account's, with what `change` says, and without what it says is undefined. */
function claimsWith(change: Readonly<Record<string, unknown>> = {}, email = key.client_email): JWTPayload {
  const claims = { iss: email, sub: email, iat: NOW_SECONDS, exp: NOW_SECONDS + 3600, ...change };
  return JSON.parse(JSON.stringify(claims));
}

async function selfSign(
  claims: JWTPayload,
  header: { kid?: string; alg?: string } = {},
  { private_key, private_key_id }: KeyFile = key,
): Promise<string> {
  const { alg = 'RS256' } = header;
  return await new SignJWT(claims)
    .setProtectedHeader({ alg, kid: private_key_id, ...header })
    .sign(await importPKCS8(private_key, alg));
}

async function get(path: string, token: string): Promise<number> {
  return (await fetch(google.url + path, { headers: { authorization: `Bearer ${token}` } })).status;
}

test.each([
  [INSTANCES, 'compute.googleapis.com'],
  [OBJECTS, 'storage.googleapis.com'],
])('admits to %s a token that is made out to %s', async (path, service) => {
  const good = await selfSign(claimsWith({ aud: `https://${service}/` }));
  const others = [
    `https://${service}`,
    `https://other-${service}/`,
    google.tokenUri,
    [`https://${service}/`],
  ];

  const statuses = await Promise.all(
    others.map(async (aud) => get(path, await selfSign(claimsWith({ aud })))),
  );

  expect(await get(path, good)).toBe(200);
  expect(statuses).toEqual([401, 401, 401, 401]);
});

test.each([
  [INSTANCES, 'compute.readonly', 200],
  [INSTANCES, 'devstorage.read_only', 403],
  [OBJECTS, 'devstorage.read_only', 200],
  [OBJECTS, 'compute.readonly', 403],
])('answers %s to a token for the scope %s with %i', async (path, scope, status) => {
  const token = await selfSign(claimsWith({ scope: `${AUTH}${scope} openid` }));

  expect(await get(path, token)).toBe(status);
});

test.each<[string, Record<string, unknown>]>([
  ['with neither an audience nor scopes', {}],
  ['with both an audience and scopes', { aud: 'https://compute.googleapis.com/', scope: `${AUTH}compute` }],
  ['with a scope that is none', { scope: 'no-such-scope' }],
  ['with an empty scope', { scope: '' }],
  ['of somebody who is no account', { iss: 'eve@example.com', sub: 'eve@example.com' }],
  ['for somebody else', { sub: 'ada@example.com' }],
  ['for nobody', { sub: undefined }],
  ['that lives for over an hour', { exp: NOW_SECONDS + 3601 }],
  ['that has ended', { iat: NOW_SECONDS - 3600, exp: NOW_SECONDS }],
  ['from the future', { iat: NOW_SECONDS + 301, exp: NOW_SECONDS + 600 }],
  ['that does not end', { exp: undefined }],
  ['that does not begin', { iat: undefined }],
])('does not admit a token %s', async (what, change) => {
  const scope = /audience|scope/.test(what) ? {} : { scope: `${AUTH}compute` };

  expect(await get(INSTANCES, await selfSign(claimsWith({ ...scope, ...change })))).toBe(401);
});

test('admits a token to its last second and not beyond', async () => {
  const token = await selfSign(claimsWith({ scope: `${AUTH}compute` }));
  const at = async (ms: number) => {
    nowMs = START_MS + ms;
    return await get(INSTANCES, token);
  };

  const statuses = [await at(3_599_999), await at(3_600_000)];
  nowMs = START_MS;

  expect(statuses).toEqual([200, 401]);
});

test('does not admit a token that another key, another algorithm or no key signed', async () => {
  const claims = claimsWith({ scope: `${AUTH}compute` });
  const stranger = await makeAccount().createKey();
  const good = await selfSign(claims);
  const unsigned = [
    Buffer.from(JSON.stringify({ alg: 'none', kid: key.private_key_id })).toString('base64url'),
    good.split('.')[1],
    '',
  ].join('.');
  const tokens = {
    'by a stranger’s key': await selfSign(claims, {}, stranger),
    'by a stranger’s key under the account’s id': await selfSign(
      claims,
      { kid: key.private_key_id },
      stranger,
    ),
    'by a key that is not there': await selfSign(claims, { kid: 'f'.repeat(40) }),
    'by a key that is not named': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256' })
      .sign(await importPKCS8(key.private_key, 'RS256')),
    'by PS256': await selfSign(claims, { alg: 'PS256' }),
    'by RS512': await selfSign(claims, { alg: 'RS512' }),
    'by nobody': unsigned,
    'with its signature cut': good.slice(0, -10),
  };

  expect(await get(INSTANCES, good)).toBe(200);
  for (const [what, token] of Object.entries(tokens)) {
    expect(await get(INSTANCES, token), what).toBe(401);
  }
});

test('does not admit a token once its key is deleted, or its account is disabled', async () => {
  const other = makeAccount();
  const [first, second] = [await other.createKey(), await other.createKey()];
  const claims = claimsWith({ scope: `${AUTH}compute` }, other.email);
  const [one, two] = [await selfSign(claims, {}, first), await selfSign(claims, {}, second)];
  other.deleteKey(first.private_key_id);

  const afterDeletion = [await get(INSTANCES, one), await get(INSTANCES, two)];
  other.disable();
  const afterDisabling = await get(INSTANCES, two);

  expect(afterDeletion).toEqual([401, 200]);
  expect(afterDisabling).toBe(401);
});

test('admits what IAM Credentials has signed, and is itself asked by such a token', async () => {
  const signer = makeAccount();
  signer.allowImpersonationBy(`serviceAccount:${account.email}`);
  const bearer = await selfSign(claimsWith({ aud: 'https://iamcredentials.googleapis.com/' }));
  const payload = JSON.stringify(claimsWith({ scope: `${AUTH}compute` }, signer.email));
  const url = `${google.url}/v1/projects/-/serviceAccounts/${signer.email}:signJwt`;

  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ payload }),
  });

  expect(response.status).toBe(200);
  const { signedJwt }: { signedJwt: string } = JSON.parse(await response.text());
  expect(await get(INSTANCES, signedJwt)).toBe(200);
});

test('keeps the private function from it, whomever it is made out to', async () => {
  const tokens = [
    await selfSign(claimsWith({ aud: google.functionAudience })),
    await selfSign(claimsWith({ scope: `${AUTH}cloud-platform` })),
    await selfSign(claimsWith({ aud: google.functionAudience, iss: 'https://accounts.google.com' })),
  ];

  for (const token of tokens) {
    expect(await get('/functions/hello', token)).toBe(401);
  }
});

test('tells what it stands for', async () => {
  const token = await selfSign(claimsWith({ scope: `${AUTH}compute openid` }));

  const info = await fetch(`${google.url}/tokeninfo?access_token=${token}`);

  expect(await info.json()).toMatchObject({
    email: key.client_email,
    aud: account.uniqueId,
    scope: `${AUTH}compute openid`,
    expires_in: '3600',
  });
});

/** Google's library for the key. It dates its tokens by the system's clock. */
function nodeClient(options: { scopes?: readonly string[] } = {}): JWT {
  const { client_email: email, private_key, private_key_id: keyId } = key;
  return new JWT({ email, key: private_key, keyId, ...(options.scopes && { scopes: [...options.scopes] }) });
}

async function statusFor(path: string, headers: Headers): Promise<number> {
  return (await fetch(google.url + path, { headers })).status;
}

test('google-auth-library for Node is admitted by a token made out to the service', async () => {
  const client = nodeClient();

  const headers = await client.getRequestHeaders('https://compute.googleapis.com/');

  expect(await statusFor(INSTANCES, headers)).toBe(200);
  expect(await statusFor(OBJECTS, headers)).toBe(401);
});

test('google-auth-library for Node is admitted by a token for scopes, without an exchange', async () => {
  const client = nodeClient({ scopes: [`${AUTH}devstorage.read_only`] });
  client.useJWTAccessWithScope = true;

  const headers = await client.getRequestHeaders('https://storage.googleapis.com/');

  expect(await statusFor(OBJECTS, headers)).toBe(200);
  expect(await statusFor(INSTANCES, headers)).toBe(403);
  expect(google.exchanges.filter(({ path }) => path === '/token')).toEqual([]);
});
