import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type LocalSecretsManager,
  secretsManagerError,
  startSecretsManager,
} from '../local/aws/secrets-manager.ts';
import { sendMessage } from './local-aws-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

let server: LocalSecretsManager;
let client: SecretsManagerClient;

beforeEach(async () => {
  server = await startSecretsManager({ now: () => NOW });
  client = new SecretsManagerClient({
    endpoint: server.url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
});

afterEach(async () => {
  client.destroy();
  await server.close();
});

function read(SecretId: string, more: { VersionStage?: string; VersionId?: string } = {}) {
  return client.send(new GetSecretValueCommand({ SecretId, ...more }));
}

test('gives a text secret by name, by ARN and by ARN without its suffix', async () => {
  const arn = server.createSecret('vendor/key', { string: '{"a":1}' });

  const answers = [await read('vendor/key'), await read(arn), await read(arn.slice(0, -7))];

  expect(arn).toMatch(/^arn:aws:secretsmanager:eu-west-1:123456789012:secret:vendor\/key-\w{6}$/);
  for (const answer of answers) {
    expect(answer).toMatchObject({
      ARN: arn,
      Name: 'vendor/key',
      SecretString: '{"a":1}',
      VersionStages: ['AWSCURRENT'],
      CreatedDate: new Date(NOW),
    });
    expect(answer.SecretBinary).toBeUndefined();
  }
});

test('gives a binary secret as the bytes that it is', async () => {
  const bytes = Uint8Array.from([0, 255, 128, 10]);
  server.createSecret('binary', { binary: bytes });

  const answer = await read('binary');

  expect(answer.SecretString).toBeUndefined();
  expect(Buffer.from(answer.SecretBinary ?? [])).toEqual(Buffer.from(bytes));
});

test('moves AWSCURRENT to a new version and AWSPREVIOUS to the one before', async () => {
  server.createSecret('key', { string: 'first' });
  const first = await read('key');

  const second = server.putSecretValue('key', { string: 'second' });
  const third = server.putSecretValue('key', { string: 'third' });

  expect(new Set([first.VersionId, second, third]).size).toBe(3);
  await expect(read('key')).resolves.toMatchObject({ SecretString: 'third', VersionId: third });
  await expect(read('key', { VersionStage: 'AWSPREVIOUS' })).resolves.toMatchObject({
    SecretString: 'second',
  });
  await expect(read('key', { VersionId: first.VersionId ?? '' })).resolves.toMatchObject({
    SecretString: 'first',
    VersionStages: [],
  });
});

test('creates, changes and describes a secret for the SDK', async () => {
  const created = await client.send(new CreateSecretCommand({ Name: 'key', SecretString: 'first' }));
  const put = await client.send(
    new PutSecretValueCommand({ SecretId: 'key', SecretBinary: Buffer.from('second') }),
  );

  const described = await client.send(new DescribeSecretCommand({ SecretId: 'key' }));

  expect(put).toMatchObject({ ARN: created.ARN, VersionStages: ['AWSCURRENT'] });
  expect(described).toMatchObject({
    ARN: created.ARN,
    Name: 'key',
    VersionIdsToStages: {
      [created.VersionId ?? '']: ['AWSPREVIOUS'],
      [put.VersionId ?? '']: ['AWSCURRENT'],
    },
  });
});

test('creates a secret that has no value yet', async () => {
  await client.send(new CreateSecretCommand({ Name: 'key' }));

  await expect(read('key')).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
  });
});

test('rotates as a rotation function does: a pending version, then the label moved', async () => {
  server.createSecret('key', { string: 'old' });
  const { VersionId: old } = await read('key');
  const token = 'a'.repeat(32);
  const pending = {
    SecretId: 'key',
    ClientRequestToken: token,
    SecretString: 'new',
    VersionStages: ['AWSPENDING'],
  };

  await client.send(new PutSecretValueCommand(pending));
  await client.send(new PutSecretValueCommand(pending));
  const before = await read('key');
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: 'key',
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: token,
      RemoveFromVersionId: old,
    }),
  );
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: 'key',
      VersionStage: 'AWSPENDING',
      RemoveFromVersionId: token,
    }),
  );

  expect(before.SecretString).toBe('old');
  await expect(read('key')).resolves.toMatchObject({ SecretString: 'new', VersionStages: ['AWSCURRENT'] });
  await expect(read('key', { VersionStage: 'AWSPREVIOUS' })).resolves.toMatchObject({ VersionId: old });
});

test('refuses to move AWSCURRENT for one who does not name the version that has it', async () => {
  server.createSecret('key', { string: 'old' });
  const { VersionId: old } = await read('key');
  const token = 'b'.repeat(32);
  await client.send(
    new PutSecretValueCommand({
      SecretId: 'key',
      ClientRequestToken: token,
      SecretString: 'new',
      VersionStages: ['AWSPENDING'],
    }),
  );
  const move = { SecretId: 'key', VersionStage: 'AWSCURRENT', MoveToVersionId: token };

  const silent = client.send(new UpdateSecretVersionStageCommand(move));
  const wrong = client.send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: token }));

  await expect(silent).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await expect(wrong).rejects.toMatchObject({ name: 'InvalidParameterException' });
  await expect(read('key')).resolves.toMatchObject({ VersionId: old, SecretString: 'old' });
});

