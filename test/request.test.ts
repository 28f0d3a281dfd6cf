import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAudience } from '../lambda/audiences.ts';
import { openDoor } from '../lambda/door.ts';
import { VendError } from '../lambda/errors.ts';
import { parseRequest } from '../lambda/request.ts';
import type { TokenRequest } from '../lambda/types.ts';
import { anyText } from './any-text.ts';
import { failureOf } from './make-calls.ts';
import { CALLER, httpApiEvent, restApiEvent } from './make-event.ts';

const STORAGE_RO = 'https://www.googleapis.com/auth/devstorage.read_only';
const PUBSUB = 'https://www.googleapis.com/auth/pubsub';

function parse(fields: Readonly<Record<string, unknown>>): TokenRequest {
  return parseRequest(Object.entries(fields));
}

async function refusalOf(fields: Readonly<Record<string, unknown>>): Promise<string> {
  const failure = await failureOf(() => parse(fields));
  expect(failure.code).toBe('invalid_request');
  return failure.message;
}

test('asks for all that the profile has if nothing is said', () => {
  expect(parse({})).toEqual({ kind: 'access_token', scopes: undefined });
});

test('asks for an ID token for an audience', () => {
  expect(parse({ audience: 'https://example.com/f' })).toEqual({
    kind: 'id_token',
    audience: 'https://example.com/f',
  });
});

test.each<[string, unknown]>([
  ['a list', ['storage-ro', 'pubsub']],
  ['a list in another order, twice over', ['pubsub', 'storage-ro', 'pubsub']],
  ['a list of URIs', [PUBSUB, STORAGE_RO]],
  ['a string parted by spaces', 'storage-ro pubsub'],
  ['a string parted by commas', 'storage-ro,pubsub'],
  ['a string parted by both', ' storage-ro ,, pubsub '],
])('takes scopes from %s', (_what, scopes) => {
  const request = { kind: 'access_token', scopes: [STORAGE_RO, PUBSUB] };

  expect(parse({ scopes })).toEqual(request);
  expect(parse({ scope: scopes })).toEqual(request);
});

test.each<[string, unknown]>([
  ['nothing', ''],
  ['spaces', '  '],
  ['commas', ','],
  ['an empty list', []],
  ['a list of 101', Array(101).fill('openid')],
])('refuses %s for scopes, and says how many there may be', async (_what, scopes) => {
  expect(await refusalOf({ scopes })).toContain('there must be 1 to 100');
});

test.each([null, 7, true, {}, { 0: 'openid' }])('refuses %j for scopes', async (scopes) => {
  expect(await refusalOf({ scopes })).toContain('is neither a list of strings nor one string');
});

test.each([
  'storage',
  'https://example.com/auth/x',
  'openid\nemail',
  'openid\temail',
  'openid\u0000',
  'openid;email',
  ['openid', ''],
  ['openid', null],
  ['openid', ['email']],
  ['openid email'],
  [7],
])('refuses the scopes %j', async (scopes) => {
  expect(await refusalOf({ scopes })).toContain("is neither a scope of Google's");
});

test.each([
  '',
  'example.com',
  'http://example.com',
  'https://example.com/\n',
  null,
  7,
  [],
  ['https://example.com'],
  {},
])('refuses the audience %j', async (audience) => {
  expect(await refusalOf({ audience })).toContain('audience: ');
});

test.each<[string, Parameters<typeof parseRequest>[0], RegExp]>([
  [
    'an audience and scopes',
    [
      ['audience', 'https://example.com'],
      ['scopes', 'openid'],
    ],
    /not for both/,
  ],
  [
    'an audience and an empty scope',
    [
      ['audience', 'https://example.com'],
      ['scope', ''],
    ],
    /not for both/,
  ],
  [
    'scopes and scope',
    [
      ['scopes', 'openid'],
      ['scope', 'email'],
    ],
    /scopes: the parameter is there twice/,
  ],
  [
    'an audience twice',
    [
      ['audience', 'https://a.b'],
      ['audience', 'https://a.b'],
    ],
    /audience: the parameter is there twice/,
  ],
  ['an unknown parameter', [['project', 'example']], /"project" is not a parameter/],
  ['a parameter of another case', [['Audience', 'https://a.b']], /"Audience" is not a parameter/],
  ['a parameter without a name', [['', 'a']], /"" is not a parameter/],
  ['the parameter __proto__', [['__proto__', 'a']], /"__proto__" is not a parameter/],
])('refuses %s', async (_what, parameters, reason) => {
  expect((await failureOf(() => parseRequest(parameters))).message).toMatch(reason);
});

const JUNK_TEXT = fc.oneof(
  fc.string({ maxLength: 40 }),
  anyText(40),
  fc.constantFrom(
    'audience',
    'scopes',
    'scope',
    'https://example.com',
    'openid',
    'GET',
    'POST',
    '',
    '{',
    '[]',
    'null',
  ),
  fc.constantFrom(
    'application/json',
    'application/x-www-form-urlencoded',
    'a=b',
    'audience=%',
    '{"a":1}',
    CALLER,
  ),
);

const JUNK: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    JUNK_TEXT,
    fc.constantFrom(null, undefined, true, false, 0, -1, Number.NaN, 1e300, 7n),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(JUNK_TEXT, tie('any'), { maxKeys: 3 }),
  ),
})).any;

