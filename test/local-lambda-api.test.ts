import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import fc from 'fast-check';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { parseFunctionName } from '../lambda/aws/function-name.ts';
import type { LocalAwsOptions } from '../local/aws/front.ts';
import {
  ACCOUNT,
  type Message,
  REGION,
  type Reply,
  type Rig,
  SESSION,
  sendMessage,
  signMessage,
  startRig,
  USER,
} from './local-aws-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

const ARN = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:vendor`;

const rigs: Rig[] = [];

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

async function start(options: Partial<LocalAwsOptions> = {}): Promise<Rig> {
  const rig = await startRig({ requireSignature: false, ...options });
  rigs.push(rig);
  return rig;
}

function invocation(name: string, more: Partial<Message> & { readonly query?: string } = {}): Message {
  const { query = '', ...rest } = more;
  return {
    method: 'POST',
    target: `/2015-03-31/functions/${encodeURIComponent(name)}/invocations${query}`,
    headers: {},
    body: '{}',
    ...rest,
  };
}

function errorOf({ status, headers, body }: Reply) {
  return { status, type: headers['x-amzn-errortype'], ...JSON.parse(body) };
}

function clientFor(rig: Rig): LambdaClient {
  return new LambdaClient({ endpoint: rig.url, region: REGION, credentials: SESSION, maxAttempts: 1 });
}

test('gives the event to the function and its result to the caller', async () => {
  const rig = await start({ handler: async (event) => ({ echoed: event }) });

  const { status, headers, body } = await sendMessage(
    rig,
    invocation('vendor', { body: '{"scopes":["ä"]}' }),
  );

  expect({ status, body }).toEqual({ status: 200, body: '{"echoed":{"scopes":["ä"]}}' });
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'x-amz-executed-version': '$LATEST',
    'x-amzn-requestid': rig.invocations[0]?.context.awsRequestId,
  });
  expect(headers).not.toHaveProperty('x-amz-function-error');
});

test('gives an empty object for no payload, and null for no result', async () => {
  const rig = await start({ handler: async () => undefined });

  const { body } = await sendMessage(rig, invocation('vendor', { body: '' }));

  expect(rig.invocations[0]?.event).toEqual({});
  expect(body).toBe('null');
});

test.for([
  ['vendor', '', ARN, '$LATEST'],
  ['vendor:$LATEST', '', `${ARN}:$LATEST`, '$LATEST'],
  ['vendor:reports', '', `${ARN}:reports`, '1'],
  ['vendor', '?Qualifier=reports', `${ARN}:reports`, '1'],
  ['vendor', '?Qualifier=%24LATEST', `${ARN}:$LATEST`, '$LATEST'],
  ['vendor:default', '?Qualifier=default', `${ARN}:default`, '1'],
  ['function:vendor', '', ARN, '$LATEST'],
  [`${ACCOUNT}:function:vendor`, '', ARN, '$LATEST'],
  [`${ACCOUNT}:function:vendor:reports`, '', `${ARN}:reports`, '1'],
  [ARN, '', ARN, '$LATEST'],
  [`${ARN}:reports`, '', `${ARN}:reports`, '1'],
] as const)('invokes %s%s as %s', async ([name, query, invokedFunctionArn, functionVersion]) => {
  const rig = await start();

  const { status, headers } = await sendMessage(rig, invocation(name, { query }));

  expect(status).toBe(200);
  expect(headers['x-amz-executed-version']).toBe(functionVersion);
  expect(rig.invocations[0]?.context).toMatchObject({ invokedFunctionArn, functionVersion });
});

test('takes the colons of an ARN as they are or percent-encoded', async () => {
  const rig = await start();

  const { status } = await sendMessage(
    rig,
    invocation('', { target: `/2015-03-31/functions/${ARN}:reports/invocations` }),
  );

  expect(status).toBe(200);
  expect(rig.invocations[0]?.context.invokedFunctionArn).toBe(`${ARN}:reports`);
});

test.for([
  ['another', '', `Function not found: arn:aws:lambda:${REGION}:${ACCOUNT}:function:another`],
  ['vendor:nobody', '', `Function not found: ${ARN}:nobody`],
  ['vendor', '?Qualifier=nobody', `Function not found: ${ARN}:nobody`],
  ['vendor:constructor', '', `Function not found: ${ARN}:constructor`],
  [ARN.replace(REGION, 'us-east-1'), '', `Function not found: ${ARN}`],
  [ARN.replace(ACCOUNT, '999999999999'), '', `Function not found: ${ARN}`],
] as const)('does not find %s%s', async ([name, query, message]) => {
  const rig = await start();

  const reply = await sendMessage(rig, invocation(name, { query }));

  expect(errorOf(reply)).toEqual({ status: 404, type: 'ResourceNotFoundException', Type: 'User', message });
  expect(rig.invocations).toHaveLength(0);
});

test.for([
  ['vendor:reports', '?Qualifier=default'],
  ['vendor', '?Qualifier=default&Qualifier=reports'],
  ['ven dor', ''],
  ['vendor:a:b', ''],
  ['%', ''],
])('refuses the malformed or contradictory name %s%s', async ([name = '', query = '']) => {
  const rig = await start();

  const reply = await sendMessage(rig, invocation(name, { query }));

  expect(errorOf(reply)).toMatchObject({ status: 400, type: 'InvalidParameterValueException' });
  expect(rig.invocations).toHaveLength(0);
});

test.for(['{', 'canary', '{"a":}', '[1,', '\u0000'])(
  'refuses the payload %j without repeating it',
  async (body) => {
    const rig = await start();

    const reply = await sendMessage(rig, invocation('vendor', { body }));

    expect(errorOf(reply)).toMatchObject({ status: 400, type: 'InvalidRequestContentException' });
    expect(reply.body).not.toContain('canary');
    expect(rig.invocations).toHaveLength(0);
  },
);

test('reports what the function throws as Lambda does, with an empty trace', async () => {
  class AccessDenied extends Error {
    override readonly name = 'AccessDenied';
  }
  const rig = await start({ handler: async () => Promise.reject(new AccessDenied('not this scope')) });

  const { status, headers, body } = await sendMessage(rig, invocation('vendor:reports'));

  expect(status).toBe(200);
  expect(headers).toMatchObject({ 'x-amz-function-error': 'Unhandled', 'x-amz-executed-version': '1' });
  expect(JSON.parse(body)).toEqual({ errorType: 'AccessDenied', errorMessage: 'not this scope', trace: [] });
});

test.for([
  [async () => Promise.reject('text'), { errorType: 'string', errorMessage: 'text' }],
  [async () => Promise.reject(undefined), { errorType: 'undefined', errorMessage: 'undefined' }],
  [
    () => {
      throw new RangeError('at once');
    },
    { errorType: 'RangeError', errorMessage: 'at once' },
  ],
] as const)('reports whatever else is thrown: %#', async ([handler, expected]) => {
  const rig = await start({ handler });

  const { headers, body } = await sendMessage(rig, invocation('vendor'));

  expect(headers['x-amz-function-error']).toBe('Unhandled');
  expect(JSON.parse(body)).toEqual({ ...expected, trace: [] });
});

test('reports an invocation that overruns the timeout as Lambda does', async () => {
  const rig = await start({ timeoutMs: 50, handler: () => new Promise(() => {}) });

  const { status, headers, body } = await sendMessage(rig, invocation('vendor'));

  const requestId = rig.invocations[0]?.context.awsRequestId;
  expect(status).toBe(200);
  expect(headers['x-amz-function-error']).toBe('Unhandled');
  expect(JSON.parse(body)).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${requestId} Error: Task timed out after 0.05 seconds`,
  });
});

