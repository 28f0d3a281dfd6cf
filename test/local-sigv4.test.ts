import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { AwsClient } from 'aws4fetch';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReceivedRequest } from '../local/aws/received-request.ts';
import { createSignatureVerifier, type LocalCredential } from '../local/aws/sigv4.ts';
import {
  type Message,
  REGION,
  type Rig,
  SESSION,
  type SigningOptions,
  sendMessage,
  signMessage,
  startRig,
  USER,
} from './local-aws-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

const AUDIENCE = 'audience=https%3A%2F%2Fexample.com%2Fa%20b';
const STRANGER: LocalCredential = { ...USER, accessKeyId: 'AKIASTRANGER000000001' };

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(async () => {
  await rig.close();
});

const post: Message = {
  method: 'POST',
  target: `/profiles/reports/token?b=2&a=1`,
  headers: { 'content-type': 'application/json', 'x-note': 'first  note' },
  body: '{"audience":"https://example.com"}',
};

const get: Message = { method: 'GET', target: `/token?${AUDIENCE}`, headers: {} };

async function statusOf(message: Message): Promise<number> {
  return (await sendMessage(rig, message)).status;
}

async function refusalOf(message: Message): Promise<string> {
  const before = rig.invocations.length;
  const reply = await sendMessage(rig, message);
  expect(reply).toMatchObject({ status: 403, body: '{"message":"Forbidden"}' });
  expect(rig.invocations).toHaveLength(before);
  return String(reply.headers['x-local-reason']);
}

function credentialEnvironment({ accessKeyId, secretAccessKey, sessionToken }: LocalCredential) {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_DEFAULT_REGION: REGION,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
  };
}

