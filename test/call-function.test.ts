import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { createCallAudit } from '../lambda/call/call-audit.ts';
import { captureOutput } from './capture-output.ts';
import { HELLO, SERVICE, type Service, startCallRig } from './make-caller.ts';

const rig = await startCallRig();

afterAll(() => rig.close());
beforeEach(() => {
  rig.serve((_, response) => response.end('ok'));
  rig.road.set({ kind: 'pass' });
});

function answering(
  status: number,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): Service {
  return (_, response) => response.writeHead(status, headers).end(body);
}

test('calls Google’s private function with a token that it takes, and returns what it says', async () => {
  const result = await rig.call({ url: HELLO, method: 'GET' });

  expect(result).toEqual({
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: {
      message: expect.stringMatching(/^Hello, /),
      caller: expect.anything(),
      audience: HELLO,
    },
  });
});

test('sends what it is told to, and a token for the service', async () => {
  const event = {
    url: `${SERVICE}/users/7?full=1`,
    method: 'PUT',
    headers: { 'X-Trace': 'abc', 'content-type': 'application/vnd.x+json' },
    query: { q: 'a b&c', page: [1, 2] },
    body: { name: 'Zoë', tags: [null, true] },
  };

  await rig.call(event);

  const sent = rig.received.at(-1);
  expect(sent).toMatchObject({ method: 'PUT', url: '/users/7?full=1&q=a+b%26c&page=1&page=2' });
  expect(JSON.parse(sent?.text ?? '')).toEqual(event.body);
  expect(sent?.headers).toMatchObject({
    'x-trace': 'abc',
    'content-type': 'application/vnd.x+json',
    'accept-encoding': 'identity',
    authorization: `Bearer ${rig.tokens.at(-1)}`,
  });
});

test.each([
  ['an object', { a: 1 }, '{"a":1}', 'application/json'],
  ['a list', [1, 2], '[1,2]', 'application/json'],
  ['a text', 'a=1', 'a=1', 'text/plain; charset=utf-8'],
])('sends %s with the type that it is of', async (_, body, text, type) => {
  await rig.call({ url: SERVICE, body });

  const sent = rig.received.at(-1);
  expect(sent).toMatchObject({ method: 'POST', text, headers: { 'content-type': type } });
});

const BINARY = Buffer.from([0xff, 0xd8, 0x00, 0x01]);

test.each<[string, Service, object]>([
  [
    'JSON',
    answering(201, '{"a":[1]}', { 'content-type': 'application/json' }),
    { status: 201, body: { a: [1] } },
  ],
  [
    'JSON of another name',
    answering(200, '[]', { 'content-type': 'application/problem+json; x=y' }),
    { body: [] },
  ],
  [
    'what is no JSON after all',
    answering(200, '{"a"', { 'content-type': 'application/json' }),
    { body: '{"a"' },
  ],
  ['text', answering(200, 'Zoë', { 'content-type': 'text/plain' }), { body: 'Zoë' }],
  ['text of no type', answering(200, 'x'), { body: 'x' }],
  ['nothing', answering(204), { status: 204, body: '' }],
  [
    'an image',
    answering(200, BINARY, { 'content-type': 'image/jpeg' }),
    { body: BINARY.toString('base64'), isBase64: true },
  ],
  ['text in no UTF-8', answering(200, BINARY, { 'content-type': 'text/plain' }), { isBase64: true }],
  [
    'a redirect',
    answering(302, '', { location: 'https://stranger.example/' }),
    { status: 302, headers: { location: 'https://stranger.example/' } },
  ],
])('returns %s as it is', async (_, service, expected) => {
  rig.serve(service);

  expect(await rig.call({ url: SERVICE })).toMatchObject(expected);
});

test('does not follow a redirect', async () => {
  rig.serve(answering(307, '', { location: `${SERVICE}/elsewhere` }));
  const before = rig.received.length;

  await rig.call({ url: `${SERVICE}/here` });

  expect(rig.received.slice(before).map(({ url }) => url)).toEqual(['/here']);
});

test('returns few headers, in lower case', async () => {
  rig.serve(
    answering(200, '', { ETag: '"1"', 'Set-Cookie': 'session=secret', 'X-Custom': 'x', 'Retry-After': '3' }),
  );

  const { headers } = await rig.call({ url: SERVICE });

  expect(headers).toEqual({ etag: '"1"', 'retry-after': '3' });
});