test('runs an Event invocation after having answered 202', async () => {
  const gate = Promise.withResolvers<void>();
  const done = Promise.withResolvers<unknown>();
  const rig = await start({
    handler: async (event) => {
      await gate.promise;
      done.resolve(event);
    },
  });
  const message = invocation('vendor', { headers: { 'x-amz-invocation-type': 'Event' }, body: '{"a":1}' });

  const { status, body } = await sendMessage(rig, message);
  gate.resolve();

  expect({ status, body }).toEqual({ status: 202, body: '' });
  await expect(done.promise).resolves.toEqual({ a: 1 });
});

test('writes to the log that an Event invocation failed, and not with what words', async () => {
  const rig = await start({ handler: async () => Promise.reject(new Error('canary')) });

  await sendMessage(rig, invocation('vendor', { headers: { 'x-amz-invocation-type': 'Event' } }));

  await expect
    .poll(() => rig.lines)
    .toEqual([expect.stringMatching(/^asynchronous invocation [\w-]+: failed$/)]);
});

test('runs nothing for DryRun', async () => {
  const rig = await start();

  const reply = await sendMessage(
    rig,
    invocation('vendor', { headers: { 'x-amz-invocation-type': 'DryRun' } }),
  );

  expect(reply).toMatchObject({ status: 204, body: '' });
  expect(rig.invocations).toHaveLength(0);
});

