import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader, importPKCS8, type JWTPayload, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createCertificate } from '../local/google/certificate.ts';
import type { KeyFile } from '../local/google/key-file.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { type Google, startGoogle } from '../local/google/server.ts';
import type { ServiceAccount } from '../local/google/service-accounts.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const FUNCTION = 'https://europe-west1-example.cloudfunctions.net/hello';
const NOW_SECONDS = 1_800_000_000;

let google: Google;
let account: ServiceAccount;
let key: KeyFile;
let strangerPem: string;

beforeAll(async () => {
  google = await startGoogle({ now: () => NOW_SECONDS * 1000 });
  account = google.createServiceAccount({ subjects: ['ada@example.com'] });
  key = await account.createKey();
  strangerPem = (await createRsaKey()).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
});

afterEach(() => google.interfere(undefined));

afterAll(() => google.close());

type Wrong = {
  readonly claims?: JWTPayload;
  readonly drop?: readonly string[];
  readonly header?: { readonly alg?: string; readonly kid?: string | undefined };
  readonly pem?: string;
};

/** A good assertion for an access token, but for what `wrong` says. */
async function assertion({
  claims = {},
  drop = [],
  header = {},
  pem = key.private_key,
}: Wrong = {}): Promise<string> {
  const good = {
    iss: key.client_email,
    scope: CLOUD_PLATFORM,
    aud: key.token_uri,
    iat: NOW_SECONDS,
    exp: NOW_SECONDS + 3600,
  };
  const payload = Object.entries({ ...good, ...claims }).filter(([name]) => !drop.includes(name));
  const { alg = 'RS256', kid = key.private_key_id } = header;
  return new SignJWT(Object.fromEntries(payload))
    .setProtectedHeader(
      'kid' in header && header.kid === undefined ? { alg, typ: 'JWT' } : { alg, typ: 'JWT', kid },
    )
    .sign(await importPKCS8(pem, alg));
}

type Answered = {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
};

async function post(
  body: URLSearchParams | string,
  contentType?: string,
  path = '/token',
): Promise<Answered> {
  const headers = { 'content-type': contentType ?? 'application/x-www-form-urlencoded' };
  const response = await fetch(google.url + path, { method: 'POST', headers, body: body.toString() });
  return { status: response.status, body: JSON.parse(await response.text()), headers: response.headers };
}

async function exchange(jwt: string, path?: string): Promise<Answered> {
  return post(new URLSearchParams({ grant_type: JWT_BEARER, assertion: jwt }), undefined, path);
}

test('vends an access token for a scope', async () => {
  const { status, body, headers } = await exchange(await assertion());

  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.stringMatching(/^ya29\./),
    expires_in: 3599,
    token_type: 'Bearer',
  });
  expect(headers.get('cache-control')).toBe('no-store');
});

test('vends an ID token and nothing else for a target audience', async () => {
  const { status, body } = await exchange(
    await assertion({ drop: ['scope'], claims: { target_audience: FUNCTION } }),
  );

  expect(status).toBe(200);
  expect(Object.keys(body)).toEqual(['id_token']);
  expect(decodeProtectedHeader(String(body.id_token))).toEqual({
    alg: 'RS256',
    typ: 'JWT',
    kid: expect.stringMatching(/^[0-9a-f]{40}$/),
  });
  expect(decodeJwt(String(body.id_token))).toEqual({
    iss: 'https://accounts.google.com',
    aud: FUNCTION,
    azp: account.email,
    sub: account.uniqueId,
    email: account.email,
    email_verified: true,
    iat: NOW_SECONDS,
    exp: NOW_SECONDS + 3600,
  });
});

