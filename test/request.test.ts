import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDoor } from '../lambda/door.ts';
import { VendError } from '../lambda/errors.ts';
import { isAudience } from '../lambda/policy/audiences.ts';
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

test('asks for a user, with the scopes or for all that the profile has', () => {
  expect(parse({ subject: 'alice@example.com' })).toEqual({
    kind: 'access_token',
    scopes: undefined,
    subject: 'alice@example.com',
  });
  expect(parse({ scope: 'storage-ro', subject: 'alice@example.com', lifetime: 3_600 })).toEqual({
    kind: 'access_token',
    scopes: [STORAGE_RO],
    subject: 'alice@example.com',
    lifetimeSeconds: 3_600,
  });
});

test.each([
  '',
  'alice',
  'Alice@example.com',
  'alice@EXAMPLE.com',
  '*@example.com',
  'alice@example.com ',
  'alice@example.com\n',
  'alice@evil.example@example.com',
  'аlice@example.com',
  `${'a'.repeat(65)}@example.com`,
  null,
  undefined,
  7,
  true,
  [],
  ['alice@example.com'],
  {},
])('refuses the subject %j', async (subject) => {
  expect(await refusalOf({ subject })).toMatch(
    /^subject: .+ is not the e-mail address of a user, in lower case\.$/,
  );
});

test.each<[unknown, number]>([
  [600, 600],
  [900, 900],
  [900.0, 900],
  [43_200, 43_200],
  ['600', 600],
  ['900', 900],
  ['43200', 43_200],
])('takes %j for a lifetime', (lifetime, lifetimeSeconds) => {
  expect(parse({ lifetime })).toEqual({ kind: 'access_token', scopes: undefined, lifetimeSeconds });
});

test.each([
  599,
  43_201,
  600.5,
  0,
  -0,
  -600,
  1e21,
  1e300,
  Number.MAX_SAFE_INTEGER,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  ' ',
  '0',
  '599',
  '43201',
  '600.0',
  '600.5',
  '600,0',
  '1e3',
  '1E3',
  ' 900',
  '900 ',
  '\t900',
  '900\n',
  '0900',
  '00900',
  '000900',
  '+900',
  '-900',
  '0x384',
  '0o1604',
  '0b1110000100',
  '1_000',
  '1,000',
  '900s',
  '15m',
  '1h',
  'PT15M',
  'max',
  'NaN',
  'Infinity',
  '９００',
  '٩٠٠',
  '9'.repeat(400),
  null,
  undefined,
  true,
  [],
  [900],
  ['900'],
  {},
  900n,
])('refuses the lifetime %s', async (lifetime) => {
  const refusal = await refusalOf({ lifetime });

  expect(refusal).toMatch(/^lifetime: .+ is not a whole number of seconds from 600 to 43200\.$/);
  expect(refusal.length).toBeLessThan(250);
});

test('a number and its text are one lifetime, and no other text is', () => {
  const spelling = fc.oneof(
    fc.integer({ min: 0, max: 50_000 }).map(String),
    fc.double().map(String),
    fc.stringMatching(/^[ +0-9._eExX-]{1,7}$/),
    anyText(8),
  );
  fc.assert(
    fc.property(spelling, (lifetime) => {
      const seconds = Number(lifetime);
      const isPlain = String(seconds) === lifetime && Number.isInteger(seconds);
      const expected = isPlain && seconds >= 600 && seconds <= 43_200 ? undefined : 'invalid_request';

      expect(judge({ lifetime })).toBe(expected);
      if (expected === undefined) {
        expect(parse({ lifetime })).toEqual(parse({ lifetime: seconds }));
      }
    }),
    { numRuns: 2_000 },
  );
});

test.each<[string, string, unknown]>([
  ['scopes', 'scopes', ['openid']],
  ['scope', 'scopes', 'openid'],
  ['a subject', 'subject', 'alice@example.com'],
  ['a lifetime', 'lifetime', 900],
  ['a subject that is none', 'subject', ''],
  ['a lifetime that is none', 'lifetime', 'x'],
])('refuses an audience together with %s', async (what, name, value) => {
  const field = what === 'scope' ? 'scope' : name;

  expect(await refusalOf({ audience: 'https://example.com', [field]: value })).toBe(
    `Ask for an audience (an ID token) or for ${name} (an access token), not for both: they are two tokens.`,
  );
});