test('refuses an invocation type that Lambda does not have', async () => {
  const rig = await start();

  const reply = await sendMessage(
    rig,
    invocation('vendor', { headers: { 'x-amz-invocation-type': 'Later' } }),
  );

  expect(errorOf(reply)).toMatchObject({ status: 400, type: 'InvalidParameterValueException' });
  expect(rig.invocations).toHaveLength(0);
});

test.for([
  ['GET', '/2015-03-31/functions/vendor/invocations'],
  ['GET', '/2015-03-31/functions/vendor'],
  ['POST', '/2015-03-31/functions'],
  ['POST', '/2015-03-31/functions/vendor/aliases'],
])('has no other operation: %s %s', async ([method = '', target = '']) => {
  const rig = await start();

  const reply = await sendMessage(rig, { method, target, headers: {} });

  expect(errorOf(reply)).toMatchObject({ status: 404, type: 'UnknownOperationException' });
});

test('throttles invocations above the number that may run at one time, Event ones included', async () => {
  const gate = Promise.withResolvers<void>();
  const rig = await start({ maxConcurrent: 1, handler: () => gate.promise });
  await sendMessage(rig, invocation('vendor', { headers: { 'x-amz-invocation-type': 'Event' } }));

  const second = await sendMessage(rig, invocation('vendor'));
  gate.resolve();

  expect(errorOf(second)).toMatchObject({ status: 429, type: 'TooManyRequestsException' });
});

test('refuses a payload of more than 6 MB', async () => {
  const rig = await start();

  const reply = await sendMessage(rig, invocation('vendor', { body: Buffer.alloc(6_291_457, ' ') }));

  expect(errorOf(reply)).toMatchObject({ status: 413, type: 'RequestTooLargeException' });
});

test('refuses an unsigned invocation where signatures are required', async () => {
  const rig = await start({ requireSignature: true });

  const reply = await sendMessage(rig, invocation('vendor'));

  expect(errorOf(reply)).toMatchObject({ status: 403, type: 'MissingAuthenticationTokenException' });
  expect(rig.invocations).toHaveLength(0);
});

test('refuses a signature for the HTTP API, and one by a wrong secret, even where none is required', async () => {
  const rig = await start();
  const message = invocation('vendor');
  const forGateway = await signMessage(rig.url, message, { service: 'execute-api' });
  const guessed = { ...USER, secretAccessKey: 'guessed' };
  const wrong = await signMessage(rig.url, message, { service: 'lambda', credential: guessed });

  const replies = [await sendMessage(rig, forGateway), await sendMessage(rig, wrong)];

  for (const reply of replies) {
    expect(errorOf(reply)).toMatchObject({ status: 403, type: 'InvalidSignatureException' });
  }
  expect(rig.invocations).toHaveLength(0);
});

