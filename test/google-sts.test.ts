import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IdentityPoolClient } from 'google-auth-library';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Google, startGoogle } from '../local/google/server.ts';
import type { Pool, Provider } from '../local/google/workload-pools.ts';
import { type OidcIssuer, startOidcIssuer } from './oidc-issuer.ts';
import { needTool, runTool } from './optional-tool.ts';

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const COMPUTE = 'https://www.googleapis.com/auth/compute.readonly';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const ROLE = 'arn:aws:iam::123456789012:role/vendor';

const nowSeconds = () => Math.floor(Date.now() / 1000);

let google: Google;
let issuer: OidcIssuer;
let pool: Pool;
let provider: Provider;

beforeAll(async () => {
  google = await startGoogle();
  issuer = await startOidcIssuer();
  pool = google.createPool();
  provider = pool.createOidcProvider({
    ...issuer,
    attributeMapping: ({ sub, team }) => ({ 'google.subject': String(sub), 'attribute.team': String(team) }),
    attributeCondition: ({ 'google.subject': subject }) => subject !== 'rejected',
  });
});

afterAll(async () => {
  await google.close();
  await issuer.close();
});

type Answered = { readonly status: number; readonly body: Record<string, unknown> };

async function send(body: string | URLSearchParams, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(google.stsUrl, { method: 'POST', headers, body });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

/** The fields of a good request with `subjectToken`, or with one that the issuer signs now. */
async function goodFields(subjectToken?: string): Promise<Record<string, string>> {
  return {
    grant_type: TOKEN_EXCHANGE,
    audience: provider.audience,
    scope: CLOUD_PLATFORM,
    requested_token_type: ACCESS_TOKEN,
    subject_token: subjectToken ?? (await issuer.sign({ sub: ROLE, aud: provider.audience })),
    subject_token_type: JWT,
  };
}

async function exchange(change: Readonly<Record<string, string>> = {}): Promise<Answered> {
  return send(new URLSearchParams({ ...(await goodFields(change.subject_token)), ...change }));
}

async function listInstances(token: unknown): Promise<number> {
  const url = `${google.url}/compute/v1/projects/acme/zones/europe-west1-b/instances`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

test('turns an OIDC token into a federated access token that lists the instances', async () => {
  const { status, body } = await exchange();

  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.stringMatching(/^ya29\.d\./),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: expect.toSatisfy((seconds: number) => seconds >= 58 && seconds <= 60),
  });
  expect(await listInstances(body.access_token)).toBe(200);
});

test.each([
  [300, 300],
  [3_000, 3_000],
  [40_000, 3_599],
])(
  'lets a federated token end with the OIDC token, here of %i seconds, or after an hour',
  async (life, expected) => {
    const exp = nowSeconds() + life;
    const subject_token = await issuer.sign({ sub: ROLE, aud: provider.audience, exp });

    const { body } = await exchange({ subject_token });

    expect(expected - Number(body.expires_in)).toBeGreaterThanOrEqual(0);
    expect(expected - Number(body.expires_in)).toBeLessThan(5);
  },
);

test('keeps a federated token to its scopes', async () => {
  const { body } = await exchange({ scope: 'openid https://www.googleapis.com/auth/devstorage.read_only' });

  expect(await listInstances(body.access_token)).toBe(403);
});

test.each(['camelCase', 'snake_case'])('takes JSON in %s', async (spelling) => {
  const fields = Object.entries(await goodFields()).map(([name, value]) => [
    spelling === 'camelCase' ? name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()) : name,
    value,
  ]);

  const { status } = await send(JSON.stringify(Object.fromEntries(fields)), {
    'content-type': 'application/json',
  });

  expect(status).toBe(200);
});

test('refuses a good request that carries an Authorization header', async () => {
  const answered = await send(new URLSearchParams(await goodFields()), { authorization: 'Bearer x' });

  expect(answered.status).toBe(400);
  expect(answered.body).toMatchObject({ error: 'invalid_request' });
});

