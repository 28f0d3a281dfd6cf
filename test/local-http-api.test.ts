import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { LocalAwsOptions } from '../local/aws/front.ts';
import {
  ACCOUNT,
  type Message,
  REGION,
  type Rig,
  SESSION,
  sendMessage,
  signMessage,
  startRig,
  USER,
} from './local-aws-rig.ts';

const rigs: Rig[] = [];

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

/** A rig that also serves unsigned requests, unless `options` says otherwise. */
async function start(options: Partial<LocalAwsOptions> = {}): Promise<Rig> {
  const rig = await startRig({ requireSignature: false, ...options });
  rigs.push(rig);
  return rig;
}

function get(target: string, headers: Message['headers'] = {}): Message {
  return { method: 'GET', target, headers };
}

test('builds the event of payload format 2.0 as API Gateway does', async () => {
  const nowMs = Date.UTC(2026, 2, 5, 9, 3, 8, 123);
  const rig = await start({ now: () => nowMs });
  const message = get('/token?audience=https%3A%2F%2Fa.example&scopes=a%2Cb&scopes=c+d&empty=&bare', {
    'user-agent': 'test/1',
    'X-Repeated': ['one', 'two'],
    cookie: 'a=1; b=2',
  });

  const { status } = await sendMessage(rig, message);

  expect(status).toBe(200);
  expect(rig.invocations[0]?.event).toEqual({
    version: '2.0',
    routeKey: 'GET /token',
    rawPath: '/token',
    rawQueryString: 'audience=https%3A%2F%2Fa.example&scopes=a%2Cb&scopes=c+d&empty=&bare',
    cookies: ['a=1', 'b=2'],
    headers: {
      host: `127.0.0.1:${rig.port}`,
      'user-agent': 'test/1',
      'x-repeated': 'one,two',
      connection: 'close',
    },
    queryStringParameters: { audience: 'https://a.example', scopes: 'a,b,c d', empty: '', bare: '' },
    requestContext: {
      accountId: ACCOUNT,
      apiId: 'local00000',
      authorizer: { iam: expect.any(Object) },
      domainName: `local00000.execute-api.${REGION}.amazonaws.com`,
      domainPrefix: 'local00000',
      http: {
        method: 'GET',
        path: '/token',
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: 'test/1',
      },
      requestId: expect.stringMatching(/^[\w+/]{15}=$/),
      routeKey: 'GET /token',
      stage: '$default',
      time: '05/Mar/2026:09:03:08 +0000',
      timeEpoch: nowMs,
    },
    isBase64Encoded: false,
  });
});

test('tells the function which user has signed', async () => {
  const rig = await start();

  await sendMessage(rig, await signMessage(rig.url, get('/token')));

  expect(rig.invocations[0]?.event).toMatchObject({
    requestContext: {
      authorizer: {
        iam: {
          accessKey: USER.accessKeyId,
          accountId: ACCOUNT,
          callerId: expect.stringMatching(/^AIDA[0-9A-F]{17}$/),
          cognitoIdentity: null,
          principalOrgId: expect.any(String),
          userArn: USER.principalArn,
          userId: expect.stringMatching(/^AIDA[0-9A-F]{17}$/),
        },
      },
    },
  });
});

test('tells the function which session of a role has signed', async () => {
  const rig = await start();

  await sendMessage(rig, await signMessage(rig.url, get('/token'), { credential: SESSION }));

  expect(rig.invocations[0]?.event).toMatchObject({
    requestContext: {
      authorizer: {
        iam: { userArn: SESSION.principalArn, userId: expect.stringMatching(/^AROA[0-9A-F]{17}:monday$/) },
      },
    },
  });
});

test('takes an unsigned request to be from the first credential where signatures are not required', async () => {
  const rig = await start();

  const { status } = await sendMessage(rig, get('/token'));

  expect(status).toBe(200);
  expect(rig.invocations[0]?.event).toMatchObject({
    requestContext: { authorizer: { iam: { userArn: USER.principalArn } } },
  });
});

test('refuses a wrong signature even where none is required', async () => {
  const rig = await start();
  const signed = await signMessage(rig.url, get('/token'), {
    credential: { ...USER, secretAccessKey: 'guessed' },
  });

  const { status } = await sendMessage(rig, signed);

  expect(status).toBe(403);
  expect(rig.invocations).toHaveLength(0);
});

