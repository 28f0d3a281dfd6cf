import { X509Certificate } from 'node:crypto';
import { Impersonated, JWT, UserRefreshClient } from 'google-auth-library';
import { compactVerify, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Google, startGoogle } from '../local/google/server.ts';
import type { ServiceAccount } from '../local/google/service-accounts.ts';

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const COMPUTE = 'https://www.googleapis.com/auth/compute.readonly';
const NOW_MS = Date.now();

let google: Google;
let target: ServiceAccount;
let bearer: string;
let made = 0;

/** A service account of a name that no other has. */
function makeAccount(options: { lifetimeExtension?: boolean; subjects?: string[] } = {}): ServiceAccount {
  made += 1;
  return google.createServiceAccount({ email: `a${made}@acme.iam.gserviceaccount.com`, ...options });
}

/** An access token of ada@example.com for the scopes. */
async function signIn(scopes: readonly string[] = [CLOUD_PLATFORM]): Promise<string> {
  const { type: _, ...fields } = google.createUser({ scopes }).document;
  const body = new URLSearchParams({ grant_type: 'refresh_token', ...fields });
  const answer: unknown = await (await fetch(google.tokenUri, { method: 'POST', body })).json();
  return String(Object(answer).access_token);
}

beforeAll(async () => {
  google = await startGoogle({ now: () => NOW_MS });
  target = makeAccount();
  target.allowImpersonationBy('user:ada@example.com');
  bearer = await signIn();
});

afterAll(() => google.close());

type Call = {
  readonly method?: string;
  readonly email?: string;
  readonly project?: string;
  readonly authorization?: string | undefined;
  readonly body?: object | string;
};

