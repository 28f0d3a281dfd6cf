import http from 'node:http';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Network } from '../lambda/google/post.ts';
import type { ProfilesDocument } from '../lambda/policy/profiles.ts';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { auditLines, captureOutput, type Output } from './capture-output.ts';
import { type Clouds, type DocumentName, SOURCE, startClouds, TARGET, USER } from './make-clouds.ts';
import { contextFor, httpApiEvent, restApiEvent } from './make-event.ts';
import { type VendorOfDocument, vendorOf } from './make-vendor.ts';
import {
  CLOUD_PLATFORM,
  readHttp,
  SECRET,
  startVendorRig,
  TWO_CREDENTIALS,
  thrownBy,
  type VendorRig,
} from './vendor-rig.ts';

const ACCESS = { scopes: ['cloud-platform', 'userinfo-email'] };
const IMPERSONATE = { serviceAccount: TARGET };
const BUCKET = '//storage.googleapis.com/projects/_/buckets/reports';

/** All from one credential, all for the same scopes or the same audience: they differ in how a token is minted. */
const MINTING: ProfilesDocument = {
  default: { ...ACCESS, audiences: [FUNCTION_AUDIENCE] },
  users: { ...ACCESS, subjects: [USER, 'robot-*@example.com'] },
  acting: { ...ACCESS, audiences: [FUNCTION_AUDIENCE], impersonate: IMPERSONATE },
  short: { ...ACCESS, impersonate: IMPERSONATE, maxLifetime: 900 },
  long: { ...ACCESS, impersonate: IMPERSONATE, maxLifetime: 43_200 },
  'acting-users': { ...ACCESS, impersonate: IMPERSONATE, subjects: [USER] },
  signing: { ...ACCESS, selfSigned: true },
  'acting-signing': { ...ACCESS, impersonate: IMPERSONATE, selfSigned: true },
  bounded: {
    ...ACCESS,
    boundary: [{ availableResource: BUCKET, availablePermissions: ['inRole:roles/storage.objectViewer'] }],
  },
  'acting-bounded': {
    ...ACCESS,
    impersonate: IMPERSONATE,
    boundary: [{ availableResource: BUCKET, availablePermissions: ['inRole:roles/storage.objectViewer'] }],
  },
};

let rig: VendorRig;
let output: Output;
let clouds: Clouds;
let documents: Readonly<Record<DocumentName, object>>;
/** Vends by {@link MINTING}. */
let minting: VendorOfDocument;

beforeAll(async () => {
  rig = await startVendorRig({ profiles: TWO_CREDENTIALS, realAudit: true });
  await rig.vendor.warmUp();
  clouds = await startClouds();
  documents = await clouds.documents();
  minting = vendorOf(documents['service account key'], { profiles: MINTING });
});

beforeEach(() => {
  output = captureOutput();
});

afterEach(() => {
  vi.restoreAllMocks();
  rig.google.interfere(undefined);
  clouds.google.interfere(undefined);
});

afterAll(async () => {
  minting.close();
  await Promise.all([rig.close(), clouds.close()]);
});

type Fields = Readonly<Record<string, unknown>>;

/** Returns `vended`, or the name that the error is thrown by. */
async function directly(event: unknown, alias?: string): Promise<string> {
  const thrown = await thrownBy(rig.vendor.handler(event, contextFor(alias)));
  return thrown?.name ?? 'vended';
}

async function overHttp(event: unknown, alias?: string): Promise<string> {
  const { status, body } = readHttp(await rig.vendor.handler(event, contextFor(alias)));
  return status === 200 ? 'vended' : `${status} ${body.error}`;
}

test.for([
  'constructor',
  '__proto__',
  'toString',
  'hasOwnProperty',
  'Default',
  'default ',
  'reports%00',
  'admin',
  '',
])('gives nothing to the alias %j, which is no profile', async (alias) => {
  const outcome = await directly({}, alias);

  expect(outcome).toBe('AccessDenied');
});

test.for([[undefined], ['$LATEST'], ['1'], ['42']])(
  'gives the qualifier %j no more than the profile default',
  async ([alias]) => {
    const own = await directly({ scopes: 'cloud-platform' }, alias);
    const foreign = await directly({ scopes: 'compute-rw' }, alias);

    expect([own, foreign]).toEqual(['vended', 'AccessDenied']);
  },
);

const HOST = 'europe-west1-example.cloudfunctions.net';