test('refuses to take a label from a version that does not have it', async () => {
  server.createSecret('key', { string: 'value' });
  const { VersionId = '' } = await read('key');

  const taken = client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: 'key',
      VersionStage: 'AWSPENDING',
      RemoveFromVersionId: VersionId,
    }),
  );

  await expect(taken).rejects.toMatchObject({ name: 'InvalidParameterException' });
});

test('refuses another value under a version’s id', async () => {
  const secret = { Name: 'key', ClientRequestToken: 'c'.repeat(32), SecretString: 'first' };
  await client.send(new CreateSecretCommand(secret));

  const again = client.send(
    new PutSecretValueCommand({
      SecretId: 'key',
      ClientRequestToken: secret.ClientRequestToken,
      SecretString: 'second',
    }),
  );

  await expect(again).rejects.toMatchObject({ name: 'ResourceExistsException' });
  await expect(read('key')).resolves.toMatchObject({ SecretString: 'first' });
});

test.for([
  ['an unknown name', 'nobody', {}],
  ['the ARN of another region', 'arn:aws:secretsmanager:us-east-1:123456789012:secret:key-abcdef', {}],
  ['a stage that no version has', 'key', { VersionStage: 'AWSPENDING' }],
  ['an unknown version', 'key', { VersionId: 'd'.repeat(32) }],
] as const)('answers ResourceNotFoundException for %s', async ([, secretId, selector]) => {
  server.createSecret('key', { string: 'value' });

  await expect(read(secretId, selector)).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[\w-]{36}$/) },
  });
});

test('answers InvalidRequestException for a stage that the version does not have', async () => {
  server.createSecret('key', { string: 'value' });
  const { VersionId = '' } = await read('key');

  await expect(read('key', { VersionId, VersionStage: 'AWSPREVIOUS' })).rejects.toMatchObject({
    name: 'InvalidRequestException',
  });
});

test('answers InvalidRequestException for a deleted secret, which can still be described', async () => {
  server.createSecret('key', { string: 'value' });

  server.deleteSecret('key');

  await expect(read('key')).rejects.toMatchObject({
    name: 'InvalidRequestException',
    message: expect.stringContaining('marked for deletion'),
  });
  await expect(client.send(new DescribeSecretCommand({ SecretId: 'key' }))).resolves.toMatchObject({
    DeletedDate: new Date(NOW),
  });
});

