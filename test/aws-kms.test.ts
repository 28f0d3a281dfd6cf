import { constants, createPublicKey, generateKeyPairSync, privateEncrypt, verify } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { inspect } from 'node:util';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { AwsCredentials } from '../lambda/aws/aws-environment.ts';
import { openAwsKms } from '../lambda/credentials/aws-kms.ts';
import { faultOf } from '../lambda/credentials/credential-document.ts';
import type { TokenSource } from '../lambda/credentials/token-source.ts';
import type { Endpoint } from '../lambda/google/exchange.ts';
import type { Grant } from '../lambda/types.ts';
import { type KmsRequest, kmsError, type LocalKms, startKms } from '../local/aws/kms.ts';
import type { Interference } from '../local/aws/stand-in.ts';
import { failureOf } from './make-calls.ts';
import { sourceDependencies } from './make-source.ts';

const CANARY = 'canary7Q2wXz';
const REGION = 'eu-west-1';
const EMAIL = 'vendor@example-project.iam.gserviceaccount.com';
const KEY_ID = '0123456789abcdef0123456789abcdef01234567';
const KEYS = { accessKeyId: 'ASIAFIRST', secretAccessKey: 'first-secret', sessionToken: 'first-session' };
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const GRANT: Grant = { kind: 'access_token', credential: 'default', scopes: SCOPE };
const LONG_MS = 30_000;

let kms: LocalKms;
let key: string;

beforeEach(async () => {
  kms = await startKms({ region: REGION });
  key = await kms.createKey();
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', kms.url);
  // The SDK waits by chance between its attempts.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await kms.close();
});

type Rig = {
  readonly source: TokenSource;
  /** What Google was sent. */
  readonly assertions: readonly string[];
  readonly endpoints: readonly Endpoint[];
};

type RigOptions = {
  readonly document?: object;
  readonly credentials?: () => Promise<AwsCredentials>;
  readonly region?: string;
};

async function openRig({ document = {}, credentials, region = REGION }: RigOptions = {}): Promise<Rig> {
  const assertions: string[] = [];
  const endpoints: Endpoint[] = [];
  const dependencies = sourceDependencies({
    aws: { region: async () => region, credentials: credentials ?? (async () => KEYS) },
    exchange: async (endpoint, body) => {
      endpoints.push(endpoint);
      assertions.push(String((body as { assertion?: unknown }).assertion));
      return {
        outcome: 'granted',
        fields: { access_token: 'ya29.x', expires_in: 3_599, token_type: 'Bearer' },
        googleMs: 1,
      };
    },
  });
  const source = await openAwsKms(
    { type: 'aws_kms', key_id: key, client_email: EMAIL, private_key_id: KEY_ID, ...document },
    faultOf('document'),
    { ...dependencies, openDocument: () => Promise.reject(new Error('there is none in it')) },
  );
  return { source, assertions, endpoints };
}

function ask({ source }: Rig, leftMs = LONG_MS): ReturnType<TokenSource> {
  return source(GRANT, Date.now() + leftMs);
}

function signatures(): readonly KmsRequest[] {
  return kms.requests.filter(({ action }) => action === 'Sign');
}

/** Has the first `times` requests end otherwise. */
function interfereOnce(interference: Interference, times = 1): void {
  let left = times;
  kms.interfere(() => {
    left -= 1;
    return left >= 0 ? interference : undefined;
  });
}