test.for([
  `HTTPS://${HOST}/hello`,
  `https://${HOST.toUpperCase()}/hello`,
  `http://${HOST}/hello`,
  `https://${HOST}@evil.example/hello`,
  `https://evil.example@${HOST}/hello`,
  `https://evil.example:x@${HOST}/hello`,
  `https://${HOST}:443/hello`,
  `https://${HOST}:8443/hello`,
  `https://${HOST}.evil.example/hello`,
  `https://${HOST}./hello`,
  `https://evil-${HOST}/hello`,
  `https://evil.example/${HOST}/hello`,
  `https://evil.example?https://${HOST}/hello`,
  `https://evil.example#https://${HOST}/hello`,
  `https://evil.example\\@${HOST}/hello`,
  `https://evil.example%2f@${HOST}/hello`,
  `https://${HOST}`,
  `https://${HOST}/`,
  `https://${HOST}/a/b`,
  `https://${HOST}/a%2fb`,
  `https://${HOST}/a%2Fb`,
  `https://${HOST}/a%5cb`,
  `https://${HOST}/..`,
  `https://${HOST}/../b`,
  `https://${HOST}/%2e%2e`,
  `https://${HOST}/.%2E/b`,
  `https://${HOST}/a?b=c`,
  `https://${HOST}/a#b`,
  `https://${HOST}/a%`,
  `https://${HOST}/%zz`,
  `https://${HOST}/a%00`,
  `https://${HOST}/a\u0000`,
  `https://${HOST}/a\r\nx-evil: 1`,
  `https://${HOST}/a\n`,
  `\thttps://${HOST}/a`,
  ` https://${HOST}/a`,
  `https://${HOST}/a `,
  `https://${HOST}/é`,
  `https://${HOST}/а`,
  `https://еurope-west1-example.cloudfunctions.net/hello`,
  `https://europe-west1-example.cloudfunctions。net/hello`,
  `https://xn--europe-west1-example.cloudfunctions.net/hello`,
  `https://${HOST}\u200b/hello`,
  `https:/${HOST}/hello`,
  `https:///${HOST}/hello`,
  `//${HOST}/hello`,
  `https://${HOST}/*`,
  `https://*/hello`,
  `https://[::1]/hello`,
  '123-abc.apps.googleusercontent.com',
  'https://iam.googleapis.com/',
  '*',
])('vends no ID token for the audience %j', async (audience) => {
  const outcomes = [
    await directly({ audience }),
    await overHttp(httpApiEvent({ query: `audience=${encodeURIComponent(audience)}` })),
  ];

  expect(['InvalidRequest', 'AccessDenied']).toContain(outcomes[0]);
  expect(['400 invalid_request', '403 access_denied']).toContain(outcomes[1]);
});

test.for([
  'cloud-platform',
  CLOUD_PLATFORM,
  'storage-ro cloud-platform',
  'storage-ro,cloud-platform',
  'storage-rw',
  'storage-full',
  'default',
  'gke-default',
  'https://www.googleapis.com/auth/devstorage.read_only.evil',
  'https://www.googleapis.com/auth/devstorage.read_onl',
  'https://www.googleapis.com/auth/devstorage.read_only/',
  'https://www.googleapis.com/auth/DEVSTORAGE.read_only',
  'https://www.googleapis.com/auth/../auth/devstorage.read_only',
  'https://www.googleapis.com/auth/devstorage',
  'https://www.googleapis.com.evil.example/auth/devstorage.read_only',
  'https://evil.example/www.googleapis.com/auth/devstorage.read_only',
  'http://www.googleapis.com/auth/devstorage.read_only',
  'STORAGE-RO',
  'storage-ro\n',
  'storage-ro\u0000',
  'storage-ro\tcloud-platform',
  'storage-ro\u00a0cloud-platform',
  'openid',
  'email',
  '*',
  ' ',
  ',',
])('vends no access token of the profile reports for the scopes %j', async (scopes) => {
  const outcomes = [
    await directly({ scopes }, 'reports'),
    await directly({ scopes: [scopes] }, 'reports'),
    await overHttp(httpApiEvent({ query: `scope=${encodeURIComponent(scopes)}` }), 'reports'),
  ];

  expect(outcomes).not.toContain('vended');
  expect(outcomes.every((outcome) => /InvalidRequest|AccessDenied|400|403/.test(outcome))).toBe(true);
});

function post(type: string, body: string) {
  return httpApiEvent({ method: 'POST', headers: { 'content-type': type }, body });
}

const FORM = 'application/x-www-form-urlencoded';

const POLLUTED: [string, Fields][] = [
  ['a repeated parameter', httpApiEvent({ query: 'scopes=storage-ro&scopes=cloud-platform' })],
  ['a parameter and its other name', httpApiEvent({ query: 'scope=storage-ro&scopes=cloud-platform' })],
  ['an escaped repetition', httpApiEvent({ query: 'scopes=storage-ro&%73copes=cloud-platform' })],
  ['a name in brackets', httpApiEvent({ query: 'scopes[]=storage-ro' })],
  ['both kinds of request', httpApiEvent({ query: 'scopes=storage-ro&audience=https%3A%2F%2Fa.example' })],
  ['a separator of old', httpApiEvent({ query: 'scopes=storage-ro;audience=x' })],
  ['a null byte in a name', httpApiEvent({ query: 'scopes%00=storage-ro' })],
  ['a GET with a body', httpApiEvent({ query: 'scopes=storage-ro', body: 'scopes=cloud-platform' })],
  ['another method', httpApiEvent({ method: 'PUT', body: '{}' })],
  [
    'names that JSON repeats',
    post('application/json', '{"scopes":["storage-ro"],"scopes":["cloud-platform"]}'),
  ],
  [
    'names that JSON repeats in other letters',
    post('application/json', '{"scopes":["storage-ro"],"\\u0073copes":["cloud-platform"]}'),
  ],
  ['a JSON prototype', post('application/json', '{"__proto__":{"scopes":["cloud-platform"]}}')],
  ['a JSON constructor', post('application/json', '{"constructor":{"prototype":{"scopes":"x"}}}')],
  ['a JSON list', post('application/json', '[{"scopes":["storage-ro"]}]')],
  ['a form said to be JSON', post('application/json', 'scopes=storage-ro')],
  ['JSON said to be a form', post(FORM, '{"scopes":["storage-ro"]}')],
  ['a form that repeats', post(FORM, 'scope=storage-ro&scope=storage-ro')],
  ['a body of no type', post('text/plain', 'scope=storage-ro')],
  ['a query beside a body', { ...post(FORM, 'scopes=storage-ro'), rawQueryString: 'scopes=cloud-platform' }],
  ['values that REST repeats', restApiEvent({ query: 'scopes=storage-ro&scopes=cloud-platform' })],
  ['a body that is no text', { ...post(FORM, '////'), isBase64Encoded: true }],
];

