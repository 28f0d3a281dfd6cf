import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createTokenClient, type TokenClientOptions } from '../client/token-client.ts';
import { ERRORS, type ErrorCode } from '../lambda/errors.ts';
import type { Post, PostResponse } from '../lambda/google/post.ts';
import { START_MS, settled } from './make-time.ts';
import { thrownBy } from './vendor-rig.ts';

const API = 'https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com';
const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:vendor';
const KEYS = {
  accessKeyId: 'AKIAEXAMPLEEXAMPLE01',
  secretAccessKey: 'canary/secret',
  sessionToken: 'canary-session',
};
const CODES = Object.entries(ERRORS).map(([code, error]) => ({ code: code as ErrorCode, ...error }));
const GRANTED = {
  access_token: 'ya29.token',
  token_type: 'Bearer',
  expires_in: 3_599,
  expires_at: '2026-01-01T00:59:59Z',
  scope: 'https://www.googleapis.com/auth/cloud-platform',
};

type Sent = { readonly url: URL; readonly headers: Readonly<Record<string, string>>; readonly text: string };
type Answer = Partial<PostResponse> | Error;

function json(status: number, body: object, headers: PostResponse['headers'] = {}): Answer {
  return { status, headers, body: JSON.stringify(body) };
}

/** A client whose network gives the answers in their order, the last of them for good; its clock goes by its sleeps. */
function answered(answers: readonly Answer[], options: TokenClientOptions = { url: API }) {
  const sent: Sent[] = [];
  const slept: number[] = [];
  let nowMs = START_MS;
  const post: Post = async (url, body) => {
    sent.push({ url, ...(body as Omit<Sent, 'url'>) });
    const answer = answers[Math.min(sent.length, answers.length) - 1] ?? {};
    if (answer instanceof Error) {
      throw answer;
    }
    return { status: 200, headers: {}, body: '', ...answer };
  };
  const client = createTokenClient(
    { credentials: KEYS, ...options },
    {
      environment: { AWS_REGION: 'eu-west-1' },
      post,
      now: () => nowMs,
      random: () => 0.5,
      sleep: async (ms) => {
        slept.push(ms);
        nowMs += ms;
      },
    },
  );
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { client, sent, slept, pass };
}

/** The vendor's error as each door gives it. */
const DOORS: readonly (readonly [
  string,
  TokenClientOptions,
  (error: (typeof CODES)[number], message: string) => Answer,
])[] = [
  [
    'HTTP',
    { url: API },
    ({ code, status }, message) => json(status, { error: code, error_description: message, request_id: '1' }),
  ],
  [
    'Lambda',
    { functionName: FUNCTION },
    ({ thrownAs }, message) =>
      json(200, { errorType: thrownAs, errorMessage: message }, { 'x-amz-function-error': 'Unhandled' }),
  ],
];
const TABLE = DOORS.flatMap(([door, options, answer]) =>
  CODES.map((error) => ({ door, options, answer, ...error })),
);

test.each(TABLE)(
  '$door: $code is thrown as $thrownAs, in the vendor’s words',
  async ({ options, answer, ...error }) => {
    const { client } = answered([answer(error, 'What is wrong.')], options);

    const thrown = await thrownBy(client.accessToken());

    expect(thrown).toMatchObject({ name: error.thrownAs, code: error.code, message: 'What is wrong.' });
  },
);

test.each(TABLE)(
  '$door: after $code it asks again only if that may help',
  async ({ options, answer, ...error }) => {
    const { client, sent, slept } = answered([answer(error, 'Wrong.'), json(200, GRANTED)], options);

    const token = client.accessToken();

    if (error.retryable) {
      expect((await token).token).toBe('ya29.token');
      expect(slept).toEqual([100]);
    } else {
      expect(await thrownBy(token)).toMatchObject({ code: error.code });
      expect(sent).toHaveLength(1);
    }
  },
);

test('waits twice as long each time, for a part of it that chance says, and gives up after four', async () => {
  const { client, sent, slept } = answered([json(500, { message: 'Internal Server Error' })]);

  expect(await thrownBy(client.accessToken())).toMatchObject({ code: 'credential_unavailable' });
  expect(slept).toEqual([100, 200, 400]);
  expect(sent).toHaveLength(4);
});

test.each([429, 503])('waits as long as a %i says', async (status) => {
  const { client, slept } = answered([json(status, {}, { 'retry-after': '3' }), json(200, GRANTED)]);

  await client.accessToken();

  expect(slept).toEqual([3_000]);
});