test('hands out a key file with every field of Google’s, in its order', () => {
  expect(Object.keys(key)).toEqual([
    'type',
    'project_id',
    'private_key_id',
    'private_key',
    'client_email',
    'client_id',
    'auth_uri',
    'token_uri',
    'auth_provider_x509_cert_url',
    'client_x509_cert_url',
    'universe_domain',
  ]);
  expect(key.private_key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(key.token_uri).toBe(google.tokenUri);
});

test.each(['/token', '/oauth2/v4/token', '/o/oauth2/token'])(
  'serves %s, and takes any of its URLs as aud',
  async (path) => {
    const own = await exchange(await assertion({ claims: { aud: google.url + path } }), path);
    const other = await exchange(await assertion({ claims: { aud: google.url + path } }), '/token');

    expect([own.status, other.status]).toEqual([200, 200]);
  },
);

test.each(['openid', 'email profile', 'https://mail.google.com/', `${CLOUD_PLATFORM} openid`])(
  'knows the scope %s',
  async (scope) => {
    const { body } = await exchange(await assertion({ claims: { scope } }));

    expect(body).toHaveProperty('access_token');
  },
);

const MALFORMED = { status: 400, body: { error: 'invalid_request', error_description: 'Bad Request' } };
const SIGNATURE = {
  status: 400,
  body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' },
};
const ACCOUNT = {
  status: 400,
  body: { error: 'invalid_grant', error_description: 'Invalid grant: account not found' },
};
const WINDOW = {
  status: 400,
  body: {
    error: 'invalid_grant',
    error_description: expect.stringMatching(
      /^Invalid JWT: Token must be a short-lived token \(60 minutes\) and in a reasonable timeframe\. /,
    ),
  },
};
const SCOPE = {
  status: 400,
  body: { error: 'invalid_scope', error_description: 'Invalid OAuth scope or ID token audience provided.' },
};
const AUDIENCE = {
  status: 400,
  body: { error: 'invalid_grant', error_description: 'Invalid JWT: Failed audience check.' },
};
const DELEGATION = {
  status: 401,
  body: {
    error: 'unauthorized_client',
    error_description:
      'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
  },
};

test.each(['a', 'a.b', 'a.b.c', 'e30.e30', 'e30.W10.c', 'bm8.bm8.bm8', 'e30.e30.a.b.c'])(
  'refuses %j as an assertion',
  async (jwt) => {
    const { status, body } = await exchange(jwt);

    expect({ status, body }).toEqual(MALFORMED);
  },
);

test.each<[string, () => Wrong, object]>([
  ['is signed by a stranger’s key', () => ({ pem: strangerPem }), SIGNATURE],
  [
    'is signed by a stranger’s key and names none',
    () => ({ pem: strangerPem, header: { kid: undefined } }),
    SIGNATURE,
  ],
  ['names an unknown key', () => ({ header: { kid: '0'.repeat(40) } }), SIGNATURE],
  ['is signed by RS384', () => ({ header: { alg: 'RS384' } }), SIGNATURE],
  ['is signed by PS256', () => ({ header: { alg: 'PS256' } }), SIGNATURE],
  ['is of an unknown issuer', () => ({ claims: { iss: 'nobody@example.com' } }), ACCOUNT],
  [
    'is of an unknown issuer and names no key',
    () => ({ claims: { iss: 'nobody@example.com' }, header: { kid: undefined } }),
    ACCOUNT,
  ],
  ['has no issuer', () => ({ drop: ['iss'] }), ACCOUNT],
  ['has no iat', () => ({ drop: ['iat'] }), WINDOW],
  ['has no exp', () => ({ drop: ['exp'] }), WINDOW],
  ['is to live longer than an hour', () => ({ claims: { exp: NOW_SECONDS + 3601 } }), WINDOW],
  ['ends before it begins', () => ({ claims: { exp: NOW_SECONDS - 1 } }), WINDOW],
  ['was issued 301 s from now', () => ({ claims: { iat: NOW_SECONDS + 301 } }), WINDOW],
  ['ended 301 s ago', () => ({ claims: { iat: NOW_SECONDS - 3901, exp: NOW_SECONDS - 301 } }), WINDOW],
  ['asks for nothing', () => ({ drop: ['scope'] }), SCOPE],
  ['has an empty scope', () => ({ claims: { scope: '' } }), SCOPE],
  ['has an empty target audience', () => ({ drop: ['scope'], claims: { target_audience: '' } }), SCOPE],
  ['has a scope that is a word', () => ({ claims: { scope: 'storage-ro' } }), SCOPE],
  ['has a list for a scope', () => ({ claims: { scope: [CLOUD_PLATFORM] } }), SCOPE],
  ['has no audience', () => ({ drop: ['aud'] }), AUDIENCE],
  ['is made out to a proxy', () => ({ claims: { aud: 'http://127.0.0.1:1/token' } }), AUDIENCE],
  ['is made out to two', () => ({ claims: { aud: [google.tokenUri, 'https://b.example'] } }), AUDIENCE],
  ['is made out to the origin without a path', () => ({ claims: { aud: google.url } }), AUDIENCE],
  ['acts for a user whom nobody delegated', () => ({ claims: { sub: 'eve@example.com' } }), DELEGATION],
])('refuses an assertion that %s', async (_, wrong, refusal) => {
  const { status, body } = await exchange(await assertion(wrong()));

  expect({ status, body }).toEqual(refusal);
});

test.each<[string, Wrong]>([
  ['was issued 300 s from now', { claims: { iat: NOW_SECONDS + 300 } }],
  ['ended 300 s ago', { claims: { iat: NOW_SECONDS - 3900, exp: NOW_SECONDS - 300 } }],
  ['names no key, as Google’s Node library has it', { header: { kid: undefined } }],
  ['is made out to Google by name', { claims: { aud: 'https://oauth2.googleapis.com/token' } }],
  ['acts for itself', { claims: { sub: 'vendor@example-project.iam.gserviceaccount.com' } }],
  ['acts for a user that it may act for', { claims: { sub: 'ada@example.com' } }],
])('accepts an assertion that %s', async (_, wrong) => {
  const { status } = await exchange(await assertion(wrong));

  expect(status).toBe(200);
});

test('refuses an unsigned assertion and one signed with the public key as a secret', async () => {
  const [head = '', claims = ''] = (await assertion()).split('.');
  const none = Buffer.from(JSON.stringify({ alg: 'none', kid: key.private_key_id })).toString('base64url');
  const hmac = Buffer.from(JSON.stringify({ alg: 'HS256', kid: key.private_key_id })).toString('base64url');

  const answers = await Promise.all(
    [`${none}.${claims}.`, `${head}.${claims}.`, `${hmac}.${claims}.c2ln`].map((jwt) => exchange(jwt)),
  );

  for (const { status, body } of answers) {
    expect({ status, body }).toEqual(SIGNATURE);
  }
});

test('refuses a key of another account', async () => {
  const other = google.createServiceAccount({ email: 'other@example-project.iam.gserviceaccount.com' });
  const otherKey = await other.createKey();

  const { status, body } = await exchange(
    await assertion({ pem: otherKey.private_key, header: { kid: otherKey.private_key_id } }),
  );

  expect({ status, body }).toEqual(SIGNATURE);
});

test('reports the first fault in Google’s order when there are several', async () => {
  const faults = [
    { wrong: { claims: { sub: 'eve@example.com' } }, refusal: DELEGATION },
    { wrong: { claims: { aud: 'https://elsewhere.example' } }, refusal: AUDIENCE },
    { wrong: { claims: { scope: '' } }, refusal: SCOPE },
    { wrong: { claims: { iat: NOW_SECONDS - 9000 } }, refusal: WINDOW },
    { wrong: { claims: { iss: 'nobody@example.com' } }, refusal: ACCOUNT },
    { wrong: { pem: strangerPem }, refusal: SIGNATURE },
  ];

  let soFar: Wrong = {};
  for (const { wrong, refusal } of faults) {
    soFar = { ...soFar, ...wrong, claims: { ...soFar.claims, ...('claims' in wrong ? wrong.claims : {}) } };
    const { status, body } = await exchange(await assertion(soFar));
    expect({ status, body }).toEqual(refusal);
  }
});

test.each<[string, JWTPayload, string]>([
  ['both kinds at once', { scope: CLOUD_PLATFORM, target_audience: FUNCTION }, FUNCTION],
  ['an audience for a scope', { scope: FUNCTION }, FUNCTION],
  [
    'an OAuth client id for a scope',
    { scope: '123-abc.apps.googleusercontent.com' },
    '123-abc.apps.googleusercontent.com',
  ],
  [
    'a scope mixed with an audience',
    { scope: `${CLOUD_PLATFORM} ${FUNCTION}` },
    `${CLOUD_PLATFORM} ${FUNCTION}`,
  ],
  ['scopes parted by commas', { scope: `${CLOUD_PLATFORM},openid` }, `${CLOUD_PLATFORM},openid`],
])('answers %s with 200 and no access token', async (_, claims, audience) => {
  const { status, body } = await exchange(await assertion({ claims }));

  expect(status).toBe(200);
  expect(Object.keys(body)).toEqual(['id_token']);
  expect(decodeJwt(String(body.id_token)).aud).toBe(audience);
});

test('refuses a deleted key, and the account’s other key goes on', async () => {
  const second = await account.createKey();
  const jwt = () => assertion({ pem: second.private_key, header: { kid: second.private_key_id } });
  const before = await exchange(await jwt());

  account.deleteKey(second.private_key_id);
  const after = await exchange(await jwt());
  const first = await exchange(await assertion());

  expect([before.status, after.status, first.status]).toEqual([200, 400, 200]);
  expect(after.body).toEqual(SIGNATURE.body);
});

test('does not find a disabled or a deleted account, and finds an enabled one again', async () => {
  const other = google.createServiceAccount({ email: 'fleeting@example-project.iam.gserviceaccount.com' });
  const otherKey = await other.createKey();
  const ask = async () => {
    const wrong = {
      pem: otherKey.private_key,
      header: { kid: otherKey.private_key_id },
      claims: { iss: other.email },
    };
    return (await exchange(await assertion(wrong))).body.error_description;
  };

  other.disable();
  const disabled = await ask();
  other.enable();
  const enabled = await ask();
  other.delete();
  const deleted = await ask();

  expect([disabled, enabled, deleted]).toEqual([
    ACCOUNT.body.error_description,
    undefined,
    ACCOUNT.body.error_description,
  ]);
});

test('admits ten keys an account', async () => {
  const other = google.createServiceAccount({ email: 'full@example-project.iam.gserviceaccount.com' });
  await Promise.all(Array.from({ length: 10 }, () => other.createKey()));

  await expect(other.createKey()).rejects.toThrow('has 10 keys');
});

test('refuses a second account of the same name', () => {
  expect(() => google.createServiceAccount({ email: account.email })).toThrow(account.email);
});

test.each<[string, string, string]>([
  ['no grant type', 'assertion=a.b.c', 'invalid_request'],
  ['an unknown grant type', 'grant_type=password&username=a', 'unsupported_grant_type'],
  ['no assertion', `grant_type=${encodeURIComponent(JWT_BEARER)}`, 'invalid_request'],
  ['an empty assertion', `grant_type=${encodeURIComponent(JWT_BEARER)}&assertion=`, 'invalid_request'],
  ['a repeated parameter', 'grant_type=a&grant_type=a', 'invalid_request'],
])('refuses a form with %s', async (_, form, error) => {
  const { status, body } = await post(form);

  expect(status).toBe(400);
  expect(body.error).toBe(error);
});

test('takes a form only, whatever charset it names', async () => {
  const good = { grant_type: JWT_BEARER, assertion: await assertion() };

  const json = await post(JSON.stringify(good), 'application/json');
  const text = await post(new URLSearchParams(good), 'text/plain');
  const charset = await post(new URLSearchParams(good), 'application/x-www-form-urlencoded;charset=UTF-8');

  expect([json.status, text.status, charset.status]).toEqual([400, 400, 200]);
});

test('refuses what is no POST, what is elsewhere, and what is too long', async () => {
  const get = await fetch(google.tokenUri);
  const elsewhere = await fetch(`${google.url}/tokens`, { method: 'POST' });
  const long = await fetch(google.tokenUri, { method: 'POST', body: 'a'.repeat(70_000) });

  expect([get.status, elsewhere.status, long.status]).toEqual([405, 404, 413]);
  expect(get.headers.get('allow')).toBe('POST');
});

test('gives every answer the date by its own clock', async () => {
  const good = await exchange(await assertion());
  const bad = await exchange('nonsense');
  const missing = await fetch(`${google.url}/nowhere`);

  for (const { headers } of [good, bad, missing]) {
    expect(headers.get('date')).toBe(new Date(NOW_SECONDS * 1000).toUTCString());
    expect(headers.get('cache-control')).toBe('no-store');
  }
});

test('says 400 in RFC 6749’s shape to any garbage, and never 5xx', async () => {
  const jwtLike = fc
    .tuple(fc.object(), fc.object(), fc.base64String())
    .map(([header, claims, signature]) =>
      [JSON.stringify(header), JSON.stringify(claims), signature]
        .map((part) => Buffer.from(part).toString('base64url'))
        .join('.'),
    );
  const form = fc
    .tuple(fc.constantFrom(JWT_BEARER, 'refresh_token', ''), fc.oneof(fc.string(), jwtLike))
    .map(([grant_type, jwt]) => new URLSearchParams({ grant_type, assertion: jwt }).toString());
  const body = fc.oneof(fc.string({ unit: 'binary' }), form, fc.webQueryParameters(), fc.json());

  await fc.assert(
    fc.asyncProperty(body, async (text) => {
      const answered = await post(text);
      expect(answered.status).toBe(400);
      expect(answered.body).toEqual({
        error: expect.stringMatching(/^(invalid_request|invalid_grant|unsupported_grant_type)$/),
        error_description: expect.any(String),
      });
    }),
    { numRuns: 300 },
  );
});

test('refuses every assertion in which one character is another', async () => {
  const good = await assertion();
  const place = fc.integer({ min: 0, max: good.length - 2 });

  await fc.assert(
    fc.asyncProperty(place, fc.constantFrom(...'AZaz09-_.'), async (index, character) => {
      fc.pre(good[index] !== character);
      // The last character of the signature holds bits that base64url ignores, so it is left alone.
      const { status } = await exchange(good.slice(0, index) + character + good.slice(index + 1));
      expect(status).toBe(400);
    }),
    { numRuns: 100 },
  );
});

test('goes by another name once it is told so', async () => {
  const other = await startGoogle();
  const otherKey = await other.createServiceAccount().createKey();
  const now = Math.floor(Date.now() / 1000);
  const jwt = await assertion({
    pem: otherKey.private_key,
    header: { kid: otherKey.private_key_id },
    claims: { aud: 'http://127.0.0.1:1/token', iat: now, exp: now + 60 },
  });
  const ask = () =>
    fetch(other.tokenUri, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: JWT_BEARER, assertion: jwt }),
    });

  const before = await ask();
  other.alsoKnownAs('http://127.0.0.1:1');
  const after = await ask();

  expect([before.status, after.status]).toEqual([400, 200]);
  await other.close();
});

