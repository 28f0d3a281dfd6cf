import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Handler } from '../local/aws/invoker.ts';
import { captureOutput } from './capture-output.ts';
import { type Message, type Reply, type Rig, sendMessage, startRig } from './local-aws-rig.ts';
import { contextFor, httpApiEvent, restApiEvent } from './make-event.ts';
import { PROFILES, readHttp, startVendorRig, thrownBy, type VendorRig } from './vendor-rig.ts';

/** Of each door; there are nine. */
const REQUESTS = 70;

type Ask = Readonly<Record<string, unknown>>;

/** What a request may name besides scopes and audiences, so that a bad one is refused for what it says. */
const TERMS = { subjects: ['alice@example.com', 'robot-*@example.com'], maxLifetime: 3_600 };
const profiles = Object.fromEntries(
  Object.entries(PROFILES).map(([name, profile]) => [name, { ...profile, ...TERMS }]),
);

let rig: VendorRig;
let gateway: Rig;

beforeAll(async () => {
  rig = await startVendorRig({ profiles, realAudit: true });
  const handler: Handler = (event, context) => rig.vendor.handler(event, context);
  gateway = await startRig({ requireSignature: false, handler });
  captureOutput();
  await rig.vendor.warmUp();
});

afterAll(async () => {
  vi.restoreAllMocks();
  await Promise.all([gateway.close(), rig.close()]);
});

const text = fc.string({ unit: 'binary', maxLength: 60 });
const HOST = 'https://europe-west1-example.cloudfunctions.net';

/** What one parameter may hold that is text and never good. */
const badText = fc.oneof(
  text.filter((value) => !/^(?:[a-z-]+|\d+)$/.test(value)),
  fc.webUrl().map((url) => `${url}#fragment`),
  fc.constantFrom(
    'compute-rw',
    'storage-full',
    `${HOST}/a/b`,
    'https://evil.example',
    'null',
    '0',
    '[]',
    '{}',
  ),
  text.map((path) => `${HOST}/\u0000${path}`),
  text.map((path) => `https://www.googleapis.com/auth/ ${path}!`),
);
/** Users whom the profile does not name, and what names no user. */
const badSubject = fc.oneof(
  fc.constantFrom(
    'bob@example.com',
    'Alice@example.com',
    'alice@Example.com',
    'alice@example.com.',
    'alice@example.com\n',
    'alice@evil.example@example.com',
    'alice+x@example.com',
    'robot-@example.com',
    'robot-1+ceo@example.com',
    'robot-*@example.com',
    'аlice@example.com',
    'alice＠example.com',
    '',
  ),
  text.map((name) => `${name}\u0000@example.com`),
  text.map((domain) => `alice@evil.example${domain.replaceAll(/[^a-z.]/g, '')}`),
);
/** Lifetimes that are out of bounds, and other spellings of those that are not. */
const badLifetime = fc.oneof(
  fc.constantFrom(
    '599',
    '3601',
    '43201',
    '0900',
    ' 900',
    '900 ',
    '+900',
    '-900',
    '900.0',
    '9e2',
    '0x384',
    '900s',
  ),
  fc.integer({ min: 3_601 }).map(String),
  fc.integer({ max: 599 }).map(String),
  fc.double().map((seconds) => `${seconds}.0`),
);
const badValue = fc.oneof(
  badText,
  fc
    .jsonValue()
    .filter((value) => typeof value !== 'string' && typeof value !== 'number' && !Array.isArray(value)),
  fc.oneof(fc.integer({ max: 599 }), fc.integer({ min: 3_601 }), fc.constant(600.5)),
  fc.array(badText, { minLength: 1, maxLength: 5 }),
  fc.array(fc.constantFrom('storage-ro', 7, null, {}, []), { minLength: 101, maxLength: 200 }),
);
const unknownName = fc
  .oneof(
    text,
    fc.constantFrom('audiance', 'Scope', 'scopes[]', '__proto__', 'constructor', 'profile', 'sub'),
    fc.constantFrom(
      'Subject',
      'subjects',
      'lifetime[]',
      'maxLifetime',
      'impersonate',
      'boundary',
      'selfSigned',
    ),
  )
  .filter((name) => !['audience', 'scope', 'scopes', 'subject', 'lifetime'].includes(name));

function askOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<Ask> {
  const known = fc.constantFrom('audience', 'scope', 'scopes', 'subject', 'lifetime');
  return fc.oneof(
    fc.tuple(known, value).map((entry) => Object.fromEntries([entry])),
    fc.tuple(unknownName, value).map((entry) => Object.fromEntries([entry])),
    value.map((audience) => ({ audience, scopes: 'storage-ro' })),
    value.map((scope) => ({ scope, scopes: 'storage-ro' })),
    badSubject.map((subject) => ({ subject })),
    badLifetime.map((lifetime) => ({ lifetime })),
    badSubject.map((subject) => ({ subject, lifetime: '3600', scope: 'storage-ro' })),
    badLifetime.map((lifetime) => ({ subject: 'alice@example.com', lifetime })),
    fc.constant({ subject: 'alice@example.com', audience: `${HOST}/hello` }),
    fc.constant({ lifetime: '3600', audience: `${HOST}/hello` }),
    value.map((audience) => ({ audience, subject: 'alice@example.com' })),
  );
}