/** The signer makes it with `new`. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', new Uint8Array(Buffer.from(secret as Buffer)));
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {}
}

function smithySigner(credential: LocalCredential): SignatureV4 {
  return new SignatureV4({ credentials: credential, region: REGION, service: 'execute-api', sha256: Sha256 });
}

function smithyRequest(query: Record<string, string | string[]>) {
  return {
    method: 'GET',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: rig.port,
    path: '/token',
    query,
    headers: { host: `127.0.0.1:${rig.port}` },
  };
}

function encodeQuery(query: Readonly<Record<string, unknown>> | undefined): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((item) => `${encodeURIComponent(name)}=${encodeURIComponent(String(item))}`),
  );
  return pairs.join('&');
}

test.for([USER, SESSION])('accepts what aws4fetch sends for $accessKeyId', async (credential) => {
  const client = new AwsClient({ ...credential, region: REGION, service: 'execute-api', retries: 0 });

  const byGet = await client.fetch(`${rig.url}/token?${AUDIENCE}&scopes=b&scopes=a`);
  const byPost = await client.fetch(`${rig.url}/profiles/reports/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"scopes":["storage-ro"]}',
  });

  expect([byGet.status, byPost.status]).toEqual([200, 200]);
});

test.for([USER, SESSION])('accepts what aws4fetch presigns for $accessKeyId', async (credential) => {
  const presigned = await signMessage(rig.url, get, { credential, expiresInSeconds: 60 });

  const status = await statusOf(presigned);

  expect(status).toBe(200);
});

test.for([USER, SESSION])(
  'accepts what @smithy/signature-v4 signs and presigns for $accessKeyId',
  async (credential) => {
    const signer = smithySigner(credential);
    const request = smithyRequest({ audience: 'https://example.com/ä?x=(1)*', scopes: ['b', 'a'] });

    const signed = await signer.sign(request);
    const presigned = await signer.presign(request, { expiresIn: 60 });

    const inHeader = {
      method: 'GET',
      target: `/token?${encodeQuery(signed.query)}`,
      headers: signed.headers,
    };
    const inQuery = { method: 'GET', target: `/token?${encodeQuery(presigned.query)}`, headers: {} };
    expect([await statusOf(inHeader), await statusOf(inQuery)]).toEqual([200, 200]);
  },
);

function curl(target: string, service: string, ...more: readonly string[]) {
  const secret = `${USER.accessKeyId}:${USER.secretAccessKey}`;
  const signing = ['--user', secret, '--aws-sigv4', `aws:amz:${REGION}:${service}`];
  return runTool('curl', [
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    ...signing,
    ...more,
    `${rig.url}${target}`,
  ]);
}

test('accepts what curl --aws-sigv4 sends', async (context) => {
  await needTool(context, 'curl', ['--aws-sigv4', 'aws:amz:x:y', '--version']);

  const byGet = await curl(`/token?${AUDIENCE}`, 'execute-api');
  const byPost = await curl('/token', 'execute-api', '--json', '{"scopes":["storage-ro"]}');

  expect([byGet.stdout, byPost.stdout]).toEqual(['200', '200']);
});

test('refuses what curl --aws-sigv4 signs for another service', async (context) => {
  await needTool(context, 'curl', ['--aws-sigv4', 'aws:amz:x:y', '--version']);

  const { stdout } = await curl(`/token?${AUDIENCE}`, 'lambda');

  expect(stdout).toBe('403');
});

const BOTOCORE = `
import json, sys, urllib.request, urllib.error
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.session import get_session
url, region = sys.argv[1:]
credentials = get_session().get_credentials()
def status(signer, method, target, body=None):
    request = AWSRequest(method=method, url=url + target, data=body, headers={'content-type': 'application/json'} if body else {})
    signer(credentials, 'execute-api', region).add_auth(request)
    prepared = request.prepare()
    wire = urllib.request.Request(prepared.url, data=prepared.body, method=method, headers=dict(prepared.headers.items()))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(wire).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([
    status(SigV4Auth, 'GET', '/token?${AUDIENCE}'),
    status(SigV4Auth, 'POST', '/token', b'{"scopes":["storage-ro"]}'),
    status(SigV4QueryAuth, 'GET', '/token?${AUDIENCE}'),
]))
`;

test.for([USER, SESSION])(
  'accepts what botocore signs and presigns for $accessKeyId',
  async (credential, context) => {
    await needTool(context, 'python3', ['-c', 'import botocore']);

    const { stdout, stderr } = await runTool(
      'python3',
      ['-c', BOTOCORE, rig.url, REGION],
      credentialEnvironment(credential),
    );

    expect(stdout.trim(), stderr).toBe('[200, 200, 200]');
  },
);

test.for([USER, SESSION])(
  'accepts what the AWS CLI sends to Lambda for $accessKeyId',
  async (credential, context) => {
    await needTool(context, 'aws', ['--version']);

    const result = await runTool(
      'aws',
      ['lambda', 'invoke', '--endpoint-url', rig.url, '--function-name', 'vendor:reports', '/dev/null'],
      credentialEnvironment(credential),
    );

    expect(result, result.stderr).toMatchObject({ status: 0 });
    expect(JSON.parse(result.stdout)).toEqual({ StatusCode: 200, ExecutedVersion: '1' });
  },
);

test('gives the AWS CLI an error that it can name for a wrong secret', async (context) => {
  await needTool(context, 'aws', ['--version']);

  const result = await runTool(
    'aws',
    ['lambda', 'invoke', '--endpoint-url', rig.url, '--function-name', 'vendor', '/dev/null'],
    credentialEnvironment({ ...USER, secretAccessKey: 'not the secret' }),
  );

  expect(result.status).not.toBe(0);
  expect(result.stderr).toContain('InvalidSignatureException');
});

test('accepts the request that each tampering below starts from', async () => {
  const status = await statusOf(await signMessage(rig.url, post));

  expect(status).toBe(200);
  expect(rig.invocations.at(-1)?.event).toMatchObject({ body: post.body, rawQueryString: 'b=2&a=1' });
});

const TAMPERINGS: Readonly<Record<string, (signed: Message) => Message>> = {
  'another body': (signed) => ({ ...signed, body: '{"audience":"https://example.org"}' }),
  'no body': (signed) => ({ ...signed, body: '' }),
  'another method': (signed) => ({ ...signed, method: 'GET' }),
  'another path': (signed) => ({ ...signed, target: signed.target.replace('/profiles/reports', '') }),
  'a parameter more': (signed) => ({ ...signed, target: `${signed.target}&c=3` }),
  'a parameter less': (signed) => ({ ...signed, target: signed.target.replace('&a=1', '') }),
  'a parameter twice': (signed) => ({ ...signed, target: `${signed.target}&a=1` }),
  'a parameter’s other value': (signed) => ({ ...signed, target: signed.target.replace('a=1', 'a=2') }),
  'values that changed places': (signed) => ({
    ...signed,
    target: signed.target.replace('b=2&a=1', 'b=1&a=2'),
  }),
  'a parameter called __proto__': (signed) => ({ ...signed, target: `${signed.target}&__proto__=1` }),
  'a parameter called x-amz-signature': (signed) => ({
    ...signed,
    target: `${signed.target}&x-amz-signature=1`,
  }),
  'another value of a signed header': (signed) => ({
    ...signed,
    headers: { ...signed.headers, 'x-note': 'second' },
  }),
  'a signed header twice': (signed) => ({
    ...signed,
    headers: { ...signed.headers, 'x-note': ['first note', 'x'] },
  }),
  'a signed header missing': (signed) => ({
    ...signed,
    headers: Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== 'x-note')),
  }),
  'an x-amz header that is not signed': (signed) => ({
    ...signed,
    headers: { ...signed.headers, 'x-amz-invocation-type': 'Event' },
  }),
  'a session token that the key has not': (signed) => ({
    ...signed,
    headers: { ...signed.headers, 'x-amz-security-token': 'stolen' },
  }),
  'an unsigned payload': (signed) => ({
    ...signed,
    headers: { ...signed.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  }),
  'another date': (signed) => ({
    ...signed,
    headers: { ...signed.headers, 'x-amz-date': `${String(signed.headers['x-amz-date']).slice(0, -3)}00Z` },
  }),
  'no date': (signed) => ({
    ...signed,
    headers: Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== 'x-amz-date')),
  }),
  'another name of the same host': (signed) => ({
    ...signed,
    headers: { ...signed.headers, host: `localhost:${rig.port}` },
  }),
  'host taken from the signed headers': (signed) => rewrite(signed, 'SignedHeaders=host;', 'SignedHeaders='),
  'a signature in capitals': (signed) =>
    rewrite(
      signed,
      /Signature=\w+/,
      (found) => `Signature=${found.slice('Signature='.length).toUpperCase()}`,
    ),
  'an algorithm of another kind': (signed) => rewrite(signed, 'AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'),
  'a scope that does not end': (signed) => rewrite(signed, '/aws4_request', ''),
  'half a signature': (signed) => rewrite(signed, /(Signature=\w{32})\w{32}/, '$1'),
  'two Authorization headers': (signed) => ({
    ...signed,
    headers: { ...signed.headers, authorization: [String(signed.headers.authorization), 'Basic eDp5'] },
  }),
  'a second signature in the query': (signed) => ({
    ...signed,
    target: `${signed.target}&X-Amz-Signature=1`,
  }),
  'a bearer token for a signature': (signed) => ({ ...signed, headers: { authorization: 'Bearer abc' } }),
  'no signature': (signed) => ({ ...signed, headers: { 'content-type': 'application/json' } }),
};

function rewrite(
  signed: Message,
  pattern: string | RegExp,
  replacement: string | ((found: string) => string),
): Message {
  const before = String(signed.headers.authorization);
  const authorization =
    typeof replacement === 'string'
      ? before.replace(pattern, replacement)
      : before.replace(pattern, replacement);
  expect(authorization).not.toBe(before);
  return { ...signed, headers: { ...signed.headers, authorization } };
}

test.for(Object.keys(TAMPERINGS))('refuses %s', async (name) => {
  // A date at 30 seconds of its minute, so that `another date` is another one.
  const signedAtMs = Math.floor(Date.now() / 60_000) * 60_000 - 30_000;
  const signed = await signMessage(rig.url, post, { signedAtMs });

  const tampered = TAMPERINGS[name]?.(signed) ?? signed;

  await expect(refusalOf(tampered)).resolves.toMatch(/\S/);
});

test('accepts the same parameters in another order, because they mean the same', async () => {
  const signed = await signMessage(rig.url, post);

  const status = await statusOf({ ...signed, target: '/profiles/reports/token?a=1&b=2' });

  expect(status).toBe(200);
});

test('accepts spaces folded in a signed header, because they mean the same', async () => {
  const signed = await signMessage(rig.url, post);

  const status = await statusOf({ ...signed, headers: { ...signed.headers, 'x-note': ' first    note ' } });

  expect(status).toBe(200);
});

const WRONG_SIGNERS: readonly (readonly [string, SigningOptions, RegExp])[] = [
  ['another region', { region: 'us-east-1' }, /scoped to a valid region/],
  ['another service', { service: 'lambda' }, /scoped to correct service: 'execute-api'/],
  [
    'another secret',
    { credential: { ...USER, secretAccessKey: 'guessed' } },
    /signature we calculated does not match/,
  ],
  ['an unknown key', { credential: STRANGER }, /security token included in the request is invalid/],
  [
    'a wrong session token',
    { credential: { ...SESSION, sessionToken: 'old' } },
    /security token .* is invalid/,
  ],
  ['another host', { origin: 'https://vendor.example.com' }, /signature we calculated does not match/],
  [
    'a clock 6 minutes slow',
    { signedAtMs: Date.now() - 360_000 },
    /Signature expired: \d{8}T\d{6}Z is now earlier/,
  ],
  ['a clock 6 minutes fast', { signedAtMs: Date.now() + 360_000 }, /Signature not yet current/],
];

test.for(WRONG_SIGNERS)('refuses, in AWS’s words, a request signed for %s', async ([, options, words]) => {
  const inHeader = await signMessage(options.origin ?? rig.url, post, options);
  const inQuery = await signMessage(options.origin ?? rig.url, get, { ...options, expiresInSeconds: 60 });

  await expect(refusalOf(inHeader)).resolves.toMatch(words);
  await expect(refusalOf(inQuery)).resolves.toMatch(words);
});

test('refuses temporary credentials without their session token', async () => {
  const { accessKeyId, secretAccessKey, principalArn } = SESSION;
  const signed = await signMessage(rig.url, get, {
    credential: { accessKeyId, secretAccessKey, principalArn },
  });

  await expect(refusalOf(signed)).resolves.toMatch(/security token included in the request is invalid/);
});

test('accepts a presigned request for exactly as long as it says', async () => {
  const minute = { expiresInSeconds: 60 };
  const fresh = await signMessage(rig.url, get, { ...minute, signedAtMs: Date.now() - 30_000 });
  const stale = await signMessage(rig.url, get, { ...minute, signedAtMs: Date.now() - 90_000 });
  const lasting = await signMessage(rig.url, get, {
    expiresInSeconds: 3600,
    signedAtMs: Date.now() - 3_000_000,
  });

  expect([await statusOf(fresh), await statusOf(stale), await statusOf(lasting)]).toEqual([200, 403, 200]);
});

test.for([
  ['a longer life', 'X-Amz-Expires=60', 'X-Amz-Expires=6000'],
  ['a life of more than a week', 'X-Amz-Expires=60', 'X-Amz-Expires=604801'],
  ['a second, unsigned signature', '&X-Amz-Signature=', '&x-amz-signature=0&X-Amz-Signature='],
  ['a signature given twice', '&X-Amz-Signature=', '&X-Amz-Signature=0&X-Amz-Signature='],
  ['another audience', 'example.com', 'example.org'],
  ['a parameter in another spelling', 'X-Amz-Date', 'x-amz-date'],
])('refuses a presigned request with %s', async ([, from = '', to = '']) => {
  const presigned = await signMessage(rig.url, get, { expiresInSeconds: 60 });
  const target = presigned.target.replace(from, to);

  expect(target).not.toBe(presigned.target);
  await expect(refusalOf({ ...presigned, target })).resolves.toMatch(/\S/);
});

test('tells the developer why a query that is not percent-encoded is refused', async () => {
  const signed = await signMessage(rig.url, { ...get, target: '/token?audience=x' });
  const target = '/token?audience=https://example.com';

  await expect(refusalOf({ ...signed, target })).resolves.toContain('percent-encoded');
});

test('never shows in a refusal the signature that would have been right', async () => {
  const signed = await signMessage(rig.url, post);
  const right = /Signature=(\w{64})/.exec(String(signed.headers.authorization))?.[1] ?? '';
  const { body, headers } = await sendMessage(rig, rewrite(signed, right, '0'.repeat(64)));

  expect(right).toHaveLength(64);
  expect(JSON.stringify([body, headers, rig.lines])).not.toContain(right);
});

const verify = createSignatureVerifier({
  credentials: [USER],
  region: REGION,
  service: 'execute-api',
  now: Date.now,
});

function received({ method, target, headers }: Message): ReceivedRequest {
  const [path = '', query = ''] = target.split('?');
  const lists = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => [
    name,
    [value].flat(),
  ]);
  return {
    method,
    path,
    query,
    protocol: 'HTTP/1.1',
    sourceIp: '127.0.0.1',
    headers: Object.fromEntries(lists),
    body: Buffer.alloc(0),
  };
}

/** What a caller who holds the key may get wrong while the signature itself is right. */
type HandSigned = {
  readonly query?: string;
  readonly canonicalQuery?: string;
  readonly signedHeaders?: string;
  readonly scopeDate?: string;
  readonly payloadHash?: string;
  readonly canonicalPayloadHash?: string;
};