/** Puts junk into some places of an event that is otherwise as API Gateway makes it. */
const GATEWAY_JUNK = fc
  .record({
    base: fc.constantFrom<() => object>(
      httpApiEvent,
      restApiEvent,
      () => httpApiEvent({ method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
      () =>
        restApiEvent({
          method: 'POST',
          body: 'a=b',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
    ),
    places: fc.uniqueArray(
      fc.constantFrom(
        'rawQueryString',
        'queryStringParameters',
        'multiValueQueryStringParameters',
        'headers',
        'body',
        'isBase64Encoded',
        'httpMethod',
        'requestContext',
        'requestContext.http',
        'requestContext.http.method',
        'requestContext.authorizer',
        'requestContext.identity',
      ),
      { minLength: 1, maxLength: 4 },
    ),
    junk: fc.array(JUNK, { minLength: 4, maxLength: 4 }),
  })
  .map(({ base, places, junk }) => {
    const event: unknown = structuredClone(base());
    for (const [index, place] of places.entries()) {
      putAt(event, place.split('.'), junk[index]);
    }
    return event;
  });

function putAt(target: unknown, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (typeof target !== 'object' || target === null || Array.isArray(target)) {
    return;
  }
  const fields = target as Record<string, unknown>;
  if (rest.length === 0) {
    fields[name] = value;
  } else {
    putAt(fields[name], rest, value);
  }
}

/** The code of what reading `event` comes to, or `undefined` if it is a request. */
function judge(event: unknown): string | undefined {
  try {
    parseRequest(openDoor(event).parameters());
    return undefined;
  } catch (error) {
    if (error instanceof VendError) {
      return error.code;
    }
    throw error;
  }
}

test('whatever the event, it is a request, or it is refused with a reason', () => {
  fc.assert(
    fc.property(fc.oneof(JUNK, GATEWAY_JUNK, fc.jsonValue()), (event) => {
      expect([undefined, 'invalid_request', 'access_denied']).toContain(judge(event));
    }),
    { numRuns: 2_000 },
  );
});

test('whatever the body and the query, they are a request, or they are refused with a reason', () => {
  const type = fc.constantFrom('application/json', 'application/x-www-form-urlencoded');
  const text = fc.oneof(
    fc.json(),
    fc.array(JUNK_TEXT, { maxLength: 4 }).map((texts) => texts.join('&')),
    JUNK_TEXT,
  );
  fc.assert(
    fc.property(
      type,
      text,
      fc.boolean(),
      fc.constantFrom('GET', 'POST'),
      (contentType, body, isBase64, method) => {
        const request = { method, headers: { 'content-type': contentType }, isBase64 };
        const parts = method === 'GET' ? { query: body } : { body };

        for (const make of [httpApiEvent, restApiEvent]) {
          expect([undefined, 'invalid_request']).toContain(judge(make({ ...request, ...parts })));
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('what comes through is an audience, or a sorted set of scopes, in which no control character is', () => {
  const fields = fc.oneof(
    fc.record({
      audience: fc.oneof(
        JUNK,
        JUNK_TEXT.map((end) => `https://example.com/${end}`),
      ),
    }),
    fc.record({ scopes: fc.oneof(JUNK, fc.array(fc.constantFrom('openid', 'pubsub', 'default', 'email'))) }),
  );
  fc.assert(
    fc.property(fields, (value) => {
      fc.pre(judge(value) === undefined);
      const request = parse(value);
      const texts = request.kind === 'id_token' ? [request.audience] : (request.scopes ?? []);

      expect(texts.join()).not.toMatch(/[\s\p{Cc}]/u);
      expect(request.kind === 'access_token' || isAudience(request.audience)).toBe(true);
      expect(texts).toEqual([...new Set(texts)].sort());
    }),
    { numRuns: 500 },
  );
});

const SECRETS = [
  'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ2ZW5kb3IifQ.c2lnbmF0dXJl',
  'ya29.c.b0AXv0zTPq-abcDEF_123',
  '1//0gabcdefghijklmnop',
  'AKIAIOSFODNN7EXAMPLE',
  'ASIAIOSFODNN7EXAMPLE',
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----',
];

test.each(SECRETS)('does not repeat %j, wherever it was put', async (secret) => {
  const places = [
    { audience: secret },
    { audience: ` ${secret}` },
    { scopes: [secret] },
    { [secret]: 'a' },
    { scope: { a: secret } },
  ];

  const messages = await Promise.all(places.map(refusalOf));

  for (const message of messages) {
    expect(message).not.toContain(secret.slice(0, 20));
  }
});

test('bounds what it repeats, and lets no control character through', () => {
  const hostile = anyText(300);
  fc.assert(
    fc.property(hostile, hostile, (name, value) => {
      const events = [{ [name]: value }, { audience: value }, { scopes: [value] }];

      const messages = events.map((event) => {
        try {
          parse(event);
          return '';
        } catch (error) {
          return (error as Error).message;
        }
      });

      for (const message of messages) {
        expect(message).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        expect(message.length).toBeLessThan(1_000);
      }
    }),
    { numRuns: 300 },
  );
});
