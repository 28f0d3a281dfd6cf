import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSecretReader, type ReadSecret } from '../lambda/aws/secrets-manager.ts';
import type { VendError } from '../lambda/errors.ts';
import {
  type LocalSecretsManager,
  secretsManagerError,
  startSecretsManager,
} from '../local/aws/secrets-manager.ts';
import { failureOf } from './make-calls.ts';

const CANARY = 'canary7Q2wXz';
const REGION = 'eu-west-1';

let manager: LocalSecretsManager;
let readSecret: ReadSecret;

beforeEach(async () => {
  manager = await startSecretsManager({ region: REGION });
  readSecret = createSecretReader({
    endpoint: manager.url,
    region: REGION,
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
  });
});

afterEach(async () => {
  await manager.close();
});

function everythingOf(error: VendError): string {
  return [inspect(error, { showHidden: true, depth: 20 }), error.stack, JSON.stringify(error)].join('\n');
}

/** Has every request end with `body`. */
function answerWith(body: string, status: number): void {
  manager.interfere(() => ({ status, body, headers: { 'content-type': 'application/x-amz-json-1.1' } }));
}

/** Has every request end with an error of Secrets Manager's, whose message is the canary. */
function failWith(type: string, status: number = 400): void {
  answerWith(String(secretsManagerError(type, CANARY, status).body), status);
}

test('reads the string of a secret by its name and by its ARN, with its version', async () => {
  const arn = manager.createSecret('key', { string: CANARY });
  const versionId = manager.putSecretValue('key', { string: 'newer' });

  expect(await readSecret('key')).toEqual({ text: 'newer', versionId });
  expect(await readSecret(arn)).toEqual({ text: 'newer', versionId });
});

test('reads the bytes of a secret as UTF-8', async () => {
  manager.createSecret('key', { binary: Buffer.from('{"ä": "§"}') });

  expect((await readSecret('key')).text).toBe('{"ä": "§"}');
});

test('asks for AWSCURRENT by name', async () => {
  manager.createSecret('key', { string: 'x' });

  await readSecret('key');

  expect(manager.requests).toEqual([
    { action: 'GetSecretValue', secretId: 'key', versionStage: 'AWSCURRENT', status: 200 },
  ]);
});

test('says of bytes that are no UTF-8 that they are not, without showing them', async () => {
  manager.createSecret('key', { binary: Buffer.concat([Buffer.from(CANARY), Buffer.from([0xff])]) });

  const failure = await failureOf(() => readSecret('key'));

  expect(failure).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringContaining('SecretBinary'),
  });
  expect(everythingOf(failure)).not.toContain(CANARY);
});

test('says of a secret that is not there how to put the key in', async () => {
  const failure = await failureOf(() => readSecret('absent'));

  expect(failure).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringMatching(
      /^The secret absent does not exist, or has no value yet\. .*put-secret-value/,
    ),
  });
});

test('says of a secret that is marked for deletion how to restore it', async () => {
  manager.createSecret('key', { string: 'x' });
  manager.deleteSecret('key');

  expect(await failureOf(() => readSecret('key'))).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringContaining('restore-secret'),
  });
});

test.each([
  ['AccessDeniedException', /secretsmanager:GetSecretValue.*kms:Decrypt/],
  ['DecryptionFailure', /KMS key/],
  ['InvalidParameterException', /no valid name or ARN/],
  ['ValidationException', /no valid name or ARN/],
])('takes %s for final, asks once, and says what to do', async (type, fix) => {
  failWith(type);

  const failure = await failureOf(() => readSecret('key'));

  expect(failure.code).toBe('credential_invalid');
  expect(failure.message).toMatch(fix);
  expect(failure.message).toContain(`(${type})`);
  expect(everythingOf(failure)).not.toContain(CANARY);
  expect(manager.requests).toHaveLength(1);
});

test.each<[string, number]>([
  ['ThrottlingException', 400],
  ['InternalServiceError', 500],
])('tries 3 times after %s, and says that another try may help', async (type, status) => {
  failWith(type, status);

  const failure = await failureOf(() => readSecret('key'));

  expect(failure).toMatchObject({
    code: 'credential_unavailable',
    message: expect.stringContaining('Try again later'),
  });
  expect(everythingOf(failure)).not.toContain(CANARY);
  expect(manager.requests).toHaveLength(3);
});

test.each(['ExpiredTokenException', 'UnrecognizedClientException', 'SomethingNew'])(
  'takes %s for a passing fault of Secrets Manager or the function, not of the secret',
  async (type) => {
    failWith(type);

    expect((await failureOf(() => readSecret('key'))).code).toBe('credential_unavailable');
  },
);

test('reads a secret although the first try was reset', async () => {
  manager.createSecret('key', { string: 'x' });
  let tries = 0;
  manager.interfere(() => {
    tries += 1;
    return tries === 1 ? 'reset' : undefined;
  });

  expect((await readSecret('key')).text).toBe('x');
});

test('says that another try may help if there is nobody to ask', async () => {
  await manager.close();

  const failure = await failureOf(() => readSecret('key'));

  expect(failure.code).toBe('credential_unavailable');
  expect(failure.cause).toBeUndefined();
});

test.each<[string, string]>([
  ['half a document', `{"Name": "key", "SecretString": "${CANARY}`],
  ['no JSON', `<html>${CANARY}</html>`],
  ['bare text', CANARY],
  ['a string', `"${CANARY}"`],
  ['an array', `["${CANARY}"]`],
  ['null', 'null'],
  ['bytes that are no base64', `{"SecretBinary": "${CANARY}!!"}`],
  ['nothing', ''],
])('shows nothing of %s that comes in the place of an answer', async (_what, body) => {
  for (const status of [200, 400]) {
    answerWith(body, status);

    const outcome = await readSecret('key').then(
      ({ text }) => text,
      (error: VendError) => error,
    );

    if (typeof outcome === 'object' && 'code' in outcome) {
      expect(['credential_unavailable', 'credential_invalid']).toContain(outcome.code);
      expect(everythingOf(outcome)).not.toContain(CANARY);
      expect(outcome.cause).toBeUndefined();
    } else {
      expect([status, typeof outcome]).toEqual([200, 'string']);
    }
  }
});

test('takes an answer without a secret in it for an empty secret', async () => {
  answerWith('{"Name": "key"}', 200);

  expect(await readSecret('key')).toEqual({ text: '', versionId: '' });
});