test.each([
  [400, 'ServiceRefused'],
  [401, 'ServiceRefused'],
  [403, 'ServiceRefused'],
  [404, 'ServiceRefused'],
  [408, 'ServiceUnavailable'],
  [429, 'ServiceThrottled'],
  [500, 'ServiceUnavailable'],
  [501, 'ServiceRefused'],
  [502, 'ServiceUnavailable'],
  [503, 'ServiceUnavailable'],
  [504, 'ServiceUnavailable'],
])('a %i is thrown as %s, with what the service says', async (status, name) => {
  rig.serve(answering(status, ' what is\n wrong ', { 'content-type': 'text/plain' }));

  expect(await rig.refused({ url: `${SERVICE}/a?secret=1` })).toBe(
    `${name}: ${SERVICE}/a answered ${status}: what is wrong`,
  );
});

test('a status that is accepted is a result', async () => {
  rig.serve(answering(404, '{"error":"none"}', { 'content-type': 'application/json' }));

  expect(await rig.call({ url: SERVICE, acceptStatuses: [404] })).toMatchObject({
    status: 404,
    body: { error: 'none' },
  });
});

test('of a long refusal the beginning is told', async () => {
  rig.serve(answering(403, 'x '.repeat(200_000), { 'content-type': 'text/plain' }));

  const refusal = await rig.refused({ url: SERVICE });

  expect(refusal).toMatch(/^ServiceRefused: .* answered 403: x x/);
  expect(refusal.length).toBeLessThan(700);
});

test.each([
  ['beyond its limit', { maxResponseBytes: 10 }, 'x'.repeat(11), 'with a body of more than 10 bytes'],
  [
    'beyond what a state can hold',
    { maxResponseBytes: 262_144 },
    '\u0001'.repeat(60_000),
    'than a state can hold',
  ],
  ['without end', {}, undefined, 'with a body of more than 184320 bytes'],
])('a body %s is an error', async (_, options, body, message) => {
  rig.serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    if (body !== undefined) {
      response.end(body);
      return;
    }
    const flood = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384))) {}
    };
    response.on('drain', flood);
    flood();
  });

  const refusal = await rig.refused({ url: SERVICE, ...options });

  expect(refusal).toMatch(/^ResponseTooLarge: /);
  expect(refusal).toContain(message);
});

test('the largest body that is taken by itself fits into a state, even as Base64', async () => {
  rig.serve(answering(200, Buffer.alloc(184_320, 0xff), { 'content-type': 'application/pdf' }));

  const result = await rig.call({ url: SERVICE });

  expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(262_144);
});

test('too many headers are an error', async () => {
  rig.serve(answering(200, '', { 'x-long': 'x'.repeat(40_000) }));

  expect(await rig.refused({ url: SERVICE })).toMatch(/^ResponseTooLarge: .* too many headers/);
});

test('of a long refusal in another script the beginning is told, too', async () => {
  rig.serve(answering(403, '日本語'.repeat(8_000), { 'content-type': 'text/plain' }));

  expect(await rig.refused({ url: SERVICE })).toMatch(/^ServiceRefused: .* answered 403: 日本語日本語/);
});

test.each([
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity, GZIP'],
  ['transfer-encoding', 'gzip, chunked'],
])(
  'a body that was compressed unasked is refused, for a token could hide in it: %s: %s',
  async (name, value) => {
    rig.serve(answering(200, 'xx', { [name]: value }));

    expect(await rig.refused({ url: SERVICE })).toMatch(/^ServiceRefused: .* compressed/);
  },
);

test.each(['identity', 'Identity', ''])(
  'a body whose encoding is called %j is not taken for a compressed one',
  async (coding) => {
    rig.serve(answering(200, 'xx', { 'content-encoding': coding }));

    expect(await rig.call({ url: SERVICE })).toMatchObject({ status: 200, body: 'xx' });
  },
);

test.each<[string, object, string]>([
  ['a stranger’s host', { url: 'https://stranger.example/' }, 'AccessDenied'],
  [
    'a stranger’s host, with an audience of its own',
    { url: 'https://stranger.example/', audience: SERVICE },
    'AccessDenied',
  ],
  ['a foreign audience', { url: SERVICE, audience: 'https://stranger.example' }, 'AccessDenied'],
  ['http', { url: SERVICE.replace('https', 'http') }, 'InvalidRequest'],
  ['a header of its own', { url: SERVICE, headers: { Authorization: 'x' } }, 'InvalidRequest'],
  ['another field', { url: SERVICE, follow: true }, 'InvalidRequest'],
])('%s is refused before a token is asked for', async (_, event, name) => {
  const before = [rig.invocations(), rig.received.length];

  const refusal = await rig.refused(event);

  expect(refusal).toMatch(new RegExp(`^${name}: `));
  expect([rig.invocations(), rig.received.length]).toEqual(before);
});