test('does not wait for longer than its own time, and passes on how long to wait', async () => {
  const { client, slept } = answered([json(503, {}, { 'retry-after': '60' })]);

  expect(await thrownBy(client.accessToken())).toMatchObject({ retryAfterSeconds: 60 });
  expect(slept).toEqual([]);
});

test.each<[what: string, fault: Error, code: string]>([
  ['a time-out', new DOMException('late', 'TimeoutError'), 'timeout'],
  ['a reset', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), 'credential_unavailable'],
])('asks again after %s, and says so if it stays', async (_, fault, code) => {
  const { client } = answered([fault, json(200, GRANTED)]);
  const { client: unlucky } = answered([fault]);

  expect((await client.accessToken()).token).toBe('ya29.token');
  expect(await thrownBy(unlucky.accessToken())).toMatchObject({
    code,
    message: expect.stringContaining('a1b2c3d4e5.execute-api'),
  });
});

const ARN = 'arn:aws:execute-api:eu-west-1:ACCOUNT:a1b2c3d4e5/$default/POST/token';

test.each<[status: number, body: object, headers: PostResponse['headers'], code: string, words: RegExp]>([
  [
    403,
    { message: 'Forbidden' },
    {},
    'access_denied',
    /execute-api:Invoke on arn:aws:execute-api:eu-west-1:ACCOUNT:a1b2c3d4e5\/\$default\/POST\/token .*grantVend.*get-caller-identity/,
  ],
  [
    403,
    {
      Message: `User: arn:aws:sts::1:assumed-role/job/1 is not authorized to perform: execute-api:Invoke on resource: ${ARN}`,
    },
    {},
    'access_denied',
    /arn:aws:sts::1:assumed-role\/job\/1, whose policy lacks execute-api:Invoke/,
  ],
  [403, { message: 'Missing Authentication Token' }, {}, 'invalid_request', /no profile "default"/],
  [404, { message: 'Not Found' }, {}, 'invalid_request', /no profile "default"/],
  [
    403,
    { message: 'The security token included in the request is expired' },
    { 'x-amzn-errortype': 'ExpiredTokenException' },
    'credential_invalid',
    /session is over/,
  ],
  [
    403,
    { message: 'Signature expired' },
    { 'x-amzn-errortype': 'InvalidSignatureException' },
    'credential_invalid',
    /clock/,
  ],
  [401, { message: 'Unauthorized' }, {}, 'access_denied', /execute-api:Invoke/],
  [429, { message: 'Too Many Requests' }, {}, 'credential_unavailable', /takes no more calls/],
  [500, { message: 'Internal Server Error' }, {}, 'credential_unavailable', /its log/],
  [503, { message: 'Service Unavailable' }, {}, 'credential_unavailable', /503/],
  [504, { message: 'Endpoint request timed out' }, {}, 'timeout', /504/],
  [301, {}, {}, 'server_error', /301.*TokenApiUrl/],
  [200, [], {}, 'server_error', /TokenApiUrl/],
])('says what to do about %i %j of API Gateway’s own', async (status, body, headers, code, words) => {
  const { client } = answered([json(status, body, headers)]);

  expect(await thrownBy(client.accessToken())).toMatchObject({ code, message: expect.stringMatching(words) });
});

test('the route and its ARN are those of the stage and the profile', async () => {
  const { client, sent } = answered([json(403, { message: 'Forbidden' })], {
    url: `${API}/prod/`,
    profile: 'reports',
  });

  const error = await thrownBy(client.accessToken());

  expect(sent[0]?.url.href).toBe(`${API}/prod/profiles/reports/token`);
  expect(error?.message).toContain('a1b2c3d4e5/prod/POST/profiles/reports/token');
});

test('behind a custom domain it says which part of the ARN is not known, and which region was signed for', async () => {
  const { client } = answered([json(403, { message: 'Forbidden' })], {
    url: 'https://tokens.example.com/vendor',
    region: 'cn-north-1',
  });

  expect((await thrownBy(client.accessToken()))?.message).toMatch(
    /arn:aws-cn:execute-api:cn-north-1:ACCOUNT:API\/STAGE\/POST\/token .*for the region cn-north-1/,
  );
});