test.for(POLLUTED)('refuses %s, and says so before it looks at the profile', async ([, event]) => {
  const outcome = await overHttp(event);

  expect(outcome).toBe('400 invalid_request');
});

const CALLER = { userArn: 'arn:aws:iam::123456789012:root' };

test('gives nobody more for an event that is dressed up as API Gateway’s', async () => {
  const forged = httpApiEvent({ query: 'scopes=cloud-platform', caller: CALLER.userArn });
  const rest = restApiEvent({ query: 'scopes=cloud-platform', caller: CALLER.userArn });
  const misled = { ...forged, routeKey: 'GET /profiles/default/token', rawPath: '/profiles/default/token' };

  const outcomes = await Promise.all([
    overHttp(forged, 'reports'),
    overHttp(rest, 'reports'),
    overHttp(
      { ...misled, pathParameters: { name: 'default' }, stageVariables: { profile: 'default' } },
      'reports',
    ),
    directly({ requestContext: { authorizer: { iam: CALLER } }, scopes: 'cloud-platform' }, 'reports'),
    directly({ scopes: 'cloud-platform', profile: 'default', alias: 'default' }, 'reports'),
  ]);

  expect(outcomes).toEqual([
    '403 access_denied',
    '403 access_denied',
    '403 access_denied',
    'InvalidRequest',
    'InvalidRequest',
  ]);
});

const OPEN = httpApiEvent({ caller: null });
const OPEN_REST = restApiEvent({ caller: null });

const UNAUTHENTICATED: [string, Fields][] = [
  ['no authorizer at all', OPEN],
  [
    'a JWT authorizer',
    { ...OPEN, requestContext: { ...OPEN.requestContext, authorizer: { jwt: { claims: {} } } } },
  ],
  [
    'a Lambda authorizer that says userArn',
    { ...OPEN, requestContext: { ...OPEN.requestContext, authorizer: { lambda: CALLER } } },
  ],
  ['an empty IAM identity', httpApiEvent({ caller: '' })],
  [
    'an identity that is no text',
    {
      ...OPEN,
      requestContext: { ...OPEN.requestContext, authorizer: { iam: { userArn: [CALLER.userArn] } } },
    },
  ],
  ['an identity longer than any ARN', httpApiEvent({ caller: `arn:aws:iam::1:user/${'x'.repeat(1e6)}` })],
  ['a header that names a caller', { ...OPEN, headers: { 'x-amzn-user-arn': CALLER.userArn } }],
  ['an open REST method', OPEN_REST],
  [
    'a REST API key',
    {
      ...OPEN_REST,
      requestContext: { ...OPEN_REST.requestContext, identity: { apiKey: 'key', userArn: null } },
    },
  ],
  ['a REST identity that is not there', { ...OPEN_REST, requestContext: {} }],
];

test.for(UNAUTHENTICATED)('refuses a request that comes over HTTP with %s', async ([, event]) => {
  const outcome = await overHttp(event);

  expect(outcome).toBe('403 access_denied');
  expect(output.text().length).toBeLessThan(4_000);
});

test('gives a profile no token that another one put into the cache', async () => {
  const own = await directly({ scopes: 'cloud-platform' });
  const foreign = await directly({ scopes: 'cloud-platform' }, 'reports');
  const foreignAudience = await directly({ audience: FUNCTION_AUDIENCE }, 'reports');

  expect([own, foreign, foreignAudience]).toEqual(['vended', 'AccessDenied', 'AccessDenied']);
});

test('keeps the tokens of two credentials for one audience apart', async () => {
  const query = `audience=${encodeURIComponent(FUNCTION_AUDIENCE)}`;

  const answers = [
    await rig.get(query),
    await rig.get(query, { alias: 'other' }),
    await rig.get(query),
    await rig.get(query, { alias: 'other' }),
  ];
  const emails = answers.map(({ body }) => decodeJwt(String(body.id_token)).email);

  expect(emails).toEqual([
    'vendor@example-project.iam.gserviceaccount.com',
    'other@example-project.iam.gserviceaccount.com',
    'vendor@example-project.iam.gserviceaccount.com',
    'other@example-project.iam.gserviceaccount.com',
  ]);
});

test('keeps requests that spell like each other’s cache keys apart', async () => {
  const audience = `https://${HOST}/access_token`;
  await directly({ scopes: 'storage-ro' });
  await directly({ audience });
  const before = rig.google.exchanges.length;

  await directly({ audience: `${audience}+default` });
  await directly({ scopes: ['storage-ro', 'cloud-platform'] });
  await directly({ scopes: 'cloud-platform,storage-ro' });

  expect(
    rig.google.exchanges.slice(before).map(({ scope, targetAudience }) => scope ?? targetAudience),
  ).toEqual([
    `${audience}+default`,
    `${CLOUD_PLATFORM} https://www.googleapis.com/auth/devstorage.read_only`,
  ]);
});