/** A good call of generateAccessToken by ada@example.com, but for what `change` says. */
async function call(change: Call = {}): Promise<{ status: number; body: Record<string, unknown> }> {
  const { method = 'generateAccessToken', email = target.email, project = '-', body = {} } = change;
  const authorization = 'authorization' in change ? change.authorization : `Bearer ${bearer}`;
  const json = typeof body === 'string' ? body : JSON.stringify({ scope: [COMPUTE], ...body });
  const response = await fetch(`${google.url}/v1/projects/${project}/serviceAccounts/${email}:${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
    body: json,
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

async function listInstances(token: unknown): Promise<number> {
  const url = `${google.url}/compute/v1/projects/acme/zones/europe-west1-b/instances`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

async function callFunction(token: unknown): Promise<number> {
  return (await fetch(google.functionUrl, { headers: { authorization: `Bearer ${token}` } })).status;
}

test('gives an access token of the account to a member that it admits', async () => {
  const { status, body } = await call({ body: { lifetime: '600s' } });

  expect(status).toBe(200);
  const expireTime = new Date(NOW_MS + 600_000).toISOString().replace(/\.\d+Z$/, 'Z');
  expect(body).toEqual({ accessToken: expect.stringMatching(/^ya29\.c\./), expireTime });
  expect(await listInstances(body.accessToken)).toBe(200);
  const info = await fetch(`${google.url}/tokeninfo?access_token=${body.accessToken}`);
  expect(await info.json()).toMatchObject({ email: target.email, scope: COMPUTE, expires_in: '600' });
});

test.each([
  [true, 200],
  [false, 401],
])(
  'names the e-mail in an ID token if includeEmail is %s, and the function answers %i',
  async (includeEmail, status) => {
    const body = { audience: google.functionAudience, includeEmail };

    const answered = await call({ method: 'generateIdToken', body });

    expect(answered.status).toBe(200);
    expect(await callFunction(answered.body.token)).toBe(status);
  },
);

test.each([
  ['without a scope', { scope: [] }],
  ['with the scope as a string', { scope: COMPUTE }],
  ['with a scope that is none', { scope: ['no-such-scope'] }],
  ['with a lifetime that has no unit', { lifetime: '3600' }],
  ['with a lifetime that is a number', { lifetime: 3600 }],
  ['with a lifetime under ten minutes', { lifetime: '599s' }],
  ['with a lifetime over an hour', { lifetime: '3601s' }],
  ['with a delegate by its e-mail alone', { delegates: ['a1@acme.iam.gserviceaccount.com'] }],
  ['with delegates that are no list', { delegates: 'projects/-/serviceAccounts/a1@acme' }],
  ['with a body that is no object', '[]'],
  ['with a body that is no JSON', '{'],
])('refuses a call %s as an invalid argument', async (_, body) => {
  const answered = await call({ body });

  expect(answered.status).toBe(400);
  expect(answered.body).toEqual({
    error: { code: 400, message: expect.any(String), status: 'INVALID_ARGUMENT' },
  });
});

test('takes null for a field that is not there', async () => {
  const { status } = await call({ body: { delegates: null, lifetime: null } });

  expect(status).toBe(200);
});

test('refuses an ID token without an audience', async () => {
  const { status, body } = await call({ method: 'generateIdToken', body: { includeEmail: true } });

  expect([status, body]).toEqual([400, { error: expect.objectContaining({ status: 'INVALID_ARGUMENT' }) }]);
});

test('insists on the project’s wildcard', async () => {
  const { status, body } = await call({ project: 'acme' });

  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { status: 'INVALID_ARGUMENT' } });
});

test('names the organization policy that a lifetime over an hour takes', async () => {
  const { body } = await call({ body: { lifetime: '3601s' } });

  expect(body).toMatchObject({
    error: {
      message: expect.stringMatching(
        /lifetimes of more than 1 hour.*constraints\/iam\.allowServiceAccountCredentialLifetimeExtension/,
      ),
    },
  });
});

test('lets an account with the extension have tokens of twelve hours and no longer', async () => {
  const account = makeAccount({ lifetimeExtension: true });
  account.allowImpersonationBy('user:ada@example.com');

  const twelve = await call({ email: account.email, body: { lifetime: '43200s' } });
  const more = await call({ email: account.email, body: { lifetime: '43201s' } });

  expect([twelve.status, more.status]).toEqual([200, 400]);
});

test.each([
  ['generateAccessToken', 'iam.serviceAccounts.getAccessToken'],
  ['generateIdToken', 'iam.serviceAccounts.getOpenIdToken'],
  ['signJwt', 'iam.serviceAccounts.signJwt'],
])('denies %s to a caller that the account does not admit', async (method, permission) => {
  const stranger = makeAccount();
  stranger.allowImpersonationBy('user:eve@example.com');

  const body = { audience: 'https://x.example', payload: '{}' };

  const answered = await call({ method, email: stranger.email, body });

  expect(answered).toEqual({
    status: 403,
    body: {
      error: {
        code: 403,
        message: `Permission '${permission}' denied on resource (or it may not exist).`,
        status: 'PERMISSION_DENIED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'IAM_PERMISSION_DENIED',
            domain: 'iam.googleapis.com',
            metadata: { permission },
          },
        ],
      },
    },
  });
});

test('denies a caller from whom the grant has been taken back', async () => {
  const account = makeAccount();
  account.allowImpersonationBy('user:ada@example.com');
  account.denyImpersonationBy('user:ada@example.com');

  const { status } = await call({ email: account.email });

  expect(status).toBe(403);
});

test('does not know an account that was never made, nor one that is deleted', async () => {
  const deleted = makeAccount();
  deleted.allowImpersonationBy('user:ada@example.com');
  deleted.delete();

  for (const email of ['nobody@acme.iam.gserviceaccount.com', deleted.email]) {
    const { status, body } = await call({ email });
    expect(status).toBe(404);
    expect(body).toEqual({
      error: { code: 404, message: `Not found; Gaia id not found for email ${email}`, status: 'NOT_FOUND' },
    });
  }
});

test.each([
  [undefined, 'CREDENTIALS_MISSING'],
  ['Bearer nonsense', 'ACCESS_TOKEN_TYPE_UNSUPPORTED'],
])('does not authenticate a caller by %s', async (authorization, reason) => {
  const { status, body } = await call({ authorization });

  expect(status).toBe(401);
  expect(body).toMatchObject({ error: { status: 'UNAUTHENTICATED', details: [{ reason }] } });
});

test('denies a caller whose token has neither the cloud-platform nor the iam scope', async () => {
  const authorization = `Bearer ${await signIn([COMPUTE])}`;

  const { status, body } = await call({ authorization });

  expect(status).toBe(403);
  expect(body).toMatchObject({ error: { details: [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }] } });
});

/** Accounts one behind the other: each admits the one before it, and the first admits ada@example.com. */
function makeChain(length: number): readonly ServiceAccount[] {
  const chain = Array.from({ length }, () => makeAccount());
  chain.forEach((account, index) => {
    const before = chain[index - 1];
    account.allowImpersonationBy(before ? `serviceAccount:${before.email}` : 'user:ada@example.com');
  });
  return chain;
}

const resourceName = ({ email }: ServiceAccount) => `projects/-/serviceAccounts/${email}`;

test('follows a chain of delegates link by link, in its order', async () => {
  const [first, second, last] = makeChain(3);
  if (!first || !second || !last) {
    throw new Error('The chain is too short');
  }
  const reach = (delegates: readonly ServiceAccount[]) =>
    call({ email: last.email, body: { delegates: delegates.map(resourceName) } });

  const whole = await reach([first, second]);
  const broken = await Promise.all([reach([]), reach([first]), reach([second]), reach([second, first])]);

  expect(whole.status).toBe(200);
  expect(broken.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
});

test('records the call without its tokens, and lets an interference answer in its place', async () => {
  google.interfere(({ path }) => (path.includes(':generate') ? { status: 503, body: 'away' } : undefined));
  const response = await fetch(google.impersonationUrl(target.email), {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ scope: [COMPUTE] }),
  });
  google.interfere(undefined);

  expect(response.status).toBe(503);
  expect(google.exchanges.at(-1)).toMatchObject({ scope: COMPUTE, status: 503 });
  expect(JSON.stringify(google.exchanges)).not.toContain(bearer);
});

const NOW_SECONDS = Math.floor(NOW_MS / 1000);

/** Has an account sign claims, or what else there is in `claims`' place. */
function sign(claims: unknown, change: Call = {}): ReturnType<typeof call> {
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return call({ method: 'signJwt', ...change, body: { payload, ...Object(change.body) } });
}

/** The keys that anyone may verify the account's signatures with, by their ids. */
async function certificates(email: string): Promise<Record<string, string>> {
  const response = await fetch(`${google.url}/robot/v1/metadata/x509/${email}`);
  return JSON.parse(await response.text());
}

/** Exchanges an assertion at the token endpoint. */
async function redeem(assertion: unknown): Promise<Record<string, unknown>> {
  const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const body = new URLSearchParams({ grant_type, assertion: String(assertion) });
  return JSON.parse(await (await fetch(google.tokenUri, { method: 'POST', body })).text());
}

test('signs claims, letter by letter, with a key that it keeps and publishes', async () => {
  const payload = `{ "iss": "anyone",  "iat": ${NOW_SECONDS}, "exp": ${NOW_SECONDS + 43_200} }`;

  const { status, body } = await sign(payload);

  expect(status).toBe(200);
  const { keyId, signedJwt } = body;
  expect(body).toEqual({ keyId: expect.stringMatching(/^[0-9a-f]{40}$/), signedJwt: expect.any(String) });
  expect(decodeProtectedHeader(String(signedJwt))).toEqual({ alg: 'RS256', kid: keyId, typ: 'JWT' });
  const published = await certificates(target.email);
  const { publicKey } = new X509Certificate(String(published[String(keyId)]));
  const verified = await compactVerify(String(signedJwt), publicKey);
  expect(new TextDecoder().decode(verified.payload)).toBe(payload);
});

test('signs with the same key for whoever comes, even at once, and with another for another account', async () => {
  const [account, other] = [makeAccount(), makeAccount()];
  account.allowImpersonationBy('user:ada@example.com');
  other.allowImpersonationBy('user:ada@example.com');

  const answers = await Promise.all([
    sign({}, { email: account.email }),
    sign({}, { email: account.email }),
    sign({}, { email: other.email }),
  ]);

  const [first, second, third] = answers.map(({ body }) => body.keyId);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

test('keeps the signing key from the owner, who can neither delete it nor runs out of keys by it', async () => {
  const account = makeAccount();
  account.allowImpersonationBy('user:ada@example.com');
  const { body } = await sign({}, { email: account.email });

  const keys = await Promise.all(Array.from({ length: 10 }, () => account.createKey()));

  expect(() => account.deleteKey(String(body.keyId))).toThrow('has no key');
  expect(Object.keys(await certificates(account.email)).sort()).toEqual(
    [body.keyId, ...keys.map((key) => key.private_key_id)].sort(),
  );
});

test.each([
  ['that is no string', { payload: { iss: 'a' } }],
  ['that is not there', { payload: null }],
  ['that is no JSON', { payload: '{' }],
  ['that is no object', { payload: '[]' }],
  ['with an exp over twelve hours ahead', { payload: `{"exp":${NOW_SECONDS + 43_202}}` }],
  ['with an exp that is past', { payload: `{"exp":${NOW_SECONDS - 1}}` }],
  ['with an exp that is a string', { payload: `{"exp":"${NOW_SECONDS + 60}"}` }],
  ['with an iat that is a string', { payload: `{"iat":"${NOW_SECONDS}"}` }],
])('does not sign a payload %s', async (_, body) => {
  const answered = await call({ method: 'signJwt', body });

  expect(answered).toEqual({
    status: 400,
    body: {
      error: { code: 400, message: expect.stringContaining('payload'), status: 'INVALID_ARGUMENT' },
    },
  });
});

test('signs through a chain of delegates, and not past a missing link', async () => {
  const [first, second, last] = makeChain(3);
  if (!first || !second || !last) {
    throw new Error('The chain is too short');
  }
  const through = (delegates: readonly ServiceAccount[]) =>
    sign({ iss: last.email }, { email: last.email, body: { delegates: delegates.map(resourceName) } });

  const answers = [await through([first, second]), await through([second]), await through([])];

  expect(answers.map(({ status }) => status)).toEqual([200, 403, 403]);
});

test('does not sign as an account that is disabled, nor accept what it signed before', async () => {
  const account = makeAccount();
  account.allowImpersonationBy('user:ada@example.com');
  const claims = { iss: account.email, aud: google.tokenUri, scope: COMPUTE };
  const times = { iat: NOW_SECONDS, exp: NOW_SECONDS + 60 };
  const { body } = await sign({ ...claims, ...times }, { email: account.email });
  account.disable();

  const again = await sign({ ...claims, ...times }, { email: account.email });

  expect(again.status).toBe(404);
  expect(await redeem(body.signedJwt)).toMatchObject({ error: 'invalid_grant' });
});

test('lets an account act for a user of the domain without a key', async () => {
  const account = makeAccount({ subjects: ['grace@example.com'] });
  account.allowImpersonationBy('user:ada@example.com');
  const actFor = async (sub: string) => {
    const claims = { iss: account.email, sub, scope: COMPUTE, aud: google.tokenUri };
    const { body } = await sign(
      { ...claims, iat: NOW_SECONDS, exp: NOW_SECONDS + 3600 },
      { email: account.email },
    );
    return await redeem(body.signedJwt);
  };

  const granted = await actFor('grace@example.com');
  const refused = await actFor('eve@example.com');

  const info = await fetch(`${google.url}/tokeninfo?access_token=${granted.access_token}`);
  expect(await info.json()).toMatchObject({ email: 'grace@example.com', scope: COMPUTE });
  expect(await listInstances(granted.access_token)).toBe(200);
  expect(refused).toMatchObject({ error: 'unauthorized_client' });
});

test('records what was to be signed, and not the signature', async () => {
  const { body } = await sign({ iss: target.email, sub: 'grace@example.com', scope: COMPUTE });

  expect(google.exchanges.at(-1)).toMatchObject({
    path: `/v1/projects/-/serviceAccounts/${target.email}:signJwt`,
    issuer: target.email,
    subject: 'grace@example.com',
    scope: COMPUTE,
    status: 200,
  });
  expect(JSON.stringify(google.exchanges)).not.toContain(body.signedJwt);
});

test('refuses a grant to what is no member', () => {
  expect(() => target.allowImpersonationBy('ada@example.com')).toThrow('no member');
});

/** Google's library as `account`, by a key of it. */
async function nodeSource(account: ServiceAccount): Promise<JWT> {
  const key = await account.createKey();
  const fetchImplementation: typeof fetch = (input, init) =>
    fetch(String(input).replace('https://oauth2.googleapis.com', google.url), init);
  return new JWT({
    email: key.client_email,
    key: key.private_key,
    scopes: [CLOUD_PLATFORM],
    transporterOptions: { fetchImplementation },
  });
}

test('google-auth-library for Node gets both kinds of token through a delegate', async () => {
  const [source, delegate, last] = [makeAccount(), makeAccount(), makeAccount()];
  delegate.allowImpersonationBy(`serviceAccount:${source.email}`);
  last.allowImpersonationBy(`serviceAccount:${delegate.email}`);
  const client = new Impersonated({
    sourceClient: await nodeSource(source),
    targetPrincipal: last.email,
    targetScopes: [COMPUTE],
    delegates: [resourceName(delegate)],
    lifetime: 1200,
    endpoint: google.url,
  });

  const { token } = await client.getAccessToken();
  const idToken = await client.fetchIdToken(google.functionAudience);

  expect(await listInstances(token)).toBe(200);
  expect(await callFunction(idToken)).toBe(200);
  expect(client.credentials.expiry_date).toBe(Math.floor((NOW_MS + 1_200_000) / 1000) * 1000);
});

test('google-auth-library for Node passes the refusal on', async () => {
  const { client_id: clientId, client_secret: clientSecret, refresh_token } = google.createUser().document;
  const sourceClient = new UserRefreshClient({
    clientId,
    clientSecret,
    refreshToken: refresh_token,
    endpoints: { oauth2TokenUrl: google.tokenUri },
  });
  const client = new Impersonated({
    sourceClient,
    targetPrincipal: makeAccount().email,
    targetScopes: [COMPUTE],
    endpoint: google.url,
  });

  await expect(client.getAccessToken()).rejects.toThrow(
    "PERMISSION_DENIED: unable to impersonate: Permission 'iam.serviceAccounts.getAccessToken' denied",
  );
});
