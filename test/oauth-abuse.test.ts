import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { contextFor } from './make-event.ts';
import { basic, FORM, type OAuthReply, type OAuthRig, startOAuthRig } from './oauth-rig.ts';

const GRANT = 'grant_type=client_credentials';

let rig: OAuthRig;

beforeEach(async () => {
  const started = await startOAuthRig();
  rig = started;
  onTestFinished(started.close);
});

function formOf(name: 'caller' | 'reader' | 'reports'): string {
  return `${GRANT}&client_id=${name}&client_secret=${rig.secretOf(name)}`;
}

/** All of an answer but what is its own: the request's id, and the time. */
function shapeOf({ status, headers, body }: OAuthReply): unknown {
  const { request_id: _, ...rest } = body;
  const own = new Set(['date', 'apigw-requestid']);
  return { status, body: rest, headers: [...headers].filter(([name]) => !own.has(name)) };
}

function readsOfRegistries(): number {
  return rig.vendor.secretsManager.requests.filter(
    ({ action, secretId }) => action === 'GetSecretValue' && secretId?.includes('registry/'),
  ).length;
}

function expectNoToken({ text }: OAuthReply): void {
  expect(text).not.toMatch(/access_token|eyJ|ya29\./);
}

test('an unknown client, a wrong secret, no secret and a broken header get the same answer', async () => {
  const replies = [
    await rig.ask('nobody', rig.secretOf('caller')),
    await rig.ask('caller', rig.secretOf('reader')),
    await rig.ask('caller', ''),
    await rig.ask('', ''),
    await rig.ask('__proto__', 'x'),
    await rig.post(GRANT, { ...FORM, authorization: basic('nobody', 'x') }),
    await rig.post(GRANT, { ...FORM, authorization: 'Basic !!!' }),
    await rig.post(GRANT, { ...FORM, authorization: 'Basic' }),
    await rig.post(GRANT, { ...FORM, authorization: `Bearer ${rig.secretOf('caller')}` }),
    await rig.post(GRANT, { ...FORM, authorization: basic('caller:x', rig.secretOf('caller')) }),
    await rig.post(GRANT, { ...FORM, authorization: `Basic ${Buffer.from('nocolon').toString('base64')}` }),
    await rig.post(GRANT, { ...FORM, authorization: basic('caller', '%zz') }),
    await rig.post(GRANT, {
      ...FORM,
      authorization: `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`,
    }),
  ];

  const shapes = replies.map(shapeOf);

  expect(shapes).toEqual(Array(replies.length).fill(shapes[0]));
  expect(replies[0]?.status).toBe(401);
});

test('an unknown client costs the same comparisons and the same reads as a wrong secret', async () => {
  const work = async (clientId: string) => {
    const before = [rig.compared(), readsOfRegistries()] as const;
    await rig.ask(clientId, 'wrong');
    return [rig.compared() - before[0], readsOfRegistries() - before[1]];
  };

  const known = [await work('caller'), await work('caller')];
  rig.vendor.advance(120_000);
  const unknown = [await work('nobody'), await work('nobody')];

  expect(known).toEqual([
    [4, 2],
    [2, 0],
  ]);
  expect(unknown).toEqual(known);
});

test('guessing hammers neither Secrets Manager nor Google', async () => {
  await rig.ask('caller', 'a');
  const before = readsOfRegistries();

  for (let guess = 0; guess < 50; guess += 1) {
    const { status } = await rig.ask('caller', randomBytes(32).toString('hex'));
    expect(status).toBe(401);
  }

  expect(readsOfRegistries() - before).toBe(0);
  expect(rig.vendor.google.exchanges).toEqual([]);
});

test('a part of a secret, more than it, and its digest are not the secret', async () => {
  const secret = rig.secretOf('caller');
  const digest = JSON.parse(rig.registryOf('caller') ?? '').secrets[0].sha256;

  const replies = await Promise.all(
    [secret.slice(1), `${secret}0`, secret.toUpperCase(), `${secret} `, digest].map((text) =>
      rig.ask('caller', text),
    ),
  );

  expect(replies.map(({ status }) => status)).toEqual(Array(5).fill(401));
});

test("a client of one profile gets neither another profile's audience nor its own profile's other scopes", async () => {
  const replies = [
    await rig.post(`${formOf('reports')}&audience=${FUNCTION_AUDIENCE}`),
    await rig.post(`${formOf('reports')}&scope=cloud-platform`),
    await rig.post(`${formOf('caller')}&scope=cloud-platform`),
    await rig.post(`${formOf('caller')}&audience=https://europe-west1-example.cloudfunctions.net/other`),
  ];

  expect(replies.map(({ body }) => body.error)).toEqual([
    'invalid_target',
    'invalid_scope',
    'invalid_scope',
    'invalid_target',
  ]);
  expect(rig.vendor.google.exchanges).toEqual([]);
});

