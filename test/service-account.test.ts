import { generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { openTokenSource } from '../lambda/credentials/token-source.ts';
import { createClock } from '../lambda/google/clock.ts';
import type { Exchange, ExchangeResult } from '../lambda/google/exchange.ts';
import type { Grant } from '../lambda/types.ts';
import { failureOf } from './make-calls.ts';
import { KEY_FILE, keyFile, PRIVATE_KEY_PEM, PUBLIC_KEY } from './make-document.ts';
import { sourceDependencies } from './make-source.ts';
import { createTime, START_MS } from './make-time.ts';

const ACCESS: Grant = {
  kind: 'access_token',
  credential: 'default',
  scopes: 'https://a.googleapis.com/auth/x openid',
};
const ID: Grant = { kind: 'id_token', credential: 'default', audience: 'https://example.com/f' };
const ACCESS_FIELDS = { access_token: 'ya29.x', expires_in: 3599, token_type: 'Bearer' };

function granted(fields: Readonly<Record<string, unknown>>): ExchangeResult {
  return { outcome: 'granted', fields, googleMs: 80 };
}

/** A source on a Google that gives `result`, and what it was sent. */
async function createRig(result: ExchangeResult = granted(ACCESS_FIELDS), changes: object = {}) {
  const time = createTime();
  const clock = createClock({ now: time.now });
  const sent: {
    readonly url: string;
    readonly form: Readonly<Record<string, string>>;
    readonly deadlineMs: number;
  }[] = [];
  const beforeAnswer: (() => void)[] = [];
  const exchange: Exchange = async ({ url }, form, deadlineMs) => {
    sent.push({ url: url.href, form: form as Readonly<Record<string, string>>, deadlineMs });
    for (const happen of beforeAnswer) {
      happen();
    }
    return result;
  };
  const dependencies = sourceDependencies({ clock, exchange });
  const source = await openTokenSource(keyFile({ ...changes }), 'secret arn:secret', dependencies);
  const assertion = () => sent[0]?.form.assertion ?? '';
  const claims = async () => {
    const { payload } = await jwtVerify(assertion(), PUBLIC_KEY, { currentDate: new Date(clock.googleMs()) });
    return payload;
  };
  return { assertion, beforeAnswer, claims, clock, sent, source, time };
}

async function faultOf(changes: Readonly<Record<string, unknown>>): Promise<string> {
  const failure = await failureOf(() => createRig(undefined, changes));
  expect(failure.code).toBe('credential_invalid');
  expect(failure.message).toContain('The secret arn:secret cannot be used: its field ');
  return failure.message;
}

function idToken(claims: Readonly<Record<string, unknown>>): Promise<string> {
  return new SignJWT({ aud: ID.kind, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32));
}

test('sends a signed assertion to the key’s token endpoint, with the deadline', async () => {
  const { source, sent, assertion } = await createRig();

  await source(ACCESS, 12_345);

  expect(sent).toEqual([
    {
      url: 'https://oauth2.googleapis.com/token',
      form: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion() },
      deadlineMs: 12_345,
    },
  ]);
  expect(decodeProtectedHeader(assertion())).toEqual({
    alg: 'RS256',
    typ: 'JWT',
    kid: KEY_FILE.private_key_id,
  });
});

test('claims scopes for an access token, back-dated by 10 seconds and for an hour', async () => {
  const { source, claims } = await createRig();
  const iat = START_MS / 1000 - 10;

  await source(ACCESS, 0);

  expect(await claims()).toEqual({
    iss: KEY_FILE.client_email,
    aud: KEY_FILE.token_uri,
    scope: ACCESS.scopes,
    iat,
    exp: iat + 3_600,
  });
});

test('claims a target audience and no scope for an ID token', async () => {
  const { source, claims } = await createRig();

  await source(ID, 0);

  const { target_audience, scope } = await claims();
  expect([target_audience, scope]).toEqual([ID.audience, undefined]);
});

test('dates the assertion by Google’s clock', async () => {
  const { source, claims, clock } = await createRig();
  clock.observe(new Date(START_MS + 7_200_000).toUTCString());

  await source(ACCESS, 0);

  expect((await claims()).iat).toBe(START_MS / 1000 + 7_200 - 10);
});

test.each([
  'https://oauth2.googleapis.com/token',
  'https://www.googleapis.com/oauth2/v4/token',
  'https://accounts.google.com/o/oauth2/token',
  'https://oauth2.mtls.googleapis.com/token',
  'http://127.0.0.1:8080/token',
  'http://localhost:8080/token',
  'http://[::1]:8080/token',
  'https://127.0.0.1:8443/token',
])('sends the assertion to the token_uri %s, and makes it out to it', async (token_uri) => {
  const { source, claims, sent } = await createRig(undefined, { token_uri });

  await source(ACCESS, 0);

  expect(sent[0]?.url).toBe(token_uri);
  expect((await claims()).aud).toBe(token_uri);
});