test('serves the SDK: results, aliases, function errors and errors by class', async () => {
  const rig = await start({
    requireSignature: true,
    handler: async (event) =>
      event !== null && typeof event === 'object' && 'fail' in event
        ? Promise.reject(new TypeError('failed'))
        : { arrived: true },
  });
  const lambda = clientFor(rig);
  const failing = { FunctionName: `${ARN}:reports`, Payload: '{"fail":1}' };

  const returned = await lambda.send(new InvokeCommand({ FunctionName: 'vendor', Qualifier: 'reports' }));
  const failed = await lambda.send(new InvokeCommand(failing));
  const accepted = await lambda.send(new InvokeCommand({ FunctionName: ARN, InvocationType: 'Event' }));
  const unknown = lambda.send(new InvokeCommand({ FunctionName: 'vendor:nobody' }));

  expect(returned).toMatchObject({ StatusCode: 200, ExecutedVersion: '1' });
  expect(returned.Payload?.transformToString()).toBe('{"arrived":true}');
  expect(failed).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
  expect(JSON.parse(failed.Payload?.transformToString() ?? '')).toMatchObject({ errorType: 'TypeError' });
  expect(accepted.StatusCode).toBe(202);
  await expect(unknown).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: `Function not found: ${ARN}:nobody`,
  });
});

test('gives the SDK its errors by class for a bad payload and a bad key', async () => {
  const rig = await start();
  const stranger = new LambdaClient({
    endpoint: rig.url,
    region: REGION,
    credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' },
    maxAttempts: 1,
  });

  const badPayload = clientFor(rig).send(new InvokeCommand({ FunctionName: 'vendor', Payload: '{' }));
  const badKey = stranger.send(new InvokeCommand({ FunctionName: 'vendor' }));

  await expect(badPayload).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
  await expect(badKey).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
});

test('serves the AWS CLI, which writes the result to a file', async (context) => {
  await needTool(context, 'aws', ['--version']);
  const rig = await start({ requireSignature: true, handler: async (event) => ({ echoed: event }) });
  const command = ['lambda', 'invoke', '--endpoint-url', rig.url, '--function-name', `${ARN}:reports`];

  const folder = await mkdtemp(join(tmpdir(), 'local-lambda-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'result.json');

  const { status, stdout, stderr } = await runTool('aws', [...command, '--payload', '{"a":1}', file], {
    AWS_ACCESS_KEY_ID: USER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
    AWS_DEFAULT_REGION: REGION,
    AWS_CLI_BINARY_FORMAT: 'raw-in-base64-out',
  });

  expect(status, stderr).toBe(0);
  await expect(readFile(file, 'utf8')).resolves.toBe('{"echoed":{"a":1}}');
  expect(JSON.parse(stdout)).toEqual({ StatusCode: 200, ExecutedVersion: '1' });
  expect(rig.invocations[0]?.context.invokedFunctionArn).toBe(`${ARN}:reports`);
});

test('reads a function’s name out of every form that is put together from its parts', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).filter((text) => text !== 'function');
  const qualifier = fc.option(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,30}$/), { nil: undefined });
  const prefix = fc.constantFrom(
    '',
    'function:',
    `${ACCOUNT}:function:`,
    `arn:aws:lambda:${REGION}:${ACCOUNT}:function:`,
  );

  fc.assert(
    fc.property(prefix, name, qualifier, (start, base, alias) => {
      const reference = parseFunctionName(`${start}${base}${alias === undefined ? '' : `:${alias}`}`);
      expect(reference).toMatchObject({ name: base, qualifier: alias });
    }),
  );
});