test('refuses an unsigned request where signatures are required, and says why beside the answer', async () => {
  const rig = await start({ requireSignature: true });

  const { status, headers, body } = await sendMessage(rig, get('/token'));

  expect({ status, body }).toEqual({ status: 403, body: '{"message":"Forbidden"}' });
  expect(headers['x-local-reason']).toBe('Missing Authentication Token');
  expect(rig.lines).toEqual(['403 GET /token: Missing Authentication Token']);
});

test.for([
  ['/token', 'default'],
  ['/profiles/reports/token', 'reports'],
])('invokes %s by the alias of its profile', async ([path = '', alias = '']) => {
  const rig = await start();

  await sendMessage(rig, get(path));

  expect(rig.invocations[0]?.context).toMatchObject({
    invokedFunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:vendor:${alias}`,
    functionName: 'vendor',
    functionVersion: '1',
    memoryLimitInMB: '256',
    logGroupName: '/aws/lambda/vendor',
  });
});

test.for([
  ['GET', '/'],
  ['GET', '/token/'],
  ['GET', '//token'],
  ['GET', '/Token'],
  ['GET', '/%74oken'],
  ['GET', '/profiles/default/token'],
  ['GET', '/profiles/unknown/token'],
  ['GET', '/profiles/../token'],
  ['GET', '/profiles/reports/token/x'],
  ['GET', '/constructor'],
  ['HEAD', '/token'],
  ['PUT', '/token'],
  ['DELETE', '/token'],
  ['PATCH', '/token'],
  ['TRACE', '/token'],
])('answers 404 to %s %s', async ([method = '', target = '']) => {
  const rig = await start();

  const { status, body } = await sendMessage(rig, { method, target, headers: {} });

  expect(status).toBe(404);
  expect(body).toBe(method === 'HEAD' ? '' : '{"message":"Not Found"}');
  expect(rig.invocations).toHaveLength(0);
});

test('has no /token where there is no profile of the name default', async () => {
  const rig = await start({ profiles: ['reports'] });

  const { status } = await sendMessage(rig, get('/token'));

  expect(status).toBe(404);
});

test.for([
  ['application/json', false],
  ['application/json; charset=utf-8', false],
  ['application/problem+json', false],
  ['text/plain', false],
  ['application/xml', false],
  ['application/x-www-form-urlencoded', true],
  ['application/octet-stream', true],
  ['', true],
] as const)('passes a body of type "%s" as base64: %s', async ([type, isBase64Encoded]) => {
  const rig = await start();
  const headers: Message['headers'] = type === '' ? {} : { 'content-type': type };
  const body = '{"scopes":"ä"}';

  await sendMessage(rig, { method: 'POST', target: '/token', headers, body });

  expect(rig.invocations[0]?.event).toMatchObject({
    routeKey: 'POST /token',
    isBase64Encoded,
    body: isBase64Encoded ? Buffer.from(body).toString('base64') : body,
  });
});

test('passes text that is compressed as base64', async () => {
  const rig = await start();
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };

  await sendMessage(rig, { method: 'POST', target: '/token', headers, body: 'zipped' });

  expect(rig.invocations[0]?.event).toMatchObject({ isBase64Encoded: true, body: 'emlwcGVk' });
});

test('passes the bytes of a body that is no text unchanged', async () => {
  const rig = await start();
  const body = Buffer.from([0, 255, 254, 13, 10, 128]);

  await sendMessage(rig, { method: 'POST', target: '/token', headers: {}, body });

  expect(rig.invocations[0]?.event.body).toBe(body.toString('base64'));
});

test('turns what the function returns into an HTTP answer', async () => {
  const answer = {
    statusCode: 418,
    headers: {
      'Content-Type': 'text/html',
      'X-Number': 7,
      connection: 'close',
      'transfer-encoding': 'chunked',
    },
    cookies: ['a=1; Secure', 'b=2'],
    body: Buffer.from('<p>hé</p>').toString('base64'),
    isBase64Encoded: true,
  };
  const rig = await start({ handler: async () => answer });

  const { status, headers, body } = await sendMessage(rig, get('/token'));

  expect({ status, body }).toEqual({ status: 418, body: '<p>hé</p>' });
  expect(headers).toMatchObject({
    'content-type': 'text/html',
    'x-number': '7',
    'set-cookie': ['a=1; Secure', 'b=2'],
    'content-length': '10',
    'apigw-requestid': expect.any(String),
  });
  expect(headers).not.toHaveProperty('transfer-encoding');
});

test.for([
  [{ access_token: 'x' }, 'application/json', '{"access_token":"x"}'],
  ['text', 'application/json', 'text'],
  [{ statusCode: 200, body: 'text' }, 'text/plain;charset=UTF-8', 'text'],
  [{ statusCode: 200 }, 'text/plain;charset=UTF-8', ''],
] as const)('infers the answer for a function that returns %j', async ([result, type, text]) => {
  const rig = await start({ handler: async () => result });

  const { status, headers, body } = await sendMessage(rig, get('/token'));

  expect({ status, type: headers['content-type'], body }).toEqual({ status: 200, type, body: text });
});

test.for([
  [{ statusCode: 'ok' }],
  [{ statusCode: 99 }],
  [{ statusCode: 200, body: { a: 1 } }],
  [{ statusCode: 200, headers: { 'x-split': 'a\r\nset-cookie: b' } }],
  [{ statusCode: 200, headers: { 'bad name': 'a' } }],
  [{ statusCode: 200, headers: { 'x-list': ['a'] } }],
  [{ statusCode: 200, cookies: ['a\nb'] }],
])('answers 500 to a function that returns %j', async ([result]) => {
  const rig = await start({ handler: async () => result });

  const { status, body } = await sendMessage(rig, get('/token'));

  expect({ status, body }).toEqual({ status: 500, body: '{"message":"Internal Server Error"}' });
});

test.for([
  ['an error', async () => Promise.reject(new TypeError('canary'))],
  [
    'an error at once',
    () => {
      throw new RangeError('canary');
    },
  ],
  ['something that is no error', async () => Promise.reject('canary')],
  ['what JSON cannot say', async () => ({ canary: 1n })],
] as const)('answers 500 and repeats nothing when the function throws %s', async ([, handler]) => {
  const rig = await start({ handler });

  const { status, headers, body } = await sendMessage(rig, get('/token'));

  expect({ status, body }).toEqual({ status: 500, body: '{"message":"Internal Server Error"}' });
  expect(JSON.stringify([headers, rig.lines])).not.toContain('canary');
});

test('ends an invocation that overruns the function’s timeout, which the function can see coming', async () => {
  const remaining: number[] = [];
  const rig = await start({
    timeoutMs: 120,
    handler: async (_event, context) => {
      remaining.push(context.getRemainingTimeInMillis());
      await new Promise((resolve) => setTimeout(resolve, 60).unref());
      remaining.push(context.getRemainingTimeInMillis());
      return new Promise(() => {});
    },
  });

  const { status, headers, body } = await sendMessage(rig, get('/token'));

  expect({ status, body }).toEqual({ status: 500, body: '{"message":"Internal Server Error"}' });
  expect(headers['x-local-reason']).toMatch(/Task timed out after 0\.12 seconds$/);
  const [first = 0, second = 0] = remaining;
  expect(first).toBeLessThanOrEqual(120);
  expect(second).toBeLessThan(first);
});

test('counts the remaining time down to zero and no further', async () => {
  let nowMs = 1_000_000;
  const rig = await start({
    now: () => nowMs,
    handler: async (_event, context) => {
      const first = context.getRemainingTimeInMillis();
      nowMs += 4_999;
      const second = context.getRemainingTimeInMillis();
      nowMs += 10_000;
      return { statusCode: 200, body: [first, second, context.getRemainingTimeInMillis()].join() };
    },
  });

  const { body } = await sendMessage(rig, get('/token'));

  expect(body).toBe('5000,1,0');
});

test('throttles invocations above the number that may run at one time, and recovers', async () => {
  const gate = Promise.withResolvers<void>();
  const rig = await start({
    maxConcurrent: 2,
    handler: async () => {
      await gate.promise;
      return { statusCode: 200, body: 'vended' };
    },
  });
  const running = [sendMessage(rig, get('/token')), sendMessage(rig, get('/token'))];
  await expect.poll(() => rig.invocations.length).toBe(2);

  const third = await sendMessage(rig, get('/token'));
  gate.resolve();
  const first = await Promise.all(running);
  const later = await sendMessage(rig, get('/token'));

  expect(third.status).toBe(503);
  expect([...first, later].map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('takes a body of 10 MB', async () => {
  const rig = await start();
  const body = Buffer.alloc(10 * 1024 * 1024, 'a');

  const { status } = await sendMessage(rig, { method: 'POST', target: '/token', headers: {}, body });

  expect(status).toBe(200);
});

test.for([
  ['declared as far too large', 'content-length: 99999999\r\n', ''],
  ['declared and sent', 'content-length: 10485761\r\n', 'a'.repeat(10_485_761)],
  ['sent in chunks', 'transfer-encoding: chunked\r\n', `a00001\r\n${'a'.repeat(0xa00001)}\r\n0\r\n\r\n`],
] as const)('answers 413 to a larger body, %s', async ([, field, body]) => {
  const rig = await start();

  const answer = await sendRaw(
    rig,
    `POST /token HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${field}\r\n${body}`,
  );

  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('{"message":"Request Entity Too Large"}');
  expect(rig.invocations).toHaveLength(0);
});

test('ends a body that is sent without end', async () => {
  const rig = await start();
  const chunk = `100000\r\n${'a'.repeat(0x100000)}\r\n`;

  const answer = await sendRaw(
    rig,
    `POST /token HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(40)}`,
  );

  expect(answer).not.toMatch(/ 200 /);
  expect(rig.invocations).toHaveLength(0);
});

/** Returns all that the server says to `text` until it closes, and rejects if it does not. */
async function sendRaw(rig: Rig, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: rig.port });
  const chunks: Buffer[] = [];
  let isOver = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  // A server that cuts a client off is an answer too.
  socket.on('error', () => {});
  socket.setTimeout(10_000, () => {
    isOver = true;
    socket.destroy();
  });
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(isOver).toBe(false);
  return Buffer.concat(chunks).toString('utf8');
}

const FROM_A_PAGE: Readonly<Record<string, Partial<Message>>> = {
  'the Origin of another site': { headers: { origin: 'https://evil.example' } },
  'the Origin null of a sandboxed frame': { headers: { origin: 'null' } },
  'its own Origin': { headers: { origin: 'http://127.0.0.1' } },
  'Sec-Fetch-Site: cross-site': { headers: { 'sec-fetch-site': 'cross-site' } },
  'Sec-Fetch-Site: same-site': { headers: { 'sec-fetch-site': 'same-site' } },
  'Sec-Fetch-Site twice': { headers: { 'sec-fetch-site': ['same-origin', 'cross-site'] } },
  'a preflight': {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
  },
  'a bare OPTIONS': { method: 'OPTIONS' },
  'a form that posts text': {
    method: 'POST',
    headers: { origin: 'https://evil.example', 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' },
    body: '{"scopes":"cloud-platform"}',
  },
  'a Host that was rebound to loopback': { headers: { host: 'evil.example' } },
  'a rebound Host with our port': { headers: { host: 'evil.example:8080' } },
  'a Host that only begins like ours': { headers: { host: '127.0.0.1.evil.example' } },
  'a Host that only ends like ours': { headers: { host: 'evil.example#localhost' } },
  'a Host with a user': { headers: { host: 'evil@localhost' } },
  'a Host with another port': { headers: { host: 'localhost:1' } },
  'another loopback address': { headers: { host: '127.0.0.2' } },
  'an absolute target': { target: 'http://evil.example/token' },
};

test.for(Object.keys(FROM_A_PAGE))(
  'refuses a request with %s, at both doors and signed or not',
  async (name) => {
    const rig = await start();
    const paths = ['/token', '/2015-03-31/functions/vendor/invocations'];

    for (const target of paths) {
      const message = { ...get(target), ...FROM_A_PAGE[name] };
      const signed = await signMessage(rig.url, get(target));
      const headers = { ...signed.headers, ...message.headers };
      const replies = [await sendMessage(rig, message), await sendMessage(rig, { ...message, headers })];

      for (const reply of replies) {
        expect(reply.status).toBe(403);
        expect(JSON.parse(reply.body)).toEqual({ message: expect.any(String) });
        expect(Object.keys(reply.headers).filter((header) => header.startsWith('access-control-'))).toEqual(
          [],
        );
      }
    }
    expect(rig.invocations).toHaveLength(0);
  },
);

test.for([
  [
    'two Host headers',
    'GET /token HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
  ],
  ['an empty Host', 'GET /token HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n'],
  ['no Host', 'GET /token HTTP/1.0\r\n\r\n'],
])('refuses a request with %s', async ([, text = '']) => {
  const rig = await start();

  const answer = await sendRaw(rig, text);

  expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
  expect(rig.invocations).toHaveLength(0);
});

test.for(['127.0.0.1', 'localhost', 'LocalHost', '[::1]'])(
  'serves the Host %s, with its port or none',
  async (host) => {
    const rig = await start();

    const bare = await sendMessage(rig, get('/token', { host }));
    const full = await sendMessage(rig, get('/token', { host: `${host}:${rig.port}` }));

    expect([bare.status, full.status]).toEqual([200, 200]);
  },
);

test('serves an address typed into a browser, unless signatures are required', async () => {
  const typed = get('/token', {
    'sec-fetch-site': 'none',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  });
  const open = await start();
  const closed = await start({ requireSignature: true });
  const signed = await signMessage(closed.url, get('/token'));

  const served = await sendMessage(open, typed);
  const refused = await sendMessage(closed, { ...typed, headers: { ...signed.headers, ...typed.headers } });

  expect([served.status, refused.status]).toEqual([200, 403]);
  expect(refused.body).toContain('web page');
});

test('serves Node’s own fetch, which sends Sec-Fetch-Mode alone, also where signatures are required', async () => {
  const rig = await start({ requireSignature: true });
  const signed = await signMessage(rig.url, get('/token'));

  const response = await fetch(`${rig.url}/token`, {
    headers: Object.fromEntries(Object.entries(signed.headers).map(([name, value]) => [name, String(value)])),
  });

  expect(response.status).toBe(200);
  expect(rig.invocations[0]?.event.headers).toMatchObject({ 'sec-fetch-mode': 'cors' });
});

test('sends no CORS header, even if the function does, and forbids embedding', async () => {
  const rig = await start({
    handler: async () => ({
      statusCode: 200,
      headers: { 'Access-Control-Allow-Origin': '*', 'access-control-allow-credentials': 'true' },
      body: 'vended',
    }),
  });

  const { headers } = await sendMessage(rig, get('/token'));

  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  });
});

test('answers 431 to headers without end', async () => {
  const rig = await start();

  const answer = await sendRaw(
    rig,
    `GET /token HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
  );

  expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  expect(rig.invocations).toHaveLength(0);
});

test('keeps serving after a client has gone away in the middle of its body', async () => {
  const rig = await start();
  const socket = connect({ host: '127.0.0.1', port: rig.port });
  socket.write('POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf');
  await once(socket, 'connect');
  socket.resetAndDestroy();

  const { status } = await sendMessage(rig, get('/token'));

  expect(status).toBe(200);
  expect(rig.invocations).toHaveLength(1);
});

test('writes neither query nor headers nor body to its log', async () => {
  const rig = await start({ handler: async () => ({ statusCode: 400, body: 'canary' }) });
  const headers = { 'x-canary': 'canary', 'content-type': 'text/plain' };

  await sendMessage(rig, { method: 'POST', target: '/token?canary=canary', headers, body: 'canary' });

  expect(rig.lines).toEqual(['400 POST /token']);
});

test('says which port is taken', async () => {
  const rig = await start();

  await expect(start({ port: rig.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('closes at once, with connections open and invocations running, and twice', async () => {
  const rig = await start({ handler: () => new Promise(() => {}) });
  const running = expect(sendMessage(rig, get('/token'))).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(() => rig.invocations.length).toBe(1);

  await rig.close();
  await rig.close();

  await running;
  await expect(sendMessage(rig, get('/token'))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