test('records what was asked and answered, with no token in it', async () => {
  const jwt = await assertion({ claims: { sub: 'ada@example.com' } });
  const { body } = await exchange(jwt);
  await exchange(await assertion({ claims: { aud: 'https://elsewhere.example' } }));

  expect(google.exchanges.slice(-2)).toEqual([
    {
      path: '/token',
      grantType: JWT_BEARER,
      issuer: account.email,
      subject: 'ada@example.com',
      keyId: key.private_key_id,
      scope: CLOUD_PLATFORM,
      targetAudience: undefined,
      status: 200,
      error: undefined,
    },
    expect.objectContaining({ status: 400, error: 'invalid_grant' }),
  ]);
  const recorded = JSON.stringify(google.exchanges);
  expect(recorded).not.toContain(String(body.access_token));
  expect(recorded).not.toContain(jwt.split('.')[2]);
});

test('lets a test answer in its place, and answers by itself again', async () => {
  google.interfere(({ scope }) =>
    scope === CLOUD_PLATFORM
      ? { status: 503, headers: { 'retry-after': '7' }, body: { error: 'server_error' } }
      : undefined,
  );
  const interfered = await exchange(await assertion());
  const other = await exchange(await assertion({ claims: { scope: 'openid' } }));
  google.interfere(undefined);
  const after = await exchange(await assertion());

  expect([interfered.status, other.status, after.status]).toEqual([503, 200, 200]);
  expect(interfered.headers.get('retry-after')).toBe('7');
  expect(interfered.headers.get('date')).toBe(new Date(NOW_SECONDS * 1000).toUTCString());
  expect(google.exchanges.at(-3)).toMatchObject({ status: 503, error: 'server_error' });
});