test.each([
  [{ grant_type: '' }, 'invalid_request', 'grant_type'],
  [{ grant_type: 'refresh_token' }, 'unsupported_grant_type', TOKEN_EXCHANGE],
  [{ requested_token_type: JWT }, 'invalid_request', 'requested_token_type'],
  [{ audience: 'https://iam.googleapis.com/projects/1' }, 'invalid_request', 'full resource name'],
  [{ audience: '' }, 'invalid_request', 'full resource name'],
  [{ scope: '' }, 'invalid_request', 'scope'],
  [{ scope: 'no-such-scope' }, 'invalid_scope', 'no-such-scope'],
  [{ subject_token: '' }, 'invalid_request', 'subject_token'],
  [{ subject_token: 'nonsense' }, 'invalid_grant', 'parse'],
  [{ subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request' }, 'invalid_request', 'jwt'],
])('refuses %o as %s', async (change, error, words) => {
  const { status, body } = await exchange(change);

  expect([status, body.error]).toEqual([400, error]);
  expect(body.error_description).toContain(words);
});

test('refuses a parameter that is given twice', async () => {
  const fields = new URLSearchParams(await goodFields());
  fields.append('audience', provider.audience);

  const { status, body } = await send(fields);

  expect([status, body.error]).toEqual([400, 'invalid_request']);
});

test.each([
  ['plain text', 'text/plain'],
  ['broken JSON', 'application/json'],
])('refuses %s', async (_, contentType) => {
  const { status, body } = await send('{"grantType":', { 'content-type': contentType });

  expect([status, body.error]).toEqual([400, 'invalid_request']);
});

test('does not know a provider that was never made, nor one that is disabled', async () => {
  const disabled = pool.createOidcProvider({ ...issuer, providerId: 'disabled' });
  disabled.disable();

  for (const audience of [`${provider.audience}-2`, disabled.audience]) {
    const { body } = await exchange({ audience });
    expect(body).toEqual({
      error: 'invalid_target',
      error_description: expect.stringContaining('pool or provider is disabled or deleted'),
    });
  }
});

test.each([
  [
    'of another issuer',
    { iss: 'https://elsewhere.example' },
    'The issuer in ID Token https://elsewhere.example does not match the expected one in config',
  ],
  [
    'for another audience',
    { aud: 'https://elsewhere.example' },
    'The audience in ID Token [https://elsewhere.example] does not match the expected audience.',
  ],
  ['that has expired', { iat: nowSeconds() - 300, exp: nowSeconds() - 70 }, 'is stale to sign-in.'],
  ['from the future', { iat: nowSeconds() + 3600, exp: nowSeconds() + 3660 }, 'from the future'],
  ['that lives for days', { exp: nowSeconds() + 100_000 }, '24 hours'],
  ['without an end', { exp: undefined }, 'is stale to sign-in.'],
  ['without a beginning', { iat: undefined }, 'ID Token issued at null is stale to sign-in.'],
  ['for nobody', { aud: undefined }, 'The audience in ID Token [] does not match'],
])('refuses a token %s', async (_, claims, words) => {
  const subject_token = await issuer.sign({ sub: ROLE, aud: provider.audience, ...claims });

  const { body } = await exchange({ subject_token });

  expect(body).toEqual({ error: 'invalid_grant', error_description: expect.stringContaining(words) });
});

test.each([
  ['has just expired', { iat: nowSeconds() - 300, exp: nowSeconds() - 40 }],
  ['begins in a moment', { iat: nowSeconds() + 40, exp: nowSeconds() + 100 }],
])('takes a token that %s: clocks may differ by a minute', async (_, claims) => {
  const subject_token = await issuer.sign({ sub: ROLE, aud: provider.audience, ...claims });

  const { status } = await exchange({ subject_token });

  expect(status).toBe(200);
});

test('takes ES256 and not ES384', async () => {
  const claims = { sub: ROLE, aud: provider.audience };

  const good = await exchange({ subject_token: await issuer.sign(claims, 'ES256') });
  const bad = await exchange({ subject_token: await issuer.sign(claims, 'ES384') });

  expect([good.status, bad.status]).toEqual([200, 400]);
  expect(bad.body.error_description).toContain('Unsupported signing algorithm');
});

test('refuses a token whose claims were changed after it was signed', async () => {
  const [header, , signature] = (await issuer.sign({ sub: ROLE, aud: provider.audience })).split('.');
  const [, claims] = (await issuer.sign({ sub: 'root', aud: provider.audience })).split('.');

  const { body } = await exchange({ subject_token: `${header}.${claims}.${signature}` });

  expect(body).toMatchObject({
    error: 'invalid_grant',
    error_description: 'Unable to verify the ID Token signature.',
  });
});

test('refuses a token of an issuer with other keys', async () => {
  const stranger = await startOidcIssuer();
  onTestFinished(stranger.close);
  const { audience } = pool.createOidcProvider({
    issuer: stranger.issuer,
    jwksUrl: issuer.jwksUrl,
    providerId: 'other-keys',
  });

  const { body } = await exchange({ audience, subject_token: await stranger.sign({ aud: audience }) });

  expect(body).toEqual({
    error: 'invalid_grant',
    error_description: 'Unable to verify the ID Token signature.',
  });
});

test('says so if the issuer’s keys cannot be had', async () => {
  const { audience } = pool.createOidcProvider({
    issuer: issuer.issuer,
    jwksUrl: 'http://127.0.0.1:1/jwks',
    providerId: 'unreachable',
  });

  const { body } = await exchange({ audience, subject_token: await issuer.sign({ aud: audience }) });

  expect(body).toMatchObject({
    error: 'invalid_grant',
    error_description: expect.stringContaining('Error connecting'),
  });
});

test('takes its own name with https: in front as the token’s audience, and only what a list allows', async () => {
  const picky = pool.createOidcProvider({ ...issuer, providerId: 'picky', allowedAudiences: ['vendor'] });
  const aud = `https:${provider.audience}`;

  const withScheme = await exchange({ subject_token: await issuer.sign({ sub: ROLE, aud }) });
  const listed = await issuer.sign({ sub: ROLE, aud: 'vendor' });
  const unlisted = await issuer.sign({ sub: ROLE, aud: picky.audience });
  const statuses = [listed, unlisted].map((token) =>
    exchange({ audience: picky.audience, subject_token: token }),
  );

  expect(withScheme.status).toBe(200);
  expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 400]);
});