test('what the vendor would take is not passed on: subject, lifetime, scopes, a profile, an event', async () => {
  const more = 'subject=a@example.com&lifetime=43200&scopes=cloud-platform&profile=default&requestContext=x';

  const { status, body } = await rig.post(`${formOf('reports')}&${more}`);

  expect([status, body.scope]).toEqual([200, 'https://www.googleapis.com/auth/devstorage.read_only']);
  expect(rig.vendor.visits).toMatchObject([{ profile: 'reports', request: { kind: 'access_token' } }]);
});

test('whatever scope is asked for, none is given beyond those of the client', async () => {
  const scope = fc.array(
    fc.oneof(fc.constantFrom('storage-ro', 'cloud-platform', 'storage-full', 'openid', '*'), fc.string()),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(scope, async (names) => {
      const { status, body } = await rig.ask('reports', rig.secretOf('reports'), { scope: names.join(' ') });
      if (status === 200) {
        expect(body.scope).toBe('https://www.googleapis.com/auth/devstorage.read_only');
      } else {
        expect(body).not.toHaveProperty('access_token');
      }
    }),
    { numRuns: 60 },
  );
});

test.each<[string, (secret: string) => [string, Record<string, string>?, string?]]>([
  ['the secret in the query', (secret) => [GRANT, FORM, `?client_id=caller&client_secret=${secret}`]],
  ['a query beside the form', () => [formOf('caller'), FORM, '?x=1']],
  [
    'two ways to authenticate',
    (secret) => [formOf('caller'), { ...FORM, authorization: basic('caller', secret) }],
  ],
  ['two ways, one of them wrong', () => [formOf('caller'), { ...FORM, authorization: basic('nobody', 'x') }]],
  [
    'another client id beside the header',
    (secret) => [`${GRANT}&client_id=reader`, { ...FORM, authorization: basic('caller', secret) }],
  ],
  ['a client id twice', () => [`${formOf('caller')}&client_id=reader`]],
  ['a secret twice', (secret) => [`${formOf('caller')}&client_secret=${secret}`]],
  ['an unknown parameter twice', () => [`${formOf('caller')}&x=1&x=2`]],
  [
    'JSON',
    (secret) => [
      JSON.stringify({ grant_type: 'client_credentials', client_id: 'caller', client_secret: secret }),
      { 'content-type': 'application/json' },
    ],
  ],
  ['JSON that says it is a form', (secret) => [`{"client_secret":"${secret}"}=%zz`]],
  ['another content type', () => [formOf('caller'), { 'content-type': 'text/plain' }]],
  ['a multipart type', () => [formOf('caller'), { 'content-type': 'multipart/form-data; boundary=x' }]],
  ['another charset', () => [formOf('caller'), { 'content-type': `${FORM['content-type']}; charset=utf-7` }]],
  ['a huge body', () => [`${formOf('caller')}&x=${'x'.repeat(9_000)}`]],
  [
    'many parameters',
    () => [`${formOf('caller')}${Array.from({ length: 40 }, (_, n) => `&p${n}=1`).join('')}`],
  ],
  ['no body', () => ['']],
  ['NUL', () => [`${formOf('caller')}%00`]],
  ['a line end in the client id', () => [`${GRANT}&client_id=caller%0d%0a&client_secret=x`]],
  ['a C1 control character', () => [`${formOf('caller')}&x=%C2%85`]],
  ['a broken escape', () => [`${formOf('caller')}&x=%E0%A4%A`]],
  ['text that is not UTF-8', () => [`${formOf('caller')}&x=%ff`]],
])('%s is refused before anything is looked up', async (_, make) => {
  const [body, headers, query] = make(rig.secretOf('caller'));

  const before = rig.compared();
  const reply = await rig.post(body, headers, query);

  expect([400, 401]).toContain(reply.status);
  expectNoToken(reply);
  if (reply.status === 400) {
    expect(rig.compared()).toBe(before);
  }
});

