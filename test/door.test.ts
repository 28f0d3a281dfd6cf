import { expect, test } from 'vitest';
import { openDoor } from '../lambda/door.ts';
import type { Parameter } from '../lambda/http-message.ts';
import { failureOf } from './make-calls.ts';
import { CALLER, httpApiEvent, type Request, restApiEvent } from './make-event.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

type MakeEvent = (request?: Request) => unknown;

const HTTP_DOORS: [string, MakeEvent][] = [
  ['http-api', httpApiEvent],
  ['rest-api', restApiEvent],
];

function parametersOf(event: unknown): readonly Parameter[] {
  return openDoor(event).parameters();
}

async function refusalOf(event: unknown): Promise<string> {
  const failure = await failureOf(() => parametersOf(event));
  expect(failure.code).toBe('invalid_request');
  return failure.message;
}

test.each(HTTP_DOORS)('opens the door %s, with the caller that API Gateway names', (kind, make) => {
  expect(openDoor(make())).toMatchObject({ kind, caller: CALLER });
});

test.each(HTTP_DOORS)('gives nothing to a request by %s without an IAM identity', async (_kind, make) => {
  for (const caller of [null, '']) {
    const door = openDoor(make({ caller, query: 'audience=a' }));

    expect(door.caller).toBeUndefined();
    expect((await failureOf(door.parameters)).code).toBe('access_denied');
  }
});

test.each(HTTP_DOORS)('takes no caller of more than 2,048 characters by %s', async (_kind, make) => {
  const longest = CALLER.padEnd(2_048, 'x');
  const door = openDoor(make({ caller: `${longest}x` }));

  expect(openDoor(make({ caller: longest })).caller).toBe(longest);
  expect(door.caller).toBeUndefined();
  expect((await failureOf(door.parameters)).code).toBe('access_denied');
});

test.each([
  { jwt: { claims: { sub: 'a' } } },
  { lambda: { userArn: CALLER } },
  { iam: null },
  { iam: { userArn: 7 } },
  { iam: {} },
  'iam',
  [],
])('does not take the authorizer %j for IAM', async (authorizer) => {
  const event = httpApiEvent();
  const door = openDoor({ ...event, requestContext: { ...event.requestContext, authorizer } });

  expect((await failureOf(door.parameters)).code).toBe('access_denied');
});

test.each([
  [
    'a load balancer',
    { httpMethod: 'GET', requestContext: { elb: { targetGroupArn: 'arn' } }, queryStringParameters: {} },
  ],
  [
    'a WebSocket',
    { httpMethod: 'GET', requestContext: { connectionId: 'x', identity: { sourceIp: '192.0.2.1' } } },
  ],
])('gives nothing to a request of %s', async (_what, event) => {
  expect((await failureOf(() => parametersOf(event))).code).toBe('access_denied');
});

test.each(HTTP_DOORS)('reads the query of a GET by %s', (_kind, make) => {
  const query = 'audience=https%3A%2F%2Fexample.com%2Fa%2520b&scopes=a+b%2Cc';

  expect(parametersOf(make({ query }))).toEqual([
    ['audience', 'https://example.com/a%20b'],
    ['scopes', 'a b,c'],
  ]);
  expect(parametersOf(make())).toEqual([]);
});

test.each(HTTP_DOORS)('shows a repeated parameter by %s twice', (_kind, make) => {
  expect(parametersOf(make({ query: 'scope=a&scope=b' }))).toEqual([
    ['scope', 'a'],
    ['scope', 'b'],
  ]);
});

test('reads the raw query of an HTTP API, whatever was made of it', () => {
  const event = { ...httpApiEvent({ query: 'scope=a&scope=b' }), queryStringParameters: { scope: 'a,b' } };

  expect(parametersOf(event)).toHaveLength(2);
});

test('reads the query of a REST API that has only single values', () => {
  const event = { ...restApiEvent({ query: 'scope=a' }), multiValueQueryStringParameters: null };

  expect(parametersOf(event)).toEqual([['scope', 'a']]);
});