async function publicKeyOf(keyId: string) {
  const client = new KMSClient({ region: REGION, credentials: KEYS, endpoint: kms.url });
  const { PublicKey: der = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
  client.destroy();
  return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
}

test('signs an assertion that verifies with the public half of the key', async () => {
  const rig = await openRig();

  const result = await ask(rig);

  const [assertion = ''] = rig.assertions;
  const [header, claims, signature = ''] = assertion.split('.');
  const isGood = verify(
    'sha256',
    Buffer.from(`${header}.${claims}`),
    await publicKeyOf(key),
    Buffer.from(signature, 'base64url'),
  );
  expect(result).toMatchObject({ outcome: 'granted', token: { value: 'ya29.x', principal: EMAIL } });
  expect(isGood).toBe(true);
});

test('names the algorithm, the type and Google’s id of the key in the header, and nothing else', async () => {
  const rig = await openRig();

  await ask(rig);

  expect(decodeProtectedHeader(rig.assertions[0] ?? '')).toEqual({ alg: 'RS256', typ: 'JWT', kid: KEY_ID });
});

test('makes the assertion out for an hour, to the token endpoint of the document', async () => {
  const rig = await openRig({ document: { token_uri: 'https://www.googleapis.com/oauth2/v4/token' } });

  await ask(rig);

  const claims = decodeJwt(rig.assertions[0] ?? '');
  expect(claims).toMatchObject({
    iss: EMAIL,
    scope: SCOPE,
    aud: 'https://www.googleapis.com/oauth2/v4/token',
  });
  expect(Number(claims.exp) - Number(claims.iat)).toBe(3_600);
  expect(rig.endpoints.map(({ url }) => url.href)).toEqual(['https://www.googleapis.com/oauth2/v4/token']);
});

test('sends KMS a digest for the key of the document, and not the assertion', async () => {
  await ask(await openRig());

  expect(kms.requests).toEqual([{ action: 'Sign', keyId: key, messageType: 'DIGEST', status: 200 }]);
});

test('takes a key by its alias', async () => {
  kms.createAlias('alias/vendor', key);
  const rig = await openRig({ document: { key_id: 'alias/vendor' } });

  await ask(rig);

  expect(rig.assertions).toHaveLength(1);
});

const PASSING: readonly [string, Interference][] = [
  ['throttles', kmsError('ThrottlingException', CANARY)],
  ['fails', kmsError('KMSInternalException', CANARY, 500)],
  ['is away', { status: 503, body: CANARY }],
  ['resets', 'reset'],
];

test.each(PASSING)('gets its signature though KMS %s two times', async (_, interference) => {
  interfereOnce(interference, 2);
  const rig = await openRig();

  expect(await ask(rig)).toMatchObject({ outcome: 'granted' });
  expect(signatures().map(({ status }) => status === 200)).toEqual([false, false, true]);
});

test.each(PASSING)('asks three times and no more while KMS %s, and says so', async (_, interference) => {
  kms.interfere(() => interference);
  const rig = await openRig();

  const error = await failureOf(() => ask(rig));

  expect(error.code).toBe('credential_unavailable');
  expect(error.message).toMatch(/^The KMS key \S+ cannot be reached now \(\w+\)\. Try again later\.$/);
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(CANARY);
  expect(signatures()).toHaveLength(3);
});

const FINAL: readonly [string, RegExp][] = [
  ['AccessDeniedException', /its role needs kms:Sign on it/],
  ['NotFoundException', /correct key_id/],
  ['DisabledException', /aws kms enable-key --key-id KEY/],
  ['KMSInvalidStateException', /aws kms describe-key --key-id KEY.*cancel-key-deletion/],
  ['InvalidKeyUsageException', /--key-spec RSA_2048 --key-usage SIGN_VERIFY/],
  ['UnsupportedOperationException', /--key-spec RSA_2048 --key-usage SIGN_VERIFY/],
  ['ValidationException', /correct key_id/],
  ['ExpiredTokenException', /AWS session is over\. Start it again/],
  ['UnrecognizedClientException', /Check AWS_ACCESS_KEY_ID and the region/],
  ['InvalidSignatureException', /Check AWS_SECRET_ACCESS_KEY and the time/],
];

test.each(FINAL)('does not ask again after %s, and says what to do', async (type, fix) => {
  kms.interfere(() => kmsError(type, CANARY));
  const rig = await openRig();

  const error = await failureOf(() => ask(rig));

  expect(error.code).toBe('credential_invalid');
  expect(error.message).toMatch(/^The KMS key arn:aws:kms:eu-west-1:\d+:key\/\S+ [^\n]+\.$/);
  expect(error.message).toMatch(fix);
  expect(error.message).toContain(`(${type})`);
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(CANARY);
  expect(signatures()).toHaveLength(1);
});

test.each([
  ['garbage', '<html>captive portal</html>'],
  ['no signature', '{"KeyId":"x"}'],
  ['an empty signature', '{"Signature":""}'],
  ['a signature of no RSA key', `{"Signature":"${Buffer.alloc(72).toString('base64')}"}`],
  ['a signature as long as a book', `{"Signature":"${Buffer.alloc(300_000).toString('base64')}"}`],
])('does not take %s for a signature, nor ask Google with it', async (_, body) => {
  kms.interfere(() => ({ status: 200, body, headers: { 'content-type': 'application/x-amz-json-1.1' } }));
  const rig = await openRig();

  const error = await failureOf(() => ask(rig));

  expect(error.code).toBe('credential_unavailable');
  expect(rig.assertions).toEqual([]);
});

test('waits for a silent KMS no longer than the caller has time', async () => {
  kms.interfere(() => 'hang');
  const rig = await openRig();
  const startedAtMs = Date.now();

  const error = await failureOf(() => ask(rig, 300));

  expect(error).toMatchObject({ code: 'credential_unavailable' });
  expect(Date.now() - startedAtMs).toBeLessThan(1_500);
});

test('says so and not that the vendor failed if there is no time left at all', async () => {
  const rig = await openRig();

  const error = await failureOf(() => ask(rig, -1_000));

  expect(error.code).toBe('credential_unavailable');
});

test('says so at once if there are no AWS credentials', async () => {
  const rig = await openRig({ credentials: () => Promise.reject(new Error(CANARY)) });

  const error = await failureOf(() => ask(rig));

  expect(error).toMatchObject({
    code: 'credential_unavailable',
    message: expect.stringMatching(/there are no AWS credentials.*AWS_ACCESS_KEY_ID/),
  });
  expect(error.message).not.toContain(CANARY);
  expect(kms.requests).toEqual([]);
});

/** A KMS that notes down who asks it. */
async function startNotingKms(): Promise<{ readonly url: string; readonly askedBy: readonly string[] }> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const askedBy: string[] = [];
  const server = http.createServer((request, response) => {
    const { authorization = '', 'x-amz-security-token': session = 'no session' } = request.headers;
    askedBy.push(`${/Credential=(\w+)/.exec(authorization)?.[1]} ${session}`);
    const Signature = privateEncrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.from('x'),
    );
    request
      .resume()
      .on('end', () => response.end(JSON.stringify({ Signature: Signature.toString('base64') })));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, askedBy };
}