test('goes to Google’s usual endpoint if the key names none', async () => {
  const { source, sent } = await createRig(undefined, { token_uri: undefined, universe_domain: undefined });

  await source(ACCESS, 0);

  expect(sent[0]?.url).toBe('https://oauth2.googleapis.com/token');
});

test('goes to the endpoint of the key’s universe', async () => {
  const { source, sent } = await createRig(undefined, {
    token_uri: undefined,
    universe_domain: 'cloud.example',
  });

  await source(ACCESS, 0);

  expect(sent[0]?.url).toBe('https://oauth2.cloud.example/token');
});

test('accepts a token_uri of the key’s own universe', async () => {
  const token_uri = 'https://oauth2.cloud.example/token';
  const { source, sent } = await createRig(undefined, { token_uri, universe_domain: 'cloud.example' });

  await source(ACCESS, 0);

  expect(sent[0]?.url).toBe(token_uri);
});

test.each([
  'http://oauth2.googleapis.com/token',
  'https://oauth2.googleapis.com.evil.example/token',
  'https://evilgoogleapis.com/token',
  'https://googleapis.com.evil.example',
  'https://evil.example/oauth2.googleapis.com/token',
  'https://evil.example?oauth2.googleapis.com',
  'https://evil.example#.googleapis.com',
  'https://evil.example\\.googleapis.com/token',
  'https://evil.example\\@oauth2.googleapis.com/token',
  'https://oauth2.googleapis.com@evil.example/token',
  'https://user@oauth2.googleapis.com/token',
  'https://user:password@oauth2.googleapis.com/token',
  'https://:password@oauth2.googleapis.com/token',
  'https://oauth2.googleapis.com./token',
  'https://oauth2.googleapis.com%2eevil.example/token',
  'https://oauth2。googleapis。com.evil.example/token',
  'https://accounts.google.com.evil.example/token',
  'https://evil-accounts.google.com.example/token',
  'https://google.com/token',
  'https://mail.google.com/token',
  'http://127.0.0.1.evil.example/token',
  'http://localhost.evil.example/token',
  'http://169.254.169.254/token',
  'http://10.0.0.1/token',
  'http://0.0.0.0/token',
  'ftp://oauth2.googleapis.com/token',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/plain,oauth2.googleapis.com',
  '//oauth2.googleapis.com/token',
  'oauth2.googleapis.com/token',
  'https://',
  ' ',
])('refuses the token_uri %s', async (token_uri) => {
  expect(await faultOf({ token_uri })).toMatch(
    /its field token_uri is no https address of Google's, at oauth2\.googleapis\.com/,
  );
});

test.each([
  ['https://oauth2.googleapis.com/token', 'cloud.example'],
  ['https://accounts.google.com/o/oauth2/token', 'cloud.example'],
  ['https://oauth2.cloud.example/token', 'googleapis.com'],
  ['https://oauth2.cloud.example.evil.example/token', 'cloud.example'],
])('refuses the token_uri %s in the universe %s', async (token_uri, universe_domain) => {
  expect(await faultOf({ token_uri, universe_domain })).toContain('its field token_uri is no https address');
});

test.each([
  '',
  'com',
  'localhost',
  '127.0.0.1',
  '.',
  '.googleapis.com',
  'a..b',
  'a.b/',
  'a.b:1',
  'A.B',
  'a b.c',
  7,
  [],
  {},
])('refuses the universe_domain %j', async (universe_domain) => {
  expect(await faultOf({ universe_domain })).toContain('its field universe_domain is no domain name');
});

test('takes a universe_domain of null for none', async () => {
  const { source, sent } = await createRig(undefined, { universe_domain: null });

  await source(ACCESS, 0);

  expect(sent).toHaveLength(1);
});

test.each(['client_email', 'private_key_id', 'private_key', 'token_uri'])(
  'refuses a %s that is empty or no string',
  async (field) => {
    for (const value of ['', null, 7, [], {}, true]) {
      expect(await faultOf({ [field]: value })).toContain(`its field ${field} is missing or no string`);
    }
  },
);

test.each(['client_email', 'private_key_id', 'private_key'])(
  'refuses a key file without %s',
  async (field) => {
    expect(await faultOf({ [field]: undefined })).toContain(`its field ${field} is missing or no string`);
  },
);

test('says of a key that was escaped twice that it was', async () => {
  const private_key = PRIVATE_KEY_PEM.replaceAll('\n', '\\n');

  expect(await faultOf({ private_key })).toContain('its field private_key has the two characters \\n');
});

function pem(key: { export: (options: { type: 'pkcs8'; format: 'pem' }) => string | Buffer }): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const PKCS1 = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs1',
  format: 'pem',
});

