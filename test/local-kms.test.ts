import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { kmsError, type LocalKms, startKms } from '../local/aws/kms.ts';
import { REGION, sendMessage, signMessage } from './local-aws-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

const ALGORITHM = 'RSASSA_PKCS1_V1_5_SHA_256';
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

let kms: LocalKms;
let arn: string;

// One server and one key for all: a key takes a tenth of a second to make.
beforeAll(async () => {
  kms = await startKms({ now: () => NOW });
  arn = await kms.createKey({ description: 'the tests’ own' });
  kms.createAlias('alias/vendor', arn);
});

afterEach(() => {
  kms.interfere(undefined);
  kms.setKeyState(arn, 'Enabled');
});

afterAll(() => kms.close());

type Reply = { readonly status: number; readonly json: Record<string, unknown> };

/** Sends an action as a client signs it, with `body` as it is if it is text. */
async function call(action: string, input: object | string): Promise<Reply> {
  const message = {
    method: 'POST',
    target: '/',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}` },
    body: typeof input === 'string' ? input : JSON.stringify(input),
  };
  const signed = await signMessage(kms.url, message, { service: 'kms' });
  const { status, body } = await sendMessage(kms, signed);
  return { status, json: JSON.parse(body) };
}

function sign(message: Uint8Array, more: object = {}): Promise<Reply> {
  const Message = Buffer.from(message).toString('base64');
  return call('Sign', { KeyId: arn, Message, SigningAlgorithm: ALGORITHM, ...more });
}

async function publicKey(KeyId = arn): Promise<KeyObject> {
  const { json } = await call('GetPublicKey', { KeyId });
  return createPublicKey({
    key: Buffer.from(String(json.PublicKey), 'base64'),
    format: 'der',
    type: 'spki',
  });
}

function isSignatureOf(message: Uint8Array, key: KeyObject, { json }: Reply): boolean {
  return verify('sha256', message, key, Buffer.from(String(json.Signature), 'base64'));
}

test('signs a message and its digest alike, so that the public key verifies both and nothing else', async () => {
  const key = await publicKey();
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 4_096 });

  await fc.assert(
    fc.asyncProperty(bytes, async (message) => {
      const digest = createHash('sha256').update(message).digest();

      const raw = await sign(message);
      const digested = await sign(digest, { MessageType: 'DIGEST' });

      expect(isSignatureOf(message, key, raw)).toBe(true);
      expect(digested.json.Signature).toBe(raw.json.Signature);
      expect(isSignatureOf(Buffer.concat([message, Buffer.of(0)]), key, raw)).toBe(false);
    }),
    { numRuns: 50 },
  );
});

test('answers with the key’s ARN, whichever of its names was given', async () => {
  const id = arn.split('/')[1] ?? '';
  const names = [id, arn, 'alias/vendor', `arn:aws:kms:${REGION}:123456789012:alias/vendor`];

  const replies = await Promise.all(names.map((KeyId) => sign(Buffer.from('m'), { KeyId })));

  expect(arn).toMatch(/^arn:aws:kms:eu-west-1:123456789012:key\/[0-9a-f-]{36}$/);
  expect(replies.map(({ json }) => [json.KeyId, json.SigningAlgorithm])).toEqual(
    names.map(() => [arn, ALGORITHM]),
  );
});

test('describes a key and gives its public half, of 2,048 bits', async () => {
  const described = await call('DescribeKey', { KeyId: 'alias/vendor' });
  const given = await call('GetPublicKey', { KeyId: 'alias/vendor' });
  const key = await publicKey();

  expect(described.json.KeyMetadata).toMatchObject({
    Arn: arn,
    AWSAccountId: '123456789012',
    CreationDate: NOW / 1000,
    Description: 'the tests’ own',
    Enabled: true,
    KeySpec: 'RSA_2048',
    KeyState: 'Enabled',
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: expect.arrayContaining([ALGORITHM]),
  });
  expect(given.json).toMatchObject({ KeyId: arn, KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
  expect(key.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048, publicExponent: 65_537n });
  expect(JSON.stringify([described, given])).not.toContain('PRIVATE');
});

test('makes a key and names it for a client, and signs by that name', async () => {
  const made = await call('CreateKey', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
  const { Arn } = made.json.KeyMetadata as { Arn: string };
  const named = await call('CreateAlias', { AliasName: 'alias/second', TargetKeyId: Arn });

  const signed = await sign(Buffer.from('m'), { KeyId: 'alias/second' });

  expect(named.status).toBe(200);
  expect(isSignatureOf(Buffer.from('m'), await publicKey(Arn), signed)).toBe(true);
  expect(isSignatureOf(Buffer.from('m'), await publicKey(), signed)).toBe(false);
});

test.for([
  ['a symmetric key', 'CreateKey', {}, 'UnsupportedOperationException'],
  ['an elliptic key', 'CreateKey', { KeySpec: 'ECC_NIST_P256' }, 'UnsupportedOperationException'],
  [
    'an RSA key for MACs',
    'CreateKey',
    { KeySpec: 'RSA_2048', KeyUsage: 'GENERATE_VERIFY_MAC' },
    'ValidationException',
  ],
  ['a second key of a name', 'CreateAlias', { AliasName: 'alias/vendor' }, 'AlreadyExistsException'],
  ['a name that is AWS’s', 'CreateAlias', { AliasName: 'alias/aws/s3' }, 'InvalidAliasNameException'],
  ['a name without its prefix', 'CreateAlias', { AliasName: 'vendor' }, 'InvalidAliasNameException'],
] as const)('refuses to make %s', async ([, action, input, type]) => {
  const { status, json } = await call(action, { TargetKeyId: arn, ...input });

  expect(status).toBe(400);
  expect(json).toMatchObject({ __type: type, message: expect.any(String) });
});

test.for<[string, object, string]>([
  ['an unknown key', { KeyId: '00000000-0000-0000-0000-000000000000' }, 'NotFoundException'],
  ['an unknown alias', { KeyId: 'alias/nobody' }, 'NotFoundException'],
  ['an inherited name', { KeyId: '__proto__' }, 'NotFoundException'],
  [
    'a key of another region',
    { KeyId: 'arn:aws:kms:us-east-1:123456789012:alias/vendor' },
    'NotFoundException',
  ],
  [
    'a key of another account',
    { KeyId: `arn:aws:kms:${REGION}:999999999999:alias/vendor` },
    'NotFoundException',
  ],
  ['no key', { KeyId: '' }, 'ValidationException'],
  ['a key that is no text', { KeyId: 7 }, 'ValidationException'],
  ['an empty message', { Message: '' }, 'ValidationException'],
  ['a message that is not base64', { Message: 'ä' }, 'SerializationException'],
  ['a message of 4,097 bytes', { Message: Buffer.alloc(4_097).toString('base64') }, 'ValidationException'],
  [
    'a digest of 31 bytes',
    { Message: Buffer.alloc(31).toString('base64'), MessageType: 'DIGEST' },
    'ValidationException',
  ],
  ['an unknown type of message', { MessageType: 'raw' }, 'ValidationException'],
  ['no algorithm', { SigningAlgorithm: undefined }, 'ValidationException'],
  ['an algorithm of another kind of key', { SigningAlgorithm: 'ECDSA_SHA_256' }, 'InvalidKeyUsageException'],
  [
    'an algorithm that is not to be had here',
    { SigningAlgorithm: 'RSASSA_PSS_SHA_256' },
    'UnsupportedOperationException',
  ],
  ['a dry run', { DryRun: true }, 'DryRunOperationException'],
])('gives no signature for %s', async ([, more, type]) => {
  const { status, json } = await sign(Buffer.from('m'), more);

  expect(status).toBe(400);
  expect(json).toMatchObject({ __type: type, message: expect.any(String) });
  expect(json).not.toHaveProperty('Signature');
});

test.for([
  ['disabled', 'Disabled', 'DisabledException'],
  ['pending deletion', 'PendingDeletion', 'KMSInvalidStateException'],
] as const)('describes a key that is %s, and does nothing else with it', async ([, state, type]) => {
  kms.setKeyState(arn, state);

  const signed = await sign(Buffer.from('m'));
  const given = await call('GetPublicKey', { KeyId: arn });
  const described = await call('DescribeKey', { KeyId: arn });

  expect(signed.json).toMatchObject({ __type: type });
  expect(given.json).toMatchObject({ __type: type });
  expect(described.json.KeyMetadata).toMatchObject({ KeyState: state, Enabled: false });
});

test('does not sign with a key that is for encryption', async () => {
  const KeyId = await kms.createKey({ usage: 'ENCRYPT_DECRYPT' });

  const { status, json } = await sign(Buffer.from('m'), { KeyId });

  expect(status).toBe(400);
  expect(json).toMatchObject({ __type: 'InvalidKeyUsageException' });
});

test.for([
  ['AccessDeniedException', 400],
  ['ThrottlingException', 400],
  ['KMSInternalException', 500],
] as const)('answers with an injected %s', async ([type, status]) => {
  kms.interfere(({ action }) => (action === 'Sign' ? kmsError(type, 'injected', status) : undefined));

  const signed = await sign(Buffer.from('m'));
  const described = await call('DescribeKey', { KeyId: arn });

  expect(signed).toMatchObject({ status, json: { __type: type, message: 'injected' } });
  expect(described.status).toBe(200);
});

test('keeps a list of what was asked for, without any message', async () => {
  const before = kms.requests.length;
  const message = randomBytes(24);

  await sign(message, { MessageType: 'RAW' });
  await sign(message, { KeyId: 'alias/nobody' });

  expect(kms.requests.slice(before)).toEqual([
    { action: 'Sign', keyId: arn, messageType: 'RAW', status: 200 },
    { action: 'Sign', keyId: 'alias/nobody', messageType: undefined, status: 400 },
  ]);
});

test.for([
  ['no signature', {}, 'MissingAuthenticationTokenException'],
  ['a bearer token', { authorization: 'Bearer x', 'x-amz-date': 'x' }, 'UnrecognizedClientException'],
] as const)('refuses a request with %s', async ([, headers, type]) => {
  const { status, body } = await sendMessage(kms, {
    method: 'POST',
    target: '/',
    headers: { 'x-amz-target': 'TrentService.DescribeKey', ...headers },
    body: JSON.stringify({ KeyId: arn }),
  });

  expect(status).toBe(400);
  expect(JSON.parse(body)).toMatchObject({ __type: type });
});

test('refuses a request that is signed for another service', async () => {
  const message = {
    method: 'POST',
    target: '/',
    headers: { 'x-amz-target': 'TrentService.DescribeKey' },
    body: JSON.stringify({ KeyId: arn }),
  };
  const signed = await signMessage(kms.url, message, { service: 'secretsmanager' });

  const { body } = await sendMessage(kms, signed);

  expect(JSON.parse(body)).toMatchObject({ __type: 'UnrecognizedClientException' });
});

test('never answers garbage with anything but a refusal', async () => {
  const actions = fc.constantFrom('Sign', 'GetPublicKey', 'DescribeKey', 'CreateAlias', 'toString');

  await fc.assert(
    fc.asyncProperty(actions, fc.oneof(fc.string(), fc.json()), async (action, body) => {
      const { status, json } = await call(action, body);

      expect(status).toBe(400);
      expect(json).toMatchObject({ __type: expect.any(String) });
    }),
    { numRuns: 100 },
  );
});

test('serves the AWS CLI: sign, then get-public-key', async (context) => {
  await needTool(context, 'aws', ['--version']);
  const folder = await mkdtemp(join(tmpdir(), 'kms-'));
  context.onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'message');
  await writeFile(file, 'to be signed');
  const environment = {
    AWS_ACCESS_KEY_ID: 'AKIALOCAL',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_DEFAULT_REGION: REGION,
  };
  const aws = (...args: readonly string[]) =>
    runTool('aws', ['kms', ...args, '--endpoint-url', kms.url, '--output', 'json'], environment);

  const signed = await aws(
    'sign',
    '--key-id',
    'alias/vendor',
    '--message',
    `fileb://${file}`,
    '--signing-algorithm',
    ALGORITHM,
  );
  const given = await aws('get-public-key', '--key-id', arn);
  const missing = await aws('describe-key', '--key-id', 'alias/nobody');

  expect(signed, signed.stderr).toMatchObject({ status: 0 });
  expect(given, given.stderr).toMatchObject({ status: 0 });
  const der = Buffer.from(JSON.parse(given.stdout).PublicKey, 'base64');
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const reply = { status: 200, json: JSON.parse(signed.stdout) };
  expect(isSignatureOf(Buffer.from('to be signed'), key, reply)).toBe(true);
  expect(missing.stderr).toContain('NotFoundException');
});