test.each(['subject', 'lifetime'])(
  'refuses a %s that is there twice, also if both say the same',
  async (name) => {
    const value = name === 'subject' ? 'alice@example.com' : '900';
    const failure = await failureOf(() =>
      parseRequest([
        [name, value],
        [name, value],
      ]),
    );

    expect(failure.message).toBe(`${name}: the parameter is there twice.`);
  },
);

test.each([600, 3_599, 3_601, 43_200, '900'])(
  'refuses the lifetime %j for a user, whose tokens Google makes out for an hour',
  async (lifetime) => {
    expect(await refusalOf({ subject: 'alice@example.com', lifetime })).toBe(
      'lifetime: a token for a user always lives for 3600 seconds; leave it out.',
    );
  },
);

test.each([
  'Subject',
  'sub',
  'subjects',
  'user',
  'Lifetime',
  'maxLifetime',
  'lifetimeSeconds',
  'expires_in',
  'impersonate',
  'delegates',
  'selfSigned',
  'boundary',
  'credential',
  'profile',
])('knows no parameter %s', async (name) => {
  expect(await refusalOf({ [name]: 'x' })).toBe(
    `"${name}" is not a parameter; there are audience, scopes (or scope), subject and lifetime.`,
  );
});

test.each([httpApiEvent, restApiEvent])('takes both from a query, a form and JSON', (make) => {
  const query = 'subject=alice%40example.com&lifetime=3600&scope=storage-ro';
  const post = (type: string, body: string) =>
    make({ method: 'POST', headers: { 'content-type': type }, body });
  const events = [
    make({ query }),
    post('application/x-www-form-urlencoded', query),
    post('application/json', '{"subject":"alice@example.com","lifetime":3600,"scope":"storage-ro"}'),
    post('application/json', '{"subject":"alice@example.com","lifetime":"3600","scope":["storage-ro"]}'),
  ];

  const requests = events.map((event) => parseRequest(openDoor(event).parameters()));

  expect(requests).toEqual(
    events.map(() => ({
      kind: 'access_token',
      scopes: [STORAGE_RO],
      subject: 'alice@example.com',
      lifetimeSeconds: 3_600,
    })),
  );
});

test('a plus in a query is a space, and so no plus of an address', async () => {
  const failure = await failureOf(() =>
    parseRequest(openDoor(httpApiEvent({ query: 'subject=alice+x@example.com' })).parameters()),
  );

  expect(failure.message).toContain('subject: "alice x@example.com"');
});

const JUNK_TEXT = fc.oneof(
  fc.string({ maxLength: 40 }),
  anyText(40),
  fc.constantFrom(
    'audience',
    'scopes',
    'scope',
    'subject',
    'lifetime',
    'alice@example.com',
    '900',
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

test('what comes through is an audience, or a sorted set of scopes, a user and seconds, in which no control character is', () => {
  const fields = fc.oneof(
    fc.record({
      audience: fc.oneof(
        JUNK,
        JUNK_TEXT.map((end) => `https://example.com/${end}`),
      ),
    }),
    fc.record(
      {
        scopes: fc.oneof(JUNK, fc.array(fc.constantFrom('openid', 'pubsub', 'default', 'email'))),
        subject: fc.oneof(
          { weight: 1, arbitrary: JUNK },
          { weight: 3, arbitrary: JUNK_TEXT.map((name) => `${name}@example.com`) },
        ),
        lifetime: fc.oneof(
          { weight: 1, arbitrary: JUNK },
          { weight: 3, arbitrary: fc.integer({ min: 500, max: 45_000 }) },
        ),
      },
      { requiredKeys: [] },
    ),
  );
  fc.assert(
    fc.property(fields, (value) => {
      fc.pre(judge(value) === undefined);
      const request = parse(value);
      const scopes = request.kind === 'access_token' ? (request.scopes ?? []) : [];
      const { subject, lifetimeSeconds: seconds } = { subject: '', lifetimeSeconds: 900, ...request };

      expect([...scopes, subject].join()).not.toMatch(/[\s\p{Cc}]/u);
      expect(request.kind === 'access_token' || isAudience(request.audience)).toBe(true);
      expect(scopes).toEqual([...new Set(scopes)].sort());
      expect(subject).toMatch(/^(?:[a-z0-9._'+-]+@example\.com)?$/);
      expect(Number.isInteger(seconds) && seconds >= 600 && seconds <= 43_200).toBe(true);
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
    { subject: secret },
    { subject: `${secret}@Example.com` },
    { lifetime: secret },
    { lifetime: `900 ${secret}` },
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
      const events = [
        { [name]: value },
        { audience: value },
        { scopes: [value] },
        { subject: value },
        { lifetime: value },
      ];

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