test('a huge body, a huge header and a header twice end before anything is looked up', async () => {
  const huge = await rig.post(`${GRANT}&x=${'x'.repeat(1_000_000)}`);
  const header = await rig.post(GRANT, { ...FORM, authorization: `Basic ${'QUFB'.repeat(1_000)}` });
  const right = basic('caller', rig.secretOf('caller'));
  const twice = await rig.post(GRANT, { ...FORM, authorization: `${right}, ${right}` });

  expect([huge.status, header.status, twice.status]).toEqual([400, 401, 401]);
});

/** An event of the gateway's as whoever may invoke the function could write it. */
function craft(more: Record<string, unknown> = {}, http: Record<string, unknown> = {}): unknown {
  return {
    version: '2.0',
    rawQueryString: '',
    headers: FORM,
    requestContext: { http: { method: 'POST', sourceIp: '192.0.2.1', ...http } },
    body: GRANT,
    isBase64Encoded: false,
    ...more,
  };
}

const IAM = { authorizer: { iam: { userArn: 'arn:aws:iam::123456789012:user/admin' } } };

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['text', 'client_credentials'],
  ['a list', [1]],
  ['a request for a token', { audience: FUNCTION_AUDIENCE }],
  ['the fields of a request', { scopes: ['cloud-platform'], client_id: 'caller' }],
  ['an event without credentials', craft()],
  ['an event with an IAM identity', craft({ requestContext: { http: { method: 'POST' }, ...IAM } })],
  ['an event that names its client', craft({ client: { id: 'caller', profile: 'default' } })],
  ['a GET', craft({}, { method: 'GET' })],
  [
    'two spellings of a header',
    craft({ headers: { ...FORM, Authorization: 'Basic eDp5', authorization: 'Basic eDp5' } }),
  ],
  ['a header that is a list', craft({ headers: { ...FORM, authorization: ['Basic eDp5'] } })],
  ['a header that is an object', craft({ headers: { ...FORM, authorization: { toString: 'x' } } })],
  ['headers that are no object', craft({ headers: 'content-type: x' })],
  ['a query that is decoded already', craft({ queryStringParameters: { client_id: 'caller' } })],
  ['a body that is no text', craft({ body: { grant_type: 'client_credentials' } })],
  ['a body that says it is base64', craft({ isBase64Encoded: true, body: '////' })],
  ['a step of a rotation', { Step: 'setSecret', SecretId: 'x', ClientRequestToken: 'y' }],
])('the function invoked directly with %s gives nothing, and does not fail', async (_, event) => {
  const answer = (await rig.handler(event, contextFor(undefined))) as { statusCode: number; body: string };

  expect([400, 401]).toContain(answer.statusCode);
  expect(answer.body).not.toMatch(/access_token|eyJ|ya29\./);
  expect(rig.vendor.google.exchanges).toEqual([]);
});

test.each<[string, (right: string) => unknown]>([
  ['a GET', (authorization) => craft({ headers: { ...FORM, authorization } }, { method: 'GET' })],
  [
    'two spellings of the header',
    (authorization) => craft({ headers: { ...FORM, Authorization: 'Basic eDp5', authorization } }),
  ],
  [
    'a query that is decoded already',
    (authorization) =>
      craft({ headers: { ...FORM, authorization }, queryStringParameters: { scope: 'email' } }),
  ],
  [
    'a header that is far too long',
    (authorization) =>
      craft({ headers: { ...FORM, authorization: authorization.replace(' ', ' '.repeat(3_000)) } }),
  ],
])('not even the right credentials get a token with %s', async (_, make) => {
  const right = basic('caller', rig.secretOf('caller'));
  const statusOf = async (event: unknown) =>
    ((await rig.handler(event, contextFor(undefined))) as { statusCode: number }).statusCode;

  expect(await statusOf(craft({ headers: { ...FORM, authorization: right } }))).toBe(200);
  expect([400, 401]).toContain(await statusOf(make(right)));
});

test('whatever event it is invoked with, it answers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything(), fc.anything(), fc.string(), async (headers, body, rawQueryString) => {
      const event = { headers, body, rawQueryString, requestContext: { http: { method: 'POST' } } };
      const answer = (await rig.handler(event, contextFor(undefined))) as { statusCode: number };
      expect([400, 401]).toContain(answer.statusCode);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['is not JSON', 'no json'],
  ['is empty JSON', '{}'],
  ["is another client's", '{"client_id":"reader","secrets":[]}'],
  ['has a digest that is none', '{"client_id":"caller","secrets":[{"sha256":"00"}]}'],
  ['has no digests', '{"client_id":"caller","secrets":"x"}'],
  [
    'has three',
    JSON.stringify({ client_id: 'caller', secrets: Array(3).fill({ sha256: '0'.repeat(64), version: 'x' }) }),
  ],
])('a registry that %s lets nobody in, and the answer says nothing of it', async (_, text) => {
  rig.setRegistry('caller', text);

  const reply = await rig.ask('caller', rig.secretOf('caller'));

  expect([reply.status, reply.body.error]).toEqual([500, 'server_error']);
  expect(reply.text).not.toMatch(/registry|digest|json|secretsmanager/i);
  expectNoToken(reply);
});