test('rejects what the attribute condition does not admit', async () => {
  const subject_token = await issuer.sign({ sub: 'rejected', aud: provider.audience });

  const { body } = await exchange({ subject_token });

  expect(body).toEqual({
    error: 'unauthorized_client',
    error_description: 'The given credential is rejected by the attribute condition.',
  });
});

test('rejects a token that the mapping finds no subject in', async () => {
  const { audience } = pool.createOidcProvider({
    ...issuer,
    providerId: 'no-subject',
    attributeMapping: () => ({ 'google.subject': '' }),
  });

  const { body } = await exchange({
    audience,
    subject_token: await issuer.sign({ sub: ROLE, aud: audience }),
  });

  expect(body).toEqual({
    error: 'unauthorized_client',
    error_description: 'Could not obtain a value for google.subject from the given credential.',
  });
});

test.each([
  ['a'.repeat(127), 200],
  ['a'.repeat(128), 400],
  [`ä${'a'.repeat(126)}`, 400],
])('counts the bytes of the subject %s: %i', async (sub, status) => {
  const answered = await exchange({ subject_token: await issuer.sign({ sub, aud: provider.audience }) });

  expect(answered.status).toBe(status);
});

test('lets a federated principal impersonate by each of its names and by no other', async () => {
  const subject_token = await issuer.sign({ sub: ROLE, team: 'data', aud: provider.audience });
  const { access_token } = (await exchange({ subject_token })).body;
  const other = google.createPool({ poolId: 'other' });
  const impersonate = async (member: string, index: number) => {
    const email = `t${index}@acme.iam.gserviceaccount.com`;
    google.createServiceAccount({ email }).allowImpersonationBy(member);
    const response = await fetch(google.impersonationUrl(email), {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}` },
      body: JSON.stringify({ scope: [COMPUTE] }),
    });
    return response.status;
  };
  const admitting = [pool.subject(ROLE), pool.attribute('team', 'data'), pool.everyone];
  const denying = [pool.subject('x'), pool.attribute('team', 'ops'), other.everyone, other.subject(ROLE)];

  const statuses = await Promise.all([...admitting, ...denying].map(impersonate));

  expect(statuses).toEqual([200, 200, 200, 403, 403, 403, 403]);
});

test('is unknown to tokeninfo, as a token without an e-mail', async () => {
  const { access_token } = (await exchange()).body;

  const response = await fetch(`${google.url}/tokeninfo?access_token=${access_token}`);

  expect(response.status).toBe(400);
});

test('records the exchange without the subject token, and lets an interference answer in its place', async () => {
  const subject_token = await issuer.sign({ sub: ROLE, aud: provider.audience });
  google.interfere(({ path }) => (path === '/v1/token' ? { status: 503, body: 'away' } : undefined));

  const response = await fetch(google.stsUrl, {
    method: 'POST',
    body: new URLSearchParams(await goodFields(subject_token)),
  });
  google.interfere(undefined);

  expect(response.status).toBe(503);
  expect(google.exchanges.at(-1)).toMatchObject({
    path: '/v1/token',
    grantType: TOKEN_EXCHANGE,
    targetAudience: provider.audience,
    status: 503,
  });
  expect(JSON.stringify(google.exchanges)).not.toContain(subject_token);
});

/** A directory that goes when the test does. */
async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'google-sts-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('google-auth-library for Node gets its tokens with a subject token from a file, federated and impersonated', async () => {
  const file = join(await makeDirectory(), 'subject-token');
  await writeFile(file, await issuer.sign({ sub: ROLE, aud: provider.audience }), { mode: 0o600 });
  const serviceAccount = 'federated@acme.iam.gserviceaccount.com';
  google.createServiceAccount({ email: serviceAccount }).allowImpersonationBy(pool.subject(ROLE));
  const bare = new IdentityPoolClient({
    ...provider.createCredential({ credentialSource: { file } }),
    credential_source: { file },
  });
  const impersonating = new IdentityPoolClient({
    ...provider.createCredential({ credentialSource: { file }, serviceAccount, lifetimeSeconds: 900 }),
    credential_source: { file },
    scopes: [COMPUTE],
  });

  const [federated, impersonated] = await Promise.all([
    bare.getAccessToken(),
    impersonating.getAccessToken(),
  ]);

  expect(federated.token).toMatch(/^ya29\.d\./);
  expect(impersonated.token).toMatch(/^ya29\.c\./);
  expect(await listInstances(federated.token)).toBe(200);
  expect(await listInstances(impersonated.token)).toBe(200);
  const info = await fetch(`${google.url}/tokeninfo?access_token=${impersonated.token}`);
  expect(await info.json()).toMatchObject({ email: serviceAccount, scope: COMPUTE });
});

test('gcloud gets an access token with a credential file of the provider', {
  timeout: 180_000,
}, async (context) => {
  await needTool(context, 'sh', ['-c', 'command -v gcloud']);
  const directory = await makeDirectory();
  const file = join(directory, 'subject-token');
  await writeFile(file, await issuer.sign({ sub: ROLE, aud: provider.audience }), { mode: 0o600 });
  const serviceAccount = 'gcloud@acme.iam.gserviceaccount.com';
  google.createServiceAccount({ email: serviceAccount }).allowImpersonationBy(pool.everyone);
  const document = provider.createCredential({ credentialSource: { file }, serviceAccount });
  const credentialFile = join(directory, 'credential.json');
  await writeFile(credentialFile, JSON.stringify(document), { mode: 0o600 });
  const gcloud = (...args: readonly string[]) =>
    runTool('gcloud', args, {
      HOME: directory,
      LANG: 'C.UTF-8',
      CLOUDSDK_CONFIG: join(directory, 'gcloud'),
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
      CLOUDSDK_CORE_CHECK_GCE_METADATA: '0',
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
    });

  const login = await gcloud('auth', 'login', '--cred-file', credentialFile);
  const printed = await gcloud('auth', 'print-access-token');

  expect(login.status, login.stderr).toBe(0);
  expect(printed.status, printed.stderr).toBe(0);
  expect(await listInstances(printed.stdout.trim())).toBe(200);
});