test('an audience of its own goes to the service that the profile names', async () => {
  await rig.call({ url: `${SERVICE}/a`, audience: '1234-abc.apps.googleusercontent.com' });

  const [, claims = ''] = rig.received.at(-1)?.headers.authorization?.split('.') ?? [];
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    aud: '1234-abc.apps.googleusercontent.com',
  });
});

test('one token serves many calls', async () => {
  await rig.call({ url: `${SERVICE}/a` });
  const before = rig.invocations();

  await Promise.all(['b', 'c', 'd'].map((name) => rig.call({ url: `${SERVICE}/${name}` })));

  expect(rig.invocations()).toBe(before);
});

test.each<[string, Parameters<typeof rig.road.set>[0], string]>([
  ['is not there', { kind: 'reset', when: 'request' }, 'ServiceDisconnected'],
  ['breaks off in the head of its answer', { kind: 'half', bytes: 20 }, 'ServiceDisconnected'],
  ['breaks off in the body of its answer', { kind: 'half', bytes: 150 }, 'ServiceDisconnected'],
  ['hangs', { kind: 'hang' }, 'ServiceTimeout'],
  ['is slow', { kind: 'delay', ms: 5_000 }, 'ServiceTimeout'],
  ['drips its answer', { kind: 'slow', bytes: 1, everyMs: 100 }, 'ServiceTimeout'],
])('a service that %s is an error with a name', async (_, fault, name) => {
  rig.serve(answering(200, 'x'.repeat(100), { 'content-length': '100' }));
  rig.road.set(fault);

  expect(await rig.refused({ url: SERVICE, timeoutSeconds: 1 })).toMatch(new RegExp(`^${name}: `));
});

test('the end of the invocation is the end of the call', async () => {
  rig.road.set({ kind: 'hang' });

  expect(await rig.refused({ url: SERVICE, timeoutSeconds: 30 }, 1_500)).toMatch(/^ServiceTimeout: /);
});

test('the vendor’s errors come by their names', async () => {
  rig.vendor.google.interfere(() => ({ status: 503, body: '' }));

  const refusal = await rig.refused({ url: 'https://europe-west1-example.cloudfunctions.net/other' });
  rig.vendor.google.interfere(undefined);

  expect(refusal).toMatch(/^GoogleUnavailable: /);
});

test('a call leaves one line, with nothing of a query, a body or a token', async () => {
  const output = captureOutput();
  const logged = await startCallRig({ audit: createCallAudit({ serviceName: 'caller' }) });
  logged.serve(answering(200, 'private', { 'x-custom': 'private' }));

  await logged.call({ url: `${SERVICE}/a?q=private`, headers: { 'x-a': 'private' }, body: 'private' });
  logged.serve(answering(403, 'private'));
  await logged.refused({ url: `${SERVICE}/a?q=private` });
  await logged.close();
  vi.restoreAllMocks();

  const lines = output.lines().filter(({ profile }) => profile === 'default');
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'INFO',
      message: 'called',
      method: 'POST',
      url: `${SERVICE}/a`,
      audience: SERVICE,
      status: 200,
      outcome: 'answered',
      cached: false,
      token_sha256: expect.stringMatching(/^[0-9a-f]{16}$/),
    }),
    expect.objectContaining({ level: 'WARN', status: 403, outcome: 'service_refused', cached: true }),
  ]);
  expect(output.text()).not.toMatch(/private|eyJ/);
});

test.each<[string, object]>([
  ['a URL that is none', { url: `${SERVICE}/a?key=private#x` }],
  ['a user in a URL', { url: 'https://user:private@reports-abc123-ew.a.run.app/' }],
  ['headers that are a text', { url: SERVICE, headers: 'x-api-key: private' }],
  ['a header that is none', { url: SERVICE, headers: { 'x-api-key: private': '' } }],
  ['a query that is a text', { url: SERVICE, query: 'key=private' }],
])('%s is told to who makes the call, and is not in the line of the call', async (_, event) => {
  const output = captureOutput();
  const logged = await startCallRig({ audit: createCallAudit({ serviceName: 'caller' }) });

  const refusal = await logged.refused(event);
  await logged.close();
  vi.restoreAllMocks();

  expect(refusal).toMatch(/^InvalidRequest: .*private/);
  const [line] = output.lines().filter(({ profile }) => profile === 'default');
  expect(line).toMatchObject({ level: 'WARN', message: 'not called', outcome: 'invalid_request' });
  expect(output.text()).not.toContain('private');
});