test.each<[what: string, answer: object]>([
  ['no token', { ...GRANTED, access_token: undefined }],
  ['an empty token', { ...GRANTED, access_token: '' }],
  ['a token that no header may hold', { ...GRANTED, access_token: 'a\r\nb' }],
  ['no end', { ...GRANTED, expires_in: undefined }],
  ['an end that is no number', { ...GRANTED, expires_in: '3599' }],
  ['an end that is over', { ...GRANTED, expires_in: 0 }],
  ['an ID token', { ...GRANTED, access_token: undefined, id_token: 'a.b.c' }],
])('an answer with %s is none of the vendor’s', async (_, answer) => {
  const { client } = answered([json(200, answer)]);

  expect(await thrownBy(client.accessToken())).toMatchObject({ code: 'server_error' });
});

test('an ID token for another audience is given to nobody', async () => {
  const { client } = answered([
    json(200, {
      ...GRANTED,
      access_token: undefined,
      id_token: 'a.b.c',
      audience: 'https://other.example.com',
    }),
  ]);

  expect(await thrownBy(client.idToken({ audience: 'https://mine.example.com' }))).toMatchObject({
    code: 'server_error',
  });
});

test('no secret, session or token is in an error or in what lies underneath', async () => {
  const words = 'Wrong: ya29.canary-token and eyJhbGciOiJSUzI1NiJ9.canary';
  const answers: readonly Answer[] = [
    json(403, { message: 'Forbidden' }),
    json(403, { message: 'canary-session' }, { 'x-amzn-errortype': 'InvalidSignatureException' }),
    json(400, { error: 'invalid_request', error_description: words }),
    { status: 502, body: 'canary-token' },
    { status: 200, body: '{"access_token": "canary-token"}' },
  ];
  const thrown = json(
    200,
    { errorType: 'GoogleRefused', errorMessage: words },
    { 'x-amz-function-error': 'Unhandled' },
  );
  const all = [
    ...answers.map((answer) => answered([answer])),
    answered([thrown], { functionName: FUNCTION }),
    answered([json(403, { Message: 'canary-session' })], { functionName: FUNCTION }),
  ];
  const texts = await Promise.all(
    all.map(async ({ client }) => {
      const error = await thrownBy(client.accessToken());
      return `${error?.message}\n${inspect(error)}`;
    }),
  );

  expect(texts.join('\n')).not.toMatch(/canary|AKIA/);
});

test('signs for execute-api what it posts, with the session', async () => {
  const { client, sent } = answered([json(200, GRANTED)]);

  await client.accessToken({ scopes: 'storage-ro', subject: 'alice@example.com' });

  expect(sent[0]?.url.href).toBe(`${API}/token`);
  expect(JSON.parse(sent[0]?.text ?? '')).toEqual({
    scopes: ['https://www.googleapis.com/auth/devstorage.read_only'],
    subject: 'alice@example.com',
  });
  expect(sent[0]?.headers).toMatchObject({
    authorization: expect.stringContaining('/eu-west-1/execute-api/aws4_request'),
    'x-amz-security-token': KEYS.sessionToken,
  });
});

test('sets of scopes that mean the same share one token', async () => {
  const { client, sent } = answered([json(200, GRANTED)]);

  await client.accessToken({ scopes: ['pubsub', 'storage-ro'] });
  await client.accessToken({ scopes: 'https://www.googleapis.com/auth/devstorage.read_only,pubsub' });

  expect(sent).toHaveLength(1);
});

test.each<[string, Parameters<ReturnType<typeof answered>['client']['accessToken']>[0]]>([
  ['scopes', { scopes: 'pubsub' }],
  ['subject', { subject: 'alice@example.com' }],
  ['lifetime', { lifetimeSeconds: 900 }],
])('keeps tokens apart that differ in their %s', async (_, query) => {
  const { client, sent } = answered([json(200, GRANTED)]);

  await client.accessToken();
  await client.accessToken(query);

  expect(sent).toHaveLength(2);
});

test('a token of the vendor’s cache is renewed as early as one that is new', async () => {
  const { client, sent, pass } = answered([
    json(200, { ...GRANTED, expires_in: 700 }),
    json(200, { ...GRANTED, access_token: 'ya29.next' }),
  ]);

  const first = await client.accessToken();
  pass(150_000);
  const beside = await client.accessToken();
  await settled();
  const second = await client.accessToken();

  expect([first, beside, second].map(({ token }) => token)).toEqual([
    'ya29.token',
    'ya29.token',
    'ya29.next',
  ]);
  expect(sent).toHaveLength(2);
});

test('asks no more than every 5 seconds while the vendor has nothing newer', async () => {
  const { client, sent, pass } = answered([json(200, { ...GRANTED, expires_in: 350 })]);

  await client.accessToken();
  for (let call = 0; call < 100; call += 1) {
    pass(100);
    await client.accessToken();
  }

  expect(sent.length).toBeLessThanOrEqual(4);
});