test.each<[string, string]>([
  ['cut off at its end', PRIVATE_KEY_PEM.slice(0, 800)],
  ['cut off at its beginning', PRIVATE_KEY_PEM.slice(30)],
  ['a PKCS #1 block', PKCS1.toString()],
  ['a public key', PUBLIC_KEY.export({ type: 'spki', format: 'pem' }).toString()],
  ['an encrypted key', PRIVATE_KEY_PEM.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')],
  ['bare base64', PRIVATE_KEY_PEM.replaceAll(/-----.*-----/g, '')],
])('says of a private key that is %s that it is no whole block', async (_what, private_key) => {
  expect(await faultOf({ private_key })).toContain(
    'its field private_key has no whole -----BEGIN PRIVATE KEY-----',
  );
});

test.each<[string, string]>([
  ['an EC key', pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
  ['an Ed25519 key', pem(generateKeyPairSync('ed25519').privateKey)],
  ['an RSA key of 1,024 bits', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)],
  ['a block with its middle missing', PRIVATE_KEY_PEM.replace(/(.{64}\n){5}/, '')],
  ['a block of nothing', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n'],
  ['a block of something else', '-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n'],
  ['a block that ends before it begins', '-----END PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n'],
])('refuses %s for a private key before anything is to be signed', async (_what, private_key) => {
  expect(await faultOf({ private_key })).toContain('its field private_key holds no readable RSA key');
});

test('reads a private key with the line ends of Windows', async () => {
  const { source, claims } = await createRig(undefined, {
    private_key: PRIVATE_KEY_PEM.replaceAll('\n', '\r\n'),
  });

  await source(ACCESS, 0);

  expect((await claims()).iss).toBe(KEY_FILE.client_email);
});

test('an access token lives as long as Google says, from Google’s now', async () => {
  const { source, clock, beforeAnswer } = await createRig();
  beforeAnswer.push(() => clock.observe(new Date(START_MS + 600_000).toUTCString()));

  expect(await source(ACCESS, 0)).toEqual({
    outcome: 'granted',
    token: {
      value: 'ya29.x',
      expiresAtMs: START_MS + 600_000 + 3_599_000,
      principal: 'vendor@example-project.iam.gserviceaccount.com',
    },
    googleMs: 80,
  });
});

test('an ID token lives until its own exp', async () => {
  const id_token = await idToken({ exp: 1_800_000_000 });
  const { source } = await createRig(granted({ id_token }));

  expect(await source(ID, 0)).toMatchObject({ token: { value: id_token, expiresAtMs: 1_800_000_000_000 } });
});

test.each([
  {},
  { id_token: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln' },
  { access_token: '', expires_in: 3599 },
  { access_token: 7, expires_in: 3599 },
  { access_token: 'ya29.x' },
  { access_token: 'ya29.x', expires_in: '3599' },
  { access_token: 'ya29.x', expires_in: 0 },
  { access_token: 'ya29.x', expires_in: -1 },
])('takes a 200 with %j for a refusal when an access token was due', async (fields) => {
  const { source } = await createRig(granted(fields));

  expect(await source(ACCESS, 0)).toMatchObject({
    outcome: 'refused',
    refusal: { cause: 'other', explanation: expect.stringContaining('200 without an access token') },
  });
});

test.each([1e300, Number.POSITIVE_INFINITY, 1e9])(
  'believes no lifetime of %f seconds',
  async (expires_in) => {
    const { source } = await createRig(granted({ access_token: 'ya29.x', expires_in }));

    expect(await source(ACCESS, 0)).toMatchObject({ token: { expiresAtMs: START_MS + 43_200_000 } });
  },
);

test.each([undefined, '1800000000', null, 0, -5, 1e300])(
  'takes a 200 whose ID token has the exp %j for a refusal',
  async (exp) => {
    const { source } = await createRig(granted({ id_token: await idToken({ exp }) }));

    expect(await source(ID, 0)).toMatchObject({ outcome: 'refused' });
  },
);

test.each([
  {},
  { access_token: 'ya29.x', expires_in: 3599 },
  { id_token: 7 },
  { id_token: '' },
  { id_token: 'a.b.c' },
])('takes a 200 with %j for a refusal when an ID token was due', async (fields) => {
  const { source } = await createRig(granted(fields));

  expect(await source(ID, 0)).toMatchObject({
    outcome: 'refused',
    refusal: { explanation: expect.stringContaining('200 without an ID token') },
  });
});

const REFUSED: ExchangeResult = { outcome: 'refused', refusal: { cause: 'clock', explanation: 'No.' } };

test('passes a refusal on as it is', async () => {
  const { source } = await createRig(REFUSED);

  expect(await source(ACCESS, 0)).toEqual(REFUSED);
});