test.each(['audience=%', 'audience=%2', 'audience=%zz', 'audience=%ff', 'audience=%c3%28', '%ff=a'])(
  'refuses the query %s, which is not percent-encoded UTF-8',
  async (query) => {
    expect(await refusalOf(httpApiEvent({ query }))).toContain('percent-encoded');
  },
);

test('keeps the equals signs of a value, and takes a name without one for empty', () => {
  expect(parametersOf(httpApiEvent({ query: 'a=b=c&d&=e&&' }))).toEqual([
    ['a', 'b=c'],
    ['d', ''],
    ['', 'e'],
  ]);
});

test.each(HTTP_DOORS)('reads the JSON body of a POST by %s', (_kind, make) => {
  const body = '{"scopes": ["a", "b:c"], "note": "\\"x\\": y"}';

  expect(parametersOf(make({ method: 'POST', headers: JSON_TYPE, body }))).toEqual([
    ['scopes', ['a', 'b:c']],
    ['note', '"x": y'],
  ]);
});

test.each(HTTP_DOORS)('reads the form of a POST by %s', (_kind, make) => {
  const body = 'audience=https%3A%2F%2Fexample.com&scope=a+b';

  expect(parametersOf(make({ method: 'POST', headers: FORM_TYPE, body }))).toEqual([
    ['audience', 'https://example.com'],
    ['scope', 'a b'],
  ]);
});

test.each(HTTP_DOORS)('decodes a base64 body by %s', (_kind, make) => {
  const body = Buffer.from('{"audience": "https://example.com"}').toString('base64');

  const parameters = parametersOf(make({ method: 'POST', headers: JSON_TYPE, body, isBase64: true }));

  expect(parameters).toEqual([['audience', 'https://example.com']]);
});

test.each(['Content-Type', 'CONTENT-TYPE', 'content-type'])('finds the type of a body under %s', (name) => {
  const headers = { [name]: 'Application/JSON; charset=utf-8' };

  expect(parametersOf(httpApiEvent({ method: 'POST', headers, body: '{}' }))).toEqual([]);
});

test.each([undefined, null, '', ' \r\n'])(
  'takes a POST with the body %j for one without parameters',
  (body) => {
    expect(parametersOf(httpApiEvent({ method: 'POST', body }))).toEqual([]);
  },
);

test.each<[string, Request, RegExp]>([
  ['a body without a type', { headers: {}, body: '{}' }, /application\/json or/],
  [
    'a body of another type',
    { headers: { 'content-type': 'text/plain' }, body: '{}' },
    /application\/json or/,
  ],
  [
    'a type that is no text',
    { headers: { 'content-type': ['application/json'] }, body: '{}' },
    /application\/json or/,
  ],
  ['broken JSON', { headers: JSON_TYPE, body: '{' }, /not JSON/],
  ['a JSON array', { headers: JSON_TYPE, body: '[]' }, /must be an object/],
  ['a JSON string', { headers: JSON_TYPE, body: '"a"' }, /must be an object/],
  ['JSON null', { headers: JSON_TYPE, body: 'null' }, /must be an object/],
  ['a name twice', { headers: JSON_TYPE, body: '{"audience": "a", "audience": "b"}' }, /repeats a name/],
  [
    'a name twice, once escaped',
    { headers: JSON_TYPE, body: '{"scope": "a", "\\u0073cope": "b"}' },
    /repeats a name/,
  ],
  [
    'a name twice with space',
    { headers: JSON_TYPE, body: '{"scope"\n: "a", "scope"\t:"b"}' },
    /repeats a name/,
  ],
  ['an object inside', { headers: JSON_TYPE, body: '{"scopes": {"a": 1}}' }, /holds an object/],
  ['a body that is no text', { headers: JSON_TYPE, body: { audience: 'a' } }, /must be text/],
  ['a number for a body', { headers: JSON_TYPE, body: 7 }, /must be text/],
  ['a body that is too long', { headers: JSON_TYPE, body: ' '.repeat(65_537) }, /at most 65536/],
  ['base64 that is no UTF-8', { headers: JSON_TYPE, body: '/w==', isBase64: true }, /not UTF-8/],
  [
    'a query beside the body',
    { headers: JSON_TYPE, body: '{}', query: 'scope=a' },
    /query string must be empty/,
  ],
  ['a broken form', { headers: FORM_TYPE, body: 'audience=%ff' }, /percent-encoded/],
])('refuses a POST with %s', async (_what, request, reason) => {
  for (const [, make] of HTTP_DOORS) {
    expect(await refusalOf(make({ method: 'POST', ...request }))).toMatch(reason);
  }
});