test('a registry that is broken does not tell an unknown client from one with a wrong secret', async () => {
  rig.setRegistry('caller', 'no json');

  const unknown = await rig.ask('nobody', 'x');
  const wrong = await rig.ask('reader', 'x');

  expect(shapeOf(unknown)).toEqual(shapeOf(wrong));
  expect(unknown.status).toBe(401);
});

test('a registry without a good secret lets nobody in', async () => {
  rig.setRegistry('caller', '{"client_id":"caller","secrets":[]}');

  const { status } = await rig.ask('caller', rig.secretOf('caller'));

  expect(status).toBe(401);
});

test('while Secrets Manager is away nobody gets in whose registry is not known, and it is not hammered', async () => {
  rig.vendor.secretsManager.interfere(() => ({ status: 500, body: '{"__type":"InternalServiceError"}' }));

  const first = await rig.ask('caller', rig.secretOf('caller'));
  const before = readsOfRegistries();
  const second = await rig.ask('caller', rig.secretOf('caller'));

  expect([first.status, second.status]).toEqual([503, 503]);
  expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(readsOfRegistries()).toBe(before);
});

test('while Secrets Manager is away, a secret that was good stays good for a quarter of an hour', async () => {
  await rig.ask('caller', rig.secretOf('caller'));
  const secret = rig.secretOf('caller');
  rig.vendor.secretsManager.interfere(() => ({ status: 500, body: '' }));

  rig.vendor.advance(14 * 60_000);
  const within = await rig.ask('caller', secret);
  rig.vendor.advance(2 * 60_000);
  const after = await rig.ask('caller', secret);

  expect([within.status, after.status]).toEqual([200, 503]);
});

test('a log line names clients that there are, shows what is none as a digest, and has no secret and no token', async () => {
  const secret = rig.secretOf('caller');
  const wrong = `wrong-${randomBytes(16).toString('hex')}`;
  const replies = [
    await rig.ask('caller', secret),
    await rig.ask('caller', wrong),
    await rig.ask(secret, 'caller'),
    await rig.ask(`${'n'.repeat(200)}"}`, wrong),
  ];

  const lines = rig.lines.map((line) => JSON.parse(line));

  expect(rig.lines.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)).toBe(
    true,
  );
  expect(lines).toMatchObject([
    { outcome: 'vended', client: 'caller', profile: 'default', client_auth: 'form', OAuthTokens: 1 },
    { outcome: 'invalid_client', client: 'caller', OAuthFailedLogins: 1, level: 'WARN' },
    { outcome: 'invalid_client', client_sha256: expect.stringMatching(/^[0-9a-f]{16}$/) },
    { outcome: 'invalid_client', client_sha256: expect.any(String), source_ip: '127.0.0.1' },
  ]);
  expect(lines.slice(2).some((line) => 'client' in line)).toBe(false);
  const token = String(replies[0]?.body.access_token);
  for (const text of [secret, wrong, token, token.split('.')[2] ?? '', 'nnnn']) {
    expect(rig.lines.join()).not.toContain(text);
  }
});

test("a token's log line has the vendor's own fingerprint of it", async () => {
  await rig.ask('caller', rig.secretOf('caller'));

  const { hash } = await import('node:crypto');
  const [visit] = rig.vendor.visits;
  const value = visit !== undefined && 'vended' in visit ? visit.vended.token.value : '';

  expect(JSON.parse(rig.lines[0] ?? '{}').token_sha256).toBe(hash('sha256', value).slice(0, 16));
});

test('a failure of ours is an error in the log, with its reason, and a metric', async () => {
  rig.setRegistry('caller', 'no json');

  await rig.ask('caller', rig.secretOf('caller'));

  expect(JSON.parse(rig.lines[0] ?? '{}')).toMatchObject({
    level: 'ERROR',
    outcome: 'server_error',
    cause: expect.stringContaining('registry of a client cannot be used'),
    OAuthErrors: 1,
    _aws: { CloudWatchMetrics: [{ Namespace: 'GcpTokenVendor', Dimensions: [['service']] }] },
  });
});