test('follows no redirect', async () => {
  const { url, askedBy } = await startNotingKms();
  kms.interfere(() => ({ status: 307, headers: { location: url } }));
  const rig = await openRig();

  const error = await failureOf(() => ask(rig));

  expect(error.code).toBe('credential_unavailable');
  expect(askedBy).toEqual([]);
});

test('signs with the AWS credentials of now, though they have rotated', async () => {
  const { url, askedBy } = await startNotingKms();
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', url);
  let current: AwsCredentials = KEYS;
  const rig = await openRig({ credentials: async () => current });

  await ask(rig);
  current = { accessKeyId: 'ASIASECOND', secretAccessKey: 'second-secret', sessionToken: 'second-session' };
  await ask(rig);

  expect(askedBy).toEqual(['ASIAFIRST first-session', 'ASIASECOND second-session']);
});

test.each([
  ['eu-west-1', 'kms.eu-west-1.amazonaws.com'],
  ['us-gov-west-1', 'kms.us-gov-west-1.amazonaws.com'],
  ['cn-north-1', 'kms.cn-north-1.amazonaws.com.cn'],
])('asks KMS of %s at its own address', async (region, host) => {
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', undefined);
  const dialled: unknown[] = [];
  vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(function (
    this: net.Socket,
    ...args: unknown[]
  ) {
    const [options] = args.flat();
    dialled.push((options as { host?: unknown }).host);
    return this;
  } as typeof net.Socket.prototype.connect);
  const rig = await openRig({ region });

  const error = await failureOf(() => ask(rig, 100));

  expect(error.code).toBe('credential_unavailable');
  expect(new Set(dialled)).toEqual(new Set([host]));
});

test.each<[string, object, RegExp]>([
  ['no key', { key_id: undefined }, /field key_id is missing/],
  ['no account', { client_email: '' }, /field client_email is missing/],
  [
    'no name for the key',
    { private_key_id: undefined },
    /field private_key_id is missing: .*npm run kms-certificate.*gcloud iam service-accounts keys upload/,
  ],
  ['another token endpoint', { token_uri: 'https://example.com/token' }, /field token_uri is no https/],
])('says what is wrong with a document that has %s', async (_, document, fault) => {
  const error = await failureOf(() => openRig({ document }));

  expect(error.code).toBe('credential_invalid');
  expect(error.message).toMatch(/^The document cannot be used: its field/);
  expect(error.message).toMatch(fault);
  expect(kms.requests).toEqual([]);
});