const textAsk = askOf(badText) as fc.Arbitrary<Readonly<Record<string, string>>>;
const ask = askOf(badValue);

function sample<Value>(arbitrary: fc.Arbitrary<Value>): readonly Value[] {
  return fc.sample(arbitrary, { numRuns: REQUESTS, seed: 20_260_301 });
}

function queryOf(parameters: Readonly<Record<string, string>>): string {
  const wellFormed = Object.entries(parameters).map(([name, value]) =>
    [name, value].map((part) => part.toWellFormed()),
  );
  return wellFormed.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
}

/** Queries that are not only bad in what they ask, but in how they are written. */
const rawQuery = fc.oneof(
  textAsk.map(queryOf),
  textAsk.map((parameters) => `${queryOf(parameters)}&${queryOf(parameters)}`),
  fc.constantFrom(
    'audience=%',
    'scopes=%ff',
    '%zz=1',
    '=',
    'scopes=storage-ro&scopes=storage-ro',
    'subject=alice%40example.com&subject=alice%40example.com',
    'lifetime=900&lifetime=900',
    'subject=alice%40example.com%',
    'a',
    '&&a=b',
  ),
);

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

const body: fc.Arbitrary<{ readonly body: string; readonly headers: Readonly<Record<string, string>> }> =
  fc.oneof(
    ask.map((value) => ({ body: JSON.stringify(value), headers: JSON_TYPE })),
    rawQuery.map((value) => ({ body: value, headers: FORM_TYPE })),
    ask.map((value) => ({ body: JSON.stringify(value).slice(0, -1), headers: JSON_TYPE })),
    fc.constantFrom(
      { body: '{"scopes":"storage-ro","scopes":"storage-ro"}', headers: JSON_TYPE },
      { body: '{"subject":"alice@example.com","subject":"alice@example.com"}', headers: JSON_TYPE },
      { body: '{"lifetime":9e2,"lifetime":900}', headers: JSON_TYPE },
      { body: 'null', headers: JSON_TYPE },
      { body: '{"scopes":"storage-ro"}', headers: {} },
      { body: '{"scopes":"storage-ro"}', headers: { 'content-type': 'text/plain' } },
      { body: 'x'.repeat(70_000), headers: FORM_TYPE },
    ),
  );

async function sendAll(messages: readonly Message[]): Promise<readonly Reply[]> {
  return await Promise.all(messages.map((message) => sendMessage(gateway, message)));
}

async function statusesOf(events: readonly unknown[]): Promise<readonly number[]> {
  const answers = await Promise.all(events.map((event) => rig.vendor.handler(event, contextFor(undefined))));
  return answers.map((answer) => readHttp(answer).status);
}

/** Only what was read when the container started; of Google, nothing at all. */
function expectNobodyAsked(): void {
  expect(rig.google.exchanges).toEqual([]);
  expect(rig.secretsManager.requests).toHaveLength(1);
}

function expectRefusals(statuses: readonly number[]): void {
  expect(statuses).toHaveLength(REQUESTS);
  expect(statuses.filter((status) => status < 400 || status > 499)).toEqual([]);
}

test('refuses every bad GET through the gateway, and asks nobody', async () => {
  const messages = sample(rawQuery).map((query) => ({
    method: 'GET',
    target: `/token?${query}`,
    headers: {},
  }));

  const replies = await sendAll(messages);

  expectRefusals(replies.map(({ status }) => status));
  expectNobodyAsked();
});

test('refuses every bad POST through the gateway, and asks nobody', async () => {
  const messages = sample(body).map((part) => ({
    method: 'POST',
    target: '/profiles/reports/token',
    ...part,
  }));

  const replies = await sendAll(messages);

  expectRefusals(replies.map(({ status }) => status));
  expectNobodyAsked();
});

test('refuses every wrong path, method and header at the gateway, and asks nobody', async () => {
  const target = fc.constantFrom(
    '/',
    '/token/',
    '//token',
    '/Token',
    '/profiles/admin/token',
    '/profiles/../token',
    '/%74oken',
  );
  const message = fc.oneof(
    fc.record({ method: fc.constantFrom('GET', 'POST', 'PUT'), target, headers: fc.constant({}) }),
    fc.record({
      method: fc.constantFrom('PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
      target: fc.constant('/token'),
      headers: fc.constant({}),
    }),
    fc.record({
      method: fc.constant('GET'),
      target: fc.constant('/token'),
      headers: fc.constantFrom(
        { host: 'evil.example' },
        { origin: 'https://evil.example' },
        { 'sec-fetch-site': 'cross-site' },
        { authorization: 'AWS4-HMAC-SHA256 Credential=x' },
        { authorization: 'Bearer ya29.x' },
      ),
    }),
  );

  const replies = await sendAll(sample(message));

  expectRefusals(replies.map(({ status }) => status));
  expectNobodyAsked();
});

test('refuses every bad invocation through Lambda’s API by a name of its own, and asks nobody', async () => {
  const messages = sample(ask).map((event) => ({
    method: 'POST',
    target: '/2015-03-31/functions/vendor/invocations?Qualifier=reports',
    headers: {},
    body: JSON.stringify(event),
  }));

  const replies = await sendAll(messages);
  const names = replies.map((reply) => JSON.parse(reply.body).errorType);

  expect(names.filter((name) => name !== 'InvalidRequest' && name !== 'AccessDenied')).toEqual([]);
  expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: REQUESTS }, () => 200));
  expectNobodyAsked();
});