test('can reset a connection, and can leave a caller without an answer', async () => {
  const jwt = await assertion();
  google.interfere(() => 'reset');
  const reset = await exchange(jwt).catch((error: Error) => error.cause);
  google.interfere(() => 'hang');
  const hang = await fetch(google.tokenUri, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: JWT_BEARER, assertion: jwt }),
    signal: AbortSignal.timeout(200),
  }).catch((error: Error) => error.name);

  expect(reset).toMatchObject({ code: 'ECONNRESET' });
  expect(hang).toBe('TimeoutError');
  expect(google.exchanges.slice(-2).map(({ status }) => status)).toEqual(['reset', 'hang']);
});

test('closes with idle and silent connections open', async () => {
  const other = await startGoogle();
  other.interfere(({ grantType }) => (grantType === 'hang' ? 'hang' : undefined));
  await fetch(other.tokenUri, { method: 'POST' }).then((response) => response.text());
  const silent = fetch(other.tokenUri, { method: 'POST', body: new URLSearchParams({ grant_type: 'hang' }) });
  const failed = expect(silent).rejects.toThrow();
  while (other.exchanges.length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  await other.close();

  await failed;
});

test('says that a port is taken', async () => {
  const port = Number(new URL(google.url).port);

  await expect(startGoogle({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('makes certificates that hold for their key and their hosts', async () => {
  const rsa = await createRsaKey();
  const options = { commonName: 'google', nowMs: Date.now(), hosts: ['127.0.0.1', 'localhost'] };

  const certificate = new X509Certificate(createCertificate(rsa, options));

  expect(certificate.verify(rsa.publicKey)).toBe(true);
  expect(certificate.verify(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)).toBe(false);
  expect(certificate.subject).toBe('CN=google');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkHost('example.com')).toBeUndefined();
});