/** Signs `GET /token` with nothing but HMACs, so that what is signed can be chosen. */
function signByHand(options: HandSigned = {}): ReceivedRequest {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const { query = '', canonicalQuery = query, scopeDate = date.slice(0, 8) } = options;
  const empty = createHash('sha256').update('').digest('hex');
  const { payloadHash = empty, canonicalPayloadHash = empty } = options;
  const { signedHeaders = 'host;x-amz-content-sha256;x-amz-date' } = options;
  const headers = { host: '127.0.0.1', 'x-amz-content-sha256': payloadHash, 'x-amz-date': date };
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = `GET\n/token\n${canonicalQuery}\n${lines.join('')}\n${Object.keys(headers).join(';')}\n${canonicalPayloadHash}`;
  const scope = `${scopeDate}/${REGION}/execute-api/aws4_request`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${USER.secretAccessKey}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${USER.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return received({ method: 'GET', target: `/token?${query}`, headers: { ...headers, authorization } });
}

test('accepts what is signed by hand', async () => {
  const verdict = await verify(signByHand({ query: 'a=1' }));

  expect(verdict).toEqual({ kind: 'verified', credential: USER });
});

test.for([
  ['a scope of another day', { scopeDate: '20200101' }, /Date in Credential scope does not match/],
  ['a hash that is not the body’s', { payloadHash: 'a'.repeat(64) }, /not the SHA-256 of the body/],
  [
    'an unsigned payload',
    { payloadHash: 'UNSIGNED-PAYLOAD', canonicalPayloadHash: 'UNSIGNED-PAYLOAD' },
    /unsigned payload is not accepted/,
  ],
  ['unsorted signed headers', { signedHeaders: 'x-amz-date;host;x-amz-content-sha256' }, /sorted/],
  [
    'a parameter that the signer loses',
    { query: '__proto__=1', canonicalQuery: '[object Object]' },
    /signature/,
  ],
] as const)('refuses %s, although the signature is right', async ([, options, words]) => {
  const verdict = await verify(signByHand(options));

  expect(verdict.kind).toBe('refused');
  expect(JSON.stringify(verdict)).toMatch(words);
});

test('refuses a presigned request that also carries an Authorization header', async () => {
  const presigned = await signMessage(rig.url, get, { expiresInSeconds: 60 });
  const signed = await signMessage(rig.url, get);

  const both = { ...presigned, headers: { authorization: String(signed.headers.authorization) } };

  await expect(refusalOf(both)).resolves.toMatch(/Only one of/);
});

test('refuses a request that is presigned for more than a week', async () => {
  const week = await signMessage(rig.url, get, { expiresInSeconds: 604_800 });
  const longer = await signMessage(rig.url, get, { expiresInSeconds: 604_801 });

  await expect(statusOf(week)).resolves.toBe(200);
  await expect(refusalOf(longer)).resolves.toMatch(/X-Amz-Expires/);
});

test('refuses a signature with any one character changed', async () => {
  const signed = await signMessage('http://127.0.0.1', get);
  const authorization = String(signed.headers.authorization);
  const start = authorization.length - 64;
  const changes = fc.tuple(fc.nat(63), fc.string({ minLength: 1, maxLength: 1 })).filter(([at, to]) => {
    return authorization[start + at] !== to;
  });

  await expect(verify(received(signed))).resolves.toMatchObject({ kind: 'verified' });
  await fc.assert(
    fc.asyncProperty(changes, async ([at, to]) => {
      const changed = `${authorization.slice(0, start + at)}${to}${authorization.slice(start + at + 1)}`;
      const verdict = await verify(
        received({ ...signed, headers: { ...signed.headers, authorization: changed } }),
      );
      expect(verdict.kind).toBe('refused');
    }),
    { numRuns: 300 },
  );
});

test('accepts a query under the signature of another only if both hold the same parameters', async () => {
  const name = fc.oneof(
    fc.constantFrom('audience', 'scopes', '__proto__', 'constructor'),
    fc.string({ minLength: 1 }),
  );
  const value = fc.oneof(fc.constantFrom('', 'a', 'b'), fc.string());
  const parameters = fc.array(fc.tuple(name, value), { maxLength: 3 });
  const write = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);

  await fc.assert(
    fc.asyncProperty(parameters, parameters, async (one, other) => {
      const query = write(one).join('&');
      const signed = await signMessage('http://127.0.0.1', { ...get, target: `/token?${query}` });
      const verdict = await verify(received({ ...signed, target: `/token?${write(other).join('&')}` }));

      const isSame = write(one).sort().join('&') === write(other).sort().join('&');
      const isLost = other.some(([key]) => key === '__proto__');
      expect(verdict.kind).toBe(isSame && !isLost ? 'verified' : 'refused');
    }),
    { numRuns: 200 },
  );
});

test('judges any Authorization header without failing', async () => {
  const anyHeader = fc.oneof(
    fc.string(),
    fc.string().map((text) => `AWS4-HMAC-SHA256 ${text}`),
    fc
      .tuple(fc.string(), fc.string(), fc.string())
      .map(([a, b, c]) => `AWS4-HMAC-SHA256 Credential=${a}, SignedHeaders=${b}, Signature=${c}`),
  );

  await fc.assert(
    fc.asyncProperty(anyHeader, fc.string(), async (authorization, query) => {
      const message = { method: 'GET', target: `/token?${query}`, headers: { authorization } };
      const verdict = await verify(received(message));
      expect(verdict.kind).toBe('refused');
    }),
  );
});