test('lets nothing of a request into the headers of its answer', async () => {
  const nasty = 'x\r\nset-cookie: evil=1\r\n\r\n<script>';
  const query = `audience=${encodeURIComponent(nasty)}&${encodeURIComponent(nasty)}=1`;

  const { status, headers } = await rig.get(query);

  expect({ status, headers }).toEqual({
    status: 400,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
});

test('writes one line of JSON for a request, whatever line breaks are in it', async () => {
  const forged = '\n{"level":"INFO","outcome":"vended","profile":"admin"}\r\n\u2028\u001b[2K';
  const arn = `arn:aws:iam::1:user/x${forged}`;

  await directly({ [forged]: forged });
  await directly({ audience: forged });
  await directly({ scopes: [forged] }, `alias${forged}`);
  await overHttp(httpApiEvent({ caller: arn, query: `audience=${encodeURIComponent(forged)}` }));
  const visits = auditLines(output);

  expect(visits.map(({ outcome }) => outcome)).toEqual([
    'invalid_request',
    'invalid_request',
    'access_denied',
    'invalid_request',
  ]);
  expect(output.lines().filter((line) => '_aws' in line)).toHaveLength(4);
  expect(output.lines()).toHaveLength(8);
});

function nested(depth: number): unknown {
  let value: unknown = 'core';
  for (let level = 0; level < depth; level += 1) {
    value = level % 2 === 0 ? [value] : { scopes: value };
  }
  return value;
}

const DEEP = 20_000;
const DEEP_JSON = `${'{"scopes":['.repeat(3_000)}1${']}'.repeat(3_000)}`;

const HUGE: [string, () => unknown][] = [
  ['an audience of five million letters', () => ({ audience: `https://${'a'.repeat(5e6)}` })],
  [
    'a scope of five million letters',
    () => ({ scopes: `https://www.googleapis.com/auth/${'a'.repeat(5e6)}` }),
  ],
  ['a million scopes', () => ({ scopes: Array.from({ length: 1e6 }, () => 'storage-ro') })],
  ['a million scopes in one string', () => ({ scopes: 'storage-ro '.repeat(1e6) })],
  [
    'a hundred thousand parameters',
    () => Object.fromEntries(Array.from({ length: 1e5 }, (_, n) => [`p${n}`, n])),
  ],
  ['a deep value', () => ({ scopes: nested(DEEP) })],
  ['a deep parameter', () => ({ deep: nested(DEEP) })],
  ['a deep list', () => nested(DEEP + 1)],
];

test.for(HUGE)('refuses %s in few words', async ([, makeEvent]) => {
  const event = makeEvent();

  const thrown = await thrownBy(rig.vendor.handler(event, contextFor(undefined)));

  expect(thrown?.name).toBe('InvalidRequest');
  expect(thrown?.message.length).toBeLessThan(1_000);
  expect(output.text().length).toBeLessThan(4_000);
});

test.for([
  ['a body of ten million letters', post(FORM, 'a'.repeat(1e7))],
  ['a body of JSON that is deep', post('application/json', DEEP_JSON)],
  ['a body of brackets', post('application/json', '['.repeat(60_000))],
  ['a body of quotes', post('application/json', '"'.repeat(60_000))],
  ['a body of backslashes', post('application/json', `{"a":"${'\\\\'.repeat(30_000)}"}`)],
  ['a body of space', post('application/json', `{"a"${' '.repeat(60_000)}:1}`)],
  ['a query of separators', httpApiEvent({ query: '&='.repeat(1e5) })],
  ['a query of percent signs', httpApiEvent({ query: '%'.repeat(1e5) })],
] as [string, Fields][])('refuses %s', async ([, event]) => {
  const outcome = await overHttp(event);

  expect(outcome).toBe('400 invalid_request');
});

test('stumbles over no text that is made to make a pattern backtrack', async () => {
  const texts = [
    'a',
    'a-',
    'a.',
    '-',
    '.',
    '%20',
    '%',
    ':443',
    '/./',
    '/..',
    'a@',
    '0',
    'é',
    '.googleapis.com',
    '*',
  ];
  const audiences = texts.flatMap((text) => [
    `https://${text.repeat(2_000 / text.length)}!`,
    `https://${HOST}/${text.repeat(1_900 / text.length)}\n`,
    `${text.repeat(2_000 / text.length)}.apps.googleusercontent.com!`,
  ]);
  const scopes = texts.map((text) => `https://${text.repeat(240 / text.length)}/!`);
  const start = performance.now();

  const outcomes = await Promise.all([
    ...audiences.map((audience) => directly({ audience })),
    ...scopes.map((scope) => directly({ scopes: [scope] })),
  ]);

  expect(new Set(outcomes)).toEqual(new Set(['InvalidRequest']));
  // Only a pattern that backtracks without end takes longer than this for sixty texts.
  expect(performance.now() - start).toBeLessThan(10_000);
});

test.for([
  'https://evil.example/token',
  'https://oauth2.googleapis.com.evil.example/token',
  'https://evil.example/oauth2.googleapis.com/token',
  'https://evilgoogleapis.com/token',
  'https://googleapis.com@evil.example/token',
  'https://user:pass@oauth2.googleapis.com/token',
  'https://evil.example#.googleapis.com/token',
  'https://evil.example\\.googleapis.com/token',
  'http://oauth2.googleapis.com/token',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:169.254.169.254]/latest/',
  'http://169.254.170.2/v2/credentials',
  'http://localhost.evil.example/',
  'http://127.0.0.1.evil.example/',
  'http://0.0.0.0/',
  'file:///proc/self/environ',
  'ftp://oauth2.googleapis.com/token',
  'data:application/json,{}',
  'javascript:1',
  '/token',
  'oauth2.googleapis.com/token',
])('sends no assertion to the token_uri %s', async (token_uri) => {
  rig.secretsManager.putSecretValue(SECRET, { string: JSON.stringify({ ...rig.firstKey, token_uri }) });
  const posted: string[] = [];
  const network = {
    post: async (url: URL) => {
      posted.push(url.href);
      throw new Error('nothing may be posted');
    },
    connectAhead: () => {},
    close: () => {},
  };

  const thrown = await thrownBy(rig.anotherVendor({ network }).handler({}, contextFor(undefined)));

  expect(thrown?.name).toBe('CredentialInvalid');
  expect(posted).toEqual([]);
});

test.for([301, 302, 303, 307, 308])('follows no redirect of status %i', async (status) => {
  let reached = 0;
  const elsewhere = http.createServer((_request, response) => {
    reached += 1;
    response.end('{"access_token":"evil","expires_in":3600}');
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const address = elsewhere.address();
  const location = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/token`;
  rig.google.interfere(() => ({ status, headers: { location }, body: '' }));

  const outcome = await directly({ audience: `https://${HOST}/redirect-${status}` });
  elsewhere.close();

  expect({ outcome, reached }).toEqual({ outcome: 'GoogleRefused', reached: 0 });
});

/** Asks through every door that can carry `fields`, and returns the kinds of end that came of it. */
async function throughEveryDoor(fields: Fields, alias: string): Promise<readonly string[]> {
  const query = Object.entries(fields)
    .map((pair) => pair.map((part) => encodeURIComponent(textOf(part).toWellFormed())).join('='))
    .join('&');
  const isText = Object.values(fields).every((value) => value === null || typeof value !== 'object');
  const json = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  };
  const encoded = { ...json, body: btoa(bytesOf(json.body)), isBase64: true };
  const form = { method: 'POST', headers: { 'content-type': FORM }, body: query };
  const requests = isText ? [json, encoded, { query }, form] : [json, encoded];
  const overHttp = await Promise.all(
    requests
      .flatMap((request) => [httpApiEvent(request), restApiEvent(request)])
      .map(async (event) => {
        const { status, body } = readHttp(await minting.handler(event, contextFor(alias)));
        return status === 200 ? 'vended' : String(body.error);
      }),
  );
  const direct = await thrownBy(minting.handler(fields, contextFor(alias)));
  return [...overHttp, direct?.name ?? 'vended'];
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? '' : String(value);
}

/** Text as `btoa` takes it, byte by byte. */
function bytesOf(text: string): string {
  return Buffer.from(text.toWellFormed()).toString('latin1');
}

const REFUSED = /^(?:invalid_request|access_denied|InvalidRequest|AccessDenied)$/;

async function expectRefusedEverywhere(fields: Fields, alias: string): Promise<void> {
  const before = clouds.google.exchanges.length;

  const ends = await throughEveryDoor(fields, alias);

  expect(ends.length).toBeGreaterThanOrEqual(5);
  expect(ends.filter((end) => !REFUSED.test(end))).toEqual([]);
  expect(clouds.google.exchanges).toHaveLength(before);
}

test('acts for a user whom the profile names, through every door', async () => {
  const ends = await throughEveryDoor({ subject: USER }, 'users');

  expect(new Set(ends)).toEqual(new Set(['vended']));
});

test.for([
  'bob@example.com',
  'alice@example.org',
  'alice@sub.example.com',
  'alice@example.com.evil.example',
  'alice@evilexample.com',
  'alice@example',
  'Alice@example.com',
  'ALICE@EXAMPLE.COM',
  'alice@Example.com',
  'alice+x@example.com',
  'alice+robot-1@example.com',
  'robot-1+alice@example.com',
  'robot-+@example.com',
  'ceo+robot-1@example.com',
  'a.lice@example.com',
  'alice.@example.com',
  '.alice@example.com',
  'alice@example.com.',
  'alice@example..com',
  'alice@example.com@example.com',
  'ceo@example.com@example.com',
  'robot-@ceo@example.com',
  'robot-1@ceo.example@example.com',
  'robot-1%40evil.example@example.com',
  'robot-1@evil.example%23@example.com',
  '"alice"@example.com',
  'alice(ceo)@example.com',
  'ceo@example.com,alice@example.com',
  'alice@example.com ceo@example.com',
  'alice@example.com;ceo@example.com',
  'alice@example.com\nceo@example.com',
  'ceo@example.com\nalice@example.com',
  'alice@example.com\r\n',
  'alice@example.com\u0000',
  'alice@example.com\u0000@evil.example',
  'alice\u0008@example.com',
  ' alice@example.com',
  'alice@example.com ',
  '\talice@example.com',
  'alice@example.com\u00a0',
  'alice@example.com\u200b',
  'al\u00adice@example.com',
  '\u202ealice@example.com',
  '\ufeffalice@example.com',
  'аlice@example.com',
  'alicе@example.com',
  'alıce@example.com',
  'ａlice@example.com',
  'aliⅽe@example.com',
  'alice＠example.com',
  'alice@example。com',
  'alice@exämple.com',
  'alice@xn--exmple-cua.com',
  'robot-é@example.com',
  'robot-*@example.com',
  '*@example.com',
  'robot-?@example.com',
  'robot-.*@example.com',
  'alice',
  '@example.com',
  'user:alice@example.com',
  'mailto:alice@example.com',
  '103456789012345678901',
  SOURCE,
  TARGET,
  '',
  `${'robot-'.padEnd(65, 'a')}@example.com`,
  `robot-${'a'.repeat(5e4)}@example.com`,
])('acts for nobody by the subject %j', async (subject) => {
  await expectRefusedEverywhere({ subject }, 'users');
});

test.for(['default', 'acting', 'short', 'long', 'signing', 'bounded'])(
  'acts for nobody by the profile %s, which names no users',
  async (alias) => {
    await expectRefusedEverywhere({ subject: USER }, alias);
  },
);

test('acts for nobody by a pattern of another profile', async () => {
  await expectRefusedEverywhere({ subject: 'robot-1@example.com' }, 'acting-users');
});

test.for([
  [['alice@example.com']],
  [['alice@example.com', 'ceo@example.com']],
  [{ email: 'alice@example.com' }],
  [{ toString: 'alice@example.com' }],
  [true],
  [7],
  [null],
])('acts for nobody by %j, which is no text', async ([subject]) => {
  await expectRefusedEverywhere({ subject }, 'users');
});

test('gives a token the lifetime that is asked for, within the profile’s bound', async () => {
  const ends = await Promise.all(
    [600, '600', 900, '900'].map((lifetime) => throughEveryDoor({ lifetime }, 'short')),
  );

  expect(new Set(ends.flat())).toEqual(new Set(['vended']));
});

const LIFETIMES: readonly unknown[] = [
  901,
  '901',
  3_600,
  43_200,
  43_201,
  599,
  0,
  -0,
  -1,
  -900,
  900.5,
  900.000_000_1,
  1e21,
  Number.MAX_SAFE_INTEGER,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  ' ',
  '1e3',
  '9e2',
  '0x384',
  '0b1110000100',
  '0900',
  ' 900',
  '900 ',
  '900\n',
  '900\u0000',
  '+900',
  '-900',
  '900.0',
  '900,0',
  '9_00',
  '900s',
  '15m',
  '900;3600',
  '900,3600',
  '900 3600',
  '９００',
  '٩٠٠',
  'null',
  'NaN',
  'Infinity',
  '9'.repeat(5_000),
  [900],
  ['900'],
  [900, 3_600],
  { valueOf: 900 },
  {},
  null,
  true,
];

test.for(LIFETIMES.map((lifetime) => [lifetime]))(
  'gives no token a longer life for the lifetime %j',
  async ([lifetime]) => {
    await expectRefusedEverywhere({ lifetime }, 'short');
  },
);

test.for(['default', 'users', 'acting', 'signing', 'bounded'])(
  'lets nobody choose a lifetime by the profile %s, which has no bound for it',
  async (alias) => {
    for (const lifetime of [600, 3_600, 7_200]) {
      await expectRefusedEverywhere({ lifetime }, alias);
    }
  },
);

test.for([
  { subject: USER, audience: FUNCTION_AUDIENCE },
  { lifetime: 900, audience: FUNCTION_AUDIENCE },
  { impersonate: TARGET },
  { impersonate: { serviceAccount: TARGET } },
  { serviceAccount: TARGET },
  { service_account: TARGET },
  { delegates: [SOURCE] },
  { credential: 'other' },
  { selfSigned: true },
  { self_signed: 'true' },
  { boundary: [] },
  { boundary: null },
  { options: '{}' },
  { profile: 'acting' },
  { alias: 'acting' },
  { maxLifetime: 43_200 },
  { lifetimeSeconds: 43_200 },
  { expires_in: 43_200 },
  { subjects: [USER] },
  { sub: USER },
  { Subject: USER },
  { 'subject ': USER },
])('takes from no request how a token is minted: %j', async (fields) => {
  for (const alias of ['default', 'acting', 'bounded']) {
    await expectRefusedEverywhere(fields, alias);
  }
});

test.for([
  'subject=alice%40example.com&subject=robot-1%40example.com',
  'subject=alice%40example.com&subject=alice%40example.com',
  'subject=alice%40example.com&%73ubject=ceo%40example.com',
  'subject[]=alice%40example.com',
  'subject=alice%40example.com;subject=ceo%40example.com',
  'subject=alice%40example.com%00',
  'subject=alice%2540example.com',
  'subject=alice%40example.com%26subject%3Dceo%40example.com',
  'subject=alice%C0%80@example.com',
  'subject',
  'lifetime=900&lifetime=600',
  'lifetime=900&subject=alice@example.com&lifetime=900',
  'lifetime',
  'lifetime=%39%30%30%20',
])('refuses the query %s', async (query) => {
  for (const event of [httpApiEvent({ query }), post(FORM, query)]) {
    const { status } = readHttp(await minting.handler(event, contextFor('users')));
    expect([400, 403]).toContain(status);
  }
});

test('refuses JSON that says its user twice', async () => {
  const bodies = [
    '{"subject":"alice@example.com","subject":"ceo@example.com"}',
    '{"subject":"alice@example.com","\\u0073ubject":"ceo@example.com"}',
    '{"__proto__":{"subject":"alice@example.com"}}',
  ];

  for (const body of bodies) {
    const answer = readHttp(await minting.handler(post('application/json', body), contextFor('users')));
    expect(answer.status).toBe(400);
  }
});

type Vended = Readonly<Record<string, unknown>>;

async function statusOf(path: string, token: unknown): Promise<number> {
  const response = await fetch(clouds.google.url + path, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

/** What a token can do and whose it is, as Google sees it: not what the vendor says of it. */
async function factsOf({ access_token, id_token, expires_in }: Vended) {
  if (id_token !== undefined) {
    return { kind: 'id_token', email: decodeJwt(String(id_token)).email };
  }
  const info = await fetch(`${clouds.google.url}/tokeninfo?access_token=${access_token}`);
  const { email } = (await info.json()) as { email?: unknown };
  const [inside, outside] = await Promise.all(
    ['reports', 'other'].map((bucket) => statusOf(`/storage/v1/b/${bucket}/o`, access_token)),
  );
  return {
    kind: String(access_token).startsWith('eyJ') ? 'self_signed' : 'access_token',
    email,
    bounded: inside === 200 && outside === 403,
    minutes: Math.round(Number(expires_in) / 60),
  };
}

const WHOLE = { kind: 'access_token', email: SOURCE, bounded: false, minutes: 60 };
const BOUNDED = { kind: 'access_token', email: undefined, bounded: true, minutes: 60 };

/** What may be asked for at the same time, and what must come of it. */
const ASKED: readonly (readonly [alias: string, event: object, facts: object])[] = [
  ['default', {}, WHOLE],
  ['users', {}, WHOLE],
  ['users', { subject: USER }, { ...WHOLE, email: USER }],
  ['acting', {}, { ...WHOLE, email: TARGET }],
  ['short', {}, { ...WHOLE, email: TARGET, minutes: 15 }],
  ['short', { lifetime: 600 }, { ...WHOLE, email: TARGET, minutes: 10 }],
  ['long', {}, { ...WHOLE, email: TARGET }],
  ['long', { lifetime: 43_200 }, { ...WHOLE, email: TARGET, minutes: 720 }],
  ['acting-users', { subject: USER }, { ...WHOLE, email: USER }],
  ['acting-users', {}, { ...WHOLE, email: TARGET }],
  ['signing', {}, { ...WHOLE, kind: 'self_signed' }],
  ['acting-signing', {}, { ...WHOLE, kind: 'self_signed', email: TARGET }],
  ['bounded', {}, BOUNDED],
  ['acting-bounded', {}, BOUNDED],
  ['default', { audience: FUNCTION_AUDIENCE }, { kind: 'id_token', email: SOURCE }],
  ['acting', { audience: FUNCTION_AUDIENCE }, { kind: 'id_token', email: TARGET }],
];

test.for([0, 1, 2, 3, 4, 5])(
  'serves each profile its own kind of token and never another one’s, in whatever order they come (%i)',
  async (shift) => {
    const vendor = vendorOf(documents['service account key'], { profiles: MINTING });
    const turned = [...ASKED.slice(shift * 3), ...ASKED.slice(0, shift * 3)];
    const order = shift % 2 === 0 ? turned : turned.toReversed();

    const first: Vended[] = [];
    for (const [alias, event] of order) {
      first.push(await vendor.ask(event, alias));
    }
    const again = await Promise.all(order.map(([alias, event]) => vendor.ask(event, alias)));
    vendor.close();
    const facts = await Promise.all(again.map(factsOf));

    const tokens = (answers: readonly Vended[]) =>
      answers.map((answer) => answer.access_token ?? answer.id_token);
    expect(tokens(again)).toEqual(tokens(first));
    expect(facts).toEqual(order.map(([, , expected]) => expected));
    // Two of them ask for the same, and share: the profile of plain scopes, and that of users without one.
    const shared = tokens(again).filter((token, index, all) => all.indexOf(token) !== index);
    expect(shared).toHaveLength(order.filter(([alias, event]) => sameAsBefore(order, alias, event)).length);
  },
);

/** Whether an earlier one in `order` asks for the very same grant. */
function sameAsBefore(order: typeof ASKED, alias: string, event: object): boolean {
  const groups = [
    ['default {}', 'users {}'],
    ['acting {}', 'acting-users {}'],
  ];
  const name = (one: string, asked: object) => `${one} ${JSON.stringify(asked)}`;
  const group = groups.find((names) => names.includes(name(alias, event))) ?? [];
  const place = order.findIndex((asked) => asked[0] === alias && asked[1] === event);
  return order.slice(0, place).some(([one, asked]) => group.includes(name(one, asked)));
}

test('never gives away the token that it impersonates with, nor the one that it downscopes', async () => {
  const vendor = vendorOf(documents['service account key'], { profiles: MINTING });
  const seen: string[] = [];
  clouds.google.interfere(({ path }) => {
    seen.push(path);
    return undefined;
  });

  const answers = [await vendor.ask({}, 'acting'), await vendor.ask({}, 'bounded'), await vendor.ask({})];
  vendor.close();
  const facts = await Promise.all(answers.map(factsOf));

  // The source's own token is asked for once for each: none of the three is handed on.
  expect(seen.filter((path) => path === '/token')).toHaveLength(3);
  expect(facts).toEqual([{ ...WHOLE, email: TARGET }, BOUNDED, WHOLE]);
});

/** A network on which nothing may happen, and what was tried on it. */
function closedNetwork(): { readonly network: Network; readonly tried: readonly string[] } {
  const tried: string[] = [];
  const network: Network = {
    post: async (url) => {
      tried.push(url.href);
      throw new Error('nothing may be posted');
    },
    connectAhead: (url) => {
      tried.push(url.href);
    },
    close: () => {},
  };
  return { network, tried };
}

const ELSEWHERE = [
  'https://evil.example/v1/token',
  'https://sts.googleapis.com.evil.example/v1/token',
  'https://sts.googleapis.com@evil.example/v1/token',
  'https://evil.example\\.googleapis.com/v1/token',
  'https://evil.example#.googleapis.com',
  'https://evilgoogleapis.com/v1/token',
  'http://sts.googleapis.com/v1/token',
  'http://169.254.169.254/latest/meta-data/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://127.0.0.1.evil.example/',
  'file:///proc/self/environ',
  'gopher://127.0.0.1:70/',
];

const EMAIL_PATH = `/v1/projects/-/serviceAccounts/${TARGET}:generateAccessToken`;
const IDENTITY_QUERY = 'Action=GetCallerIdentity&Version=2011-06-15';

test.for(ELSEWHERE)('sends no proof of who the function is, and no token, to %s', async (url) => {
  const { origin } = { origin: url.replace(/\/(?:v1\/token|latest\/meta-data\/)?$/, '') };
  const signed = documents['federation, signed request'];
  const impersonated = documents['impersonated service account'];
  const faulty: object[] = [
    { ...signed, token_url: url },
    { ...documents['federation, OIDC token'], token_url: url },
    { ...signed, service_account_impersonation_url: origin + EMAIL_PATH },
    { ...impersonated, service_account_impersonation_url: origin + EMAIL_PATH },
    { ...impersonated, source_credentials: { ...signed, token_url: url } },
    { type: 'aws_kms', key_id: clouds.kmsKey, client_email: SOURCE, private_key_id: 'x', token_uri: url },
  ];

  for (const document of faulty) {
    const { network, tried } = closedNetwork();
    const vendor = vendorOf(document, { network, aws: clouds.aws });
    expect(await vendor.refused({})).toMatch(/^CredentialInvalid: /);
    expect(tried).toEqual([]);
  }
});

test.for([
  'https://evil.example',
  'https://sts.eu-west-1.amazonaws.com.evil.example',
  'https://sts.eu-west-1.amazonaws.com@evil.example',
  'https://sts.eu-west-1.amazonaws.com:443@evil.example',
  'https://evil.example/sts.eu-west-1.amazonaws.com',
  'https://sts%2eeu-west-1.amazonaws.com',
  'https://STS.eu-west-1.amazonaws.com',
  'https://sts.s3.amazonaws.com',
  'http://sts.eu-west-1.amazonaws.com',
  'http://169.254.169.254',
])('signs no request that is to be verified at %s', async (origin) => {
  const { network, tried } = closedNetwork();
  const credentials = vi.fn(clouds.aws.credentials);
  const vendor = vendorOf(
    {
      ...documents['federation, signed request'],
      credential_source: {
        environment_id: 'aws1',
        regional_cred_verification_url: `${origin}?${IDENTITY_QUERY}`,
      },
    },
    { network, aws: { ...clouds.aws, credentials } },
  );

  expect(await vendor.refused({})).toMatch(/^CredentialInvalid: /);
  expect(tried).toEqual([]);
  expect(credentials).not.toHaveBeenCalled();
});

test('asks no metadata service, file or program that a document names', async () => {
  const rest = documents['federation, signed request'];
  const source = {
    environment_id: 'aws1',
    region_url: 'http://169.254.169.254/latest/meta-data/placement/availability-zone',
    url: 'http://169.254.169.254/latest/meta-data/iam/security-credentials',
    imdsv2_session_token_url: 'http://169.254.169.254/latest/api/token',
    file: '/proc/self/environ',
    executable: { command: '/bin/sh -c "exit 1"' },
  };
  const posted: string[] = [];
  const { network } = closedNetwork();
  const vendor = vendorOf(
    { ...rest, credential_source: source },
    {
      aws: clouds.aws,
      network: {
        ...network,
        post: async (url) => {
          posted.push(url.href);
          return { status: 200, headers: {}, body: '{"access_token":"ya29.d.x","expires_in":3600}' };
        },
        connectAhead: () => {},
      },
    },
  );

  await vendor.ask({});

  expect(posted).toEqual([clouds.google.stsUrl]);
});

test.for([301, 302, 307, 308])(
  'follows no redirect of status %i with a proof or a token in hand',
  async (status) => {
    let reached = 0;
    const elsewhere = http.createServer((_request, response) => {
      reached += 1;
      response.end('{"access_token":"evil","accessToken":"evil","expires_in":3600}');
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const address = elsewhere.address();
    const location = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v1/token`;
    const document = documents['federation with impersonation'];
    const refusals: string[] = [];

    for (const start of ['/v1/token', '/v1/projects/']) {
      clouds.google.interfere(({ path }) =>
        path.startsWith(start) ? { status, headers: { location }, body: '' } : undefined,
      );
      const vendor = vendorOf(document, { aws: clouds.aws });
      refusals.push((await vendor.refused({})).split(':')[0] ?? '');
      vendor.close();
    }
    elsewhere.close();

    expect({ refusals, reached }).toEqual({ refusals: ['GoogleRefused', 'GoogleRefused'], reached: 0 });
  },
);
