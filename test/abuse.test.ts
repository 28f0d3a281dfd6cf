import http from 'node:http';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { auditLines, captureOutput, type Output } from './capture-output.ts';
import { contextFor, httpApiEvent, restApiEvent } from './make-event.ts';
import {
  CLOUD_PLATFORM,
  readHttp,
  SECRET,
  startVendorRig,
  TWO_CREDENTIALS,
  thrownBy,
  type VendorRig,
} from './vendor-rig.ts';

let rig: VendorRig;
let output: Output;

beforeAll(async () => {
  rig = await startVendorRig({ profiles: TWO_CREDENTIALS, realAudit: true });
  await rig.vendor.warmUp();
});

beforeEach(() => {
  output = captureOutput();
});

afterEach(() => {
  vi.restoreAllMocks();
  rig.google.interfere(undefined);
});

afterAll(async () => {
  await rig.close();
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