test('refuses a name that is taken, and a value that is empty, too large or both kinds, and then makes nothing', async () => {
  server.createSecret('taken', { string: 'value' });
  const create = (input: { Name: string; SecretString?: string; SecretBinary?: Uint8Array }) =>
    client.send(new CreateSecretCommand(input));

  await expect(create({ Name: 'taken', SecretString: 'x' })).rejects.toMatchObject({
    name: 'ResourceExistsException',
  });
  for (const value of [
    { SecretString: '' },
    { SecretString: 'x'.repeat(65_537) },
    { SecretString: 'x', SecretBinary: Buffer.from('x') },
  ]) {
    await expect(create({ Name: 'new', ...value })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
  }
  await expect(create({ Name: 'b ad', SecretString: 'x' })).rejects.toMatchObject({
    name: 'InvalidParameterException',
  });
  expect(() => server.putSecretValue('new', { string: 'x' })).toThrow('ResourceNotFoundException');
});

test.for([
  ['DecryptionFailure', 400],
  ['ThrottlingException', 400],
  ['InternalServiceError', 500],
] as const)('gives the SDK an injected %s by its name', async ([type, status]) => {
  server.createSecret('key', { string: 'value' });
  server.interfere(() => secretsManagerError(type, 'injected', status));

  await expect(read('key')).rejects.toMatchObject({
    name: type,
    message: 'injected',
    $metadata: { httpStatusCode: status },
  });
});

test('lets requests through that the interference leaves alone, and all of them once it is taken away', async () => {
  server.createSecret('one', { string: 'first' });
  server.createSecret('two', { string: 'second' });
  server.interfere(({ secretId }) => (secretId === 'one' ? { status: 503 } : undefined));

  await expect(read('one')).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
  await expect(read('two')).resolves.toMatchObject({ SecretString: 'second' });
  server.interfere(undefined);
  await expect(read('one')).resolves.toMatchObject({ SecretString: 'first' });
});

test('resets the connection if told to', async () => {
  server.createSecret('key', { string: 'value' });
  server.interfere(() => 'reset');

  await expect(read('key')).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('is silent if told to, until it is closed', async () => {
  server.createSecret('key', { string: 'value' });
  server.interfere(() => 'hang');
  let settled = false;
  const silent = read('key').finally(() => {
    settled = true;
  });
  const refused = expect(silent).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect.poll(() => server.requests.length).toBe(1);
  const before = settled;

  await server.close();

  await refused;
  expect(before).toBe(false);
});

test('keeps a list of what was asked for, without any value', async () => {
  server.createSecret('key', { string: 'canary' });

  await read('key', { VersionStage: 'AWSCURRENT' });
  await client.send(new PutSecretValueCommand({ SecretId: 'key', SecretString: 'canary' }));
  await expect(read('nobody')).rejects.toThrow();
  server.interfere(() => 'reset');
  await expect(read('key')).rejects.toThrow();

  expect(server.requests).toEqual([
    { action: 'GetSecretValue', secretId: 'key', versionStage: 'AWSCURRENT', status: 200 },
    { action: 'PutSecretValue', secretId: 'key', versionStage: undefined, status: 200 },
    { action: 'GetSecretValue', secretId: 'nobody', versionStage: undefined, status: 400 },
    { action: 'GetSecretValue', secretId: 'key', versionStage: undefined, status: 0 },
  ]);
});

const SIGNED = {
  'x-amz-date': '20260102T030405Z',
  authorization: `AWS4-HMAC-SHA256 Credential=AKIALOCAL/20260102/eu-west-1/secretsmanager/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'a'.repeat(64)}`,
};

function raw(headers: Record<string, string>, body = '{"SecretId":"key"}') {
  const target = { 'x-amz-target': 'secretsmanager.GetSecretValue' };
  return sendMessage(server, { method: 'POST', target: '/', headers: { ...target, ...headers }, body });
}

test('serves a request whose signature has the right form', async () => {
  server.createSecret('key', { string: 'value' });

  const { status, headers, body } = await raw(SIGNED);

  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/x-amz-json-1.1');
  expect(JSON.parse(body)).toMatchObject({ SecretString: 'value' });
});

test.for([
  ['no signature', {}, 'MissingAuthenticationTokenException'],
  ['a bearer token', { ...SIGNED, authorization: 'Bearer x' }, 'UnrecognizedClientException'],
  ['no date', { authorization: SIGNED.authorization }, 'UnrecognizedClientException'],
  [
    'a signature for another service',
    { ...SIGNED, authorization: SIGNED.authorization.replace('secretsmanager', 's3') },
    'UnrecognizedClientException',
  ],
  [
    'half a signature',
    { ...SIGNED, authorization: SIGNED.authorization.slice(0, -1) },
    'UnrecognizedClientException',
  ],
  ['an unknown action', { ...SIGNED, 'x-amz-target': 'secretsmanager.Steal' }, 'UnknownOperationException'],
  [
    'an inherited action',
    { ...SIGNED, 'x-amz-target': 'secretsmanager.valueOf' },
    'UnknownOperationException',
  ],
] as const)('refuses a request with %s', async ([, headers, type]) => {
  server.createSecret('key', { string: 'canary' });

  const { status, body } = await raw(headers);

  expect(status).toBe(400);
  expect(JSON.parse(body)).toMatchObject({ __type: type, message: expect.any(String) });
  expect(body).not.toContain('canary');
});

test.for([
  ['{', 'SerializationException'],
  ['[]', 'SerializationException'],
  ['{}', 'InvalidParameterException'],
  ['{"SecretId":7}', 'InvalidParameterException'],
  ['{"SecretId":"__proto__"}', 'ResourceNotFoundException'],
])('refuses the body %s', async ([body = '', type]) => {
  const reply = await raw(SIGNED, body);

  expect(reply.status).toBe(400);
  expect(JSON.parse(reply.body)).toMatchObject({ __type: type });
});

test.for([
  ['an Origin', { origin: 'https://evil.example' }],
  ['a rebound Host', { host: 'evil.example' }],
] as const)('refuses a request with %s', async ([, headers]) => {
  server.createSecret('key', { string: 'canary' });

  const { status, body } = await raw({ ...SIGNED, ...headers });

  expect(status).toBe(400);
  expect(body).not.toContain('canary');
  expect(server.requests).toEqual([]);
});

test('serves the AWS CLI: put-secret-value, then get-secret-value', async (context) => {
  await needTool(context, 'aws', ['--version']);
  const arn = server.createSecret('key', { string: 'old' });
  const environment = {
    AWS_ACCESS_KEY_ID: 'AKIALOCAL',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: server.url,
  };
  const aws = (...args: readonly string[]) => runTool('aws', ['secretsmanager', ...args], environment);

  const put = await aws('put-secret-value', '--secret-id', 'key', '--secret-string', '{"a":"ä"}');
  const got = await aws(
    'get-secret-value',
    '--secret-id',
    arn,
    '--query',
    'SecretString',
    '--output',
    'text',
  );
  const missing = await aws('get-secret-value', '--secret-id', 'nobody');

  expect(put, put.stderr).toMatchObject({ status: 0 });
  expect(JSON.parse(put.stdout)).toMatchObject({ ARN: arn, VersionStages: ['AWSCURRENT'] });
  expect(got).toMatchObject({ status: 0, stdout: '{"a":"ä"}\n' });
  expect(missing.stderr).toContain('ResourceNotFoundException');
});