test('refuses every payload and name that Lambda’s API cannot take, and asks nobody', async () => {
  const call = fc.oneof(
    text
      .map((payload) => `{${payload}`)
      .map((payload) => ({ target: '/2015-03-31/functions/vendor/invocations', body: payload })),
    fc
      .constantFrom(
        'vendor/invocations?Qualifier=admin',
        'other/invocations',
        'vendor:42x/invocations',
        '%ff/invocations',
        'vendor',
      )
      .map((name) => ({ target: `/2015-03-31/functions/${name}`, body: '{}' })),
  );

  const replies = await sendAll(sample(call).map((part) => ({ method: 'POST', headers: {}, ...part })));

  expectRefusals(replies.map(({ status }) => status));
  expectNobodyAsked();
});

test('refuses every bad event of a REST API, and asks nobody', async () => {
  const gets = textAsk.map((parameters) => restApiEvent({ query: queryOf(parameters) }));
  const posts = body.map((part) => restApiEvent({ method: 'POST', ...part }));
  const strange = fc.record({
    ...strangeFields('multiValueQueryStringParameters'),
    httpMethod: fc.constant('GET'),
  });

  const statuses = await statusesOf(sample(fc.oneof(gets, posts, strange)));

  expectRefusals(statuses);
  expectNobodyAsked();
});

/** Fields of an event that no gateway would write. */
function strangeFields(query: string) {
  const identity = { userArn: 'arn:aws:iam::1:user/x' };
  return {
    requestContext: fc.constant({ identity, http: undefined, authorizer: { iam: identity } }),
    headers: fc.jsonValue(),
    body: fc.oneof(fc.integer(), fc.constant({}), fc.constant([1])),
    [query]: fc.oneof(
      fc.constant({ scopes: [1] }),
      fc.constant({ x: null }),
      fc.constant({ audience: [[]] }),
    ),
    isBase64Encoded: fc.jsonValue(),
  };
}

test('refuses every bad event of a function URL, and asks nobody', async () => {
  const gets = rawQuery.map((query) => httpApiEvent({ query }));
  const posts = body.map((part) => httpApiEvent({ method: 'POST', ...part }));
  const base64 = body.map((part) =>
    httpApiEvent({
      method: 'POST',
      ...part,
      body: Buffer.from(part.body).toString('base64'),
      isBase64: true,
    }),
  );
  const strange = fc.tuple(fc.jsonValue(), rawQuery).map(([method, query]) => {
    const event = httpApiEvent({ query });
    return { ...event, requestContext: { ...event.requestContext, http: { method } } };
  });

  const statuses = await statusesOf(sample(fc.oneof(gets, posts, base64, strange)));

  expectRefusals(statuses);
  expectNobodyAsked();
});

test.for([
  ['a direct invocation', ask as fc.Arbitrary<unknown>],
  [
    'a state machine that passes its whole input on',
    fc.oneof(
      fc.jsonValue().filter((value) => JSON.stringify(value) !== '{}'),
      ask.map((Payload) => ({ Payload, FunctionName: 'vendor' })),
      ask.map((value) => ({ ...value, AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: 'arn' })),
      ask.map((value) => [value]),
    ),
  ],
] as const)('refuses every bad event of %s, and asks nobody', async ([, arbitrary]) => {
  const ends = await Promise.all(
    sample<unknown>(arbitrary).map((event) => thrownBy(rig.vendor.handler(event, contextFor('reports')))),
  );

  expect(
    ends.map((error) => error?.name).filter((name) => !/^(?:InvalidRequest|AccessDenied)$/.test(`${name}`)),
  ).toEqual([]);
  expect(ends).toHaveLength(REQUESTS);
  expectNobodyAsked();
});

test('vends to a good request through the same doors', async () => {
  const invocation = { target: '/2015-03-31/functions/vendor/invocations?Qualifier=reports', body: '{}' };

  const replies = await sendAll([
    { method: 'GET', target: '/token?scopes=storage-ro&lifetime=3600', headers: {} },
    {
      method: 'POST',
      target: '/profiles/reports/token',
      headers: JSON_TYPE,
      body: '{"scopes":"storage-ro"}',
    },
    { method: 'POST', headers: {}, ...invocation },
  ]);
  const statuses = await statusesOf([
    restApiEvent({ query: 'scopes=storage-ro' }),
    httpApiEvent({ query: 'scopes=storage-ro' }),
  ]);

  expect(replies.map(({ body }) => JSON.parse(body).token_type)).toEqual(['Bearer', 'Bearer', 'Bearer']);
  expect(statuses).toEqual([200, 200]);
});