test('the end of a token is by this machine’s clock, whatever the time is elsewhere', async () => {
  const { client } = answered([json(200, { ...GRANTED, expires_at: '2030-01-01T00:00:00Z' })]);

  expect((await client.accessToken()).expiresAtMs).toBe(START_MS + 3_599_000);
});

const OLD = { accessKeyId: 'ASIAOLD', secretAccessKey: 'old' };
const NEW = { accessKeyId: 'ASIANEW', secretAccessKey: 'new' };
const REFUSALS: readonly [door: string, options: TokenClientOptions, refusal: Answer][] = [
  ['HTTP', { url: API }, json(403, { message: 'Forbidden' })],
  ['Lambda', { functionName: FUNCTION }, json(403, {}, { 'x-amzn-errortype': 'ExpiredTokenException' })],
];

test.each(REFUSALS)(
  '%s: credentials that are refused are loaded anew, and asked with at once',
  async (_, options, refusal) => {
    const credentials = async ({ forceRefresh = false } = {}) => {
      if (forceRefresh) {
        current = NEW;
      }
      return current;
    };
    let current = OLD;
    const { client, sent, slept } = answered([refusal, json(200, GRANTED)], { ...options, credentials });

    await client.accessToken();

    expect(sent.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1])).toEqual([
      'ASIAOLD',
      'ASIANEW',
    ]);
    expect(slept).toEqual([]);
  },
);

test.each(REFUSALS)(
  '%s: credentials that are the same again are not asked with again',
  async (_, options, refusal) => {
    const { client, sent } = answered([refusal], { ...options, credentials: async () => OLD });

    expect(await thrownBy(client.accessToken())).toMatchObject({
      code: expect.stringMatching(/denied|invalid/),
    });
    expect(sent).toHaveLength(1);
  },
);

test('a door that refuses all credentials is not asked for ever', async () => {
  let serial = 0;
  const credentials = async () => {
    serial += 1;
    return { accessKeyId: `ASIA${serial}`, secretAccessKey: 'x' };
  };
  const { client, sent } = answered([json(403, { message: 'Forbidden' })], { url: API, credentials });

  expect(await thrownBy(client.accessToken())).toMatchObject({ code: 'access_denied' });
  expect(sent).toHaveLength(2);
});

test('credentials that never come are not waited for longer than a token may take', async () => {
  const client = createTokenClient(
    { url: API, timeoutMs: 100, credentials: () => new Promise(() => {}) },
    { environment: {}, post: () => expect.unreachable() },
  );

  expect(await thrownBy(client.accessToken())).toMatchObject({ code: 'timeout' });
});

test('credentials that are refused, and then never come anew, are not waited for either', async () => {
  const client = createTokenClient(
    {
      url: API,
      timeoutMs: 200,
      credentials: (options) => (options?.forceRefresh ? new Promise(() => {}) : Promise.resolve(KEYS)),
    },
    { environment: {}, post: async () => ({ status: 403, headers: {}, body: '{"message":"Forbidden"}' }) },
  );

  expect(await thrownBy(client.accessToken())).toMatchObject({ code: 'access_denied' });
});

test('tokens that are near their end when they come cost one question in 5 seconds', async () => {
  const serial = (index: number) => json(200, { ...GRANTED, access_token: `ya29.${index}`, expires_in: 300 });
  const { client, sent, pass } = answered(Array.from({ length: 9 }, (_, index) => serial(index)));

  for (let call = 0; call < 20; call += 1) {
    await client.accessToken();
  }
  const atFirst = sent.length;
  pass(5_001);
  await client.accessToken();
  await settled();

  expect(atFirst).toBe(1);
  expect(sent).toHaveLength(2);
});

test.each([-1, 0, '3600', null, 86_401, 1e300])('a token for %s seconds is nobody’s', async (seconds) => {
  const { client } = answered([json(200, { ...GRANTED, expires_in: seconds })]);

  expect(await thrownBy(client.accessToken())).toMatchObject({ code: 'server_error' });
});

test.each([
  'ftp://me:CANARY@example.com/',
  'me:CANARY@example.com',
  '//me:CAN/ARY@example.com',
  'https:/me:CANARY@a.example',
])('shows no password of the address %s, which it refuses', (url) => {
  expect(() => createTokenClient({ url })).toThrow(/^(?!.*(?:CANARY|CAN.ARY)).*(?:no https URL|a user)/);
});