test.each(HTTP_DOORS)('refuses a GET by %s with a body', async (_kind, make) => {
  expect(await refusalOf(make({ body: '{"audience": "a"}', query: 'scope=a' }))).toMatch(
    /body must be empty/,
  );
});

test.each(['PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'get', '', 7, null, {}])(
  'refuses the method %j',
  async (method) => {
    const event = httpApiEvent();
    const http = { ...event.requestContext.http, method };

    expect(await refusalOf({ ...event, requestContext: { ...event.requestContext, http } })).toMatch(
      /GET or POST/,
    );
    expect(await refusalOf({ ...restApiEvent(), httpMethod: method })).toMatch(/GET or POST/);
  },
);

test('takes everything else for a direct invocation, whose event is the request', () => {
  const event = { audience: 'https://example.com', scopes: ['a'] };

  const door = openDoor(event);

  expect(door).toMatchObject({ kind: 'direct', caller: undefined });
  expect(door.parameters()).toEqual(Object.entries(event));
  expect(parametersOf({})).toEqual([]);
});

test.each([null, undefined, 'audience', 7, true, [], [{ audience: 'a' }]])(
  'opens for the event %j, and refuses it when it is read',
  async (event) => {
    const door = openDoor(event);

    expect(door.kind).toBe('direct');
    expect((await failureOf(door.parameters)).message).toMatch(/must be an object/);
  },
);

test.each([
  { requestContext: 'x' },
  { requestContext: {} },
  { requestContext: null },
  { requestContext: { http: 'x' } },
])('takes %j for a direct invocation with an unknown parameter', (event) => {
  expect(openDoor(event).kind).toBe('direct');
  expect(parametersOf(event)).toEqual(Object.entries(event));
});

test('shows the name __proto__ of a JSON body like any other', () => {
  const body = '{"__proto__": {"a": 1}}';
  const flat = '{"__proto__": "a"}';

  expect(() => parametersOf(httpApiEvent({ method: 'POST', headers: JSON_TYPE, body }))).toThrow(
    /holds an object/,
  );
  expect(parametersOf(httpApiEvent({ method: 'POST', headers: JSON_TYPE, body: flat }))).toEqual([
    ['__proto__', 'a'],
  ]);
});

test.each([
  ['a raw query that is no text', { ...httpApiEvent(), rawQueryString: 5 }],
  [
    'a query that is a string',
    { ...restApiEvent(), multiValueQueryStringParameters: null, queryStringParameters: 'scopes=a' },
  ],
  ['lists that are a string', { ...restApiEvent(), multiValueQueryStringParameters: 'scopes=a' }],
  ['a name without a value', { ...restApiEvent(), multiValueQueryStringParameters: { scopes: [] } }],
  [
    'a name whose values are no list',
    { ...restApiEvent(), multiValueQueryStringParameters: { scopes: 'a' } },
  ],
])('refuses %s, in the place of reading it as none', async (_what, event) => {
  expect(await refusalOf(event)).toBe('The query is not as API Gateway writes it.');
});

test('refuses a query of more than 65,536 characters before it looks at it', async () => {
  expect(await refusalOf({ ...httpApiEvent(), rawQueryString: 'a&'.repeat(40_000) })).toMatch(
    /at most 65536 characters/,
  );
});
