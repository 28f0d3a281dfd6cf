import { afterAll, expect, test } from 'vitest';
import { type AwsCredentials, awsOfEnvironment } from '../lambda/aws/aws-environment.ts';
import { createInvokeFunction, type InvokeTarget } from '../lambda/aws/invoke-function.ts';
import { ERRORS, VendError } from '../lambda/errors.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork, type Post, type PostResponse } from '../lambda/google/post.ts';
import { REGION, SESSION, startRig, USER } from './local-aws-rig.ts';
import { thrownBy } from './vendor-rig.ts';

const ARN = `arn:aws:lambda:${REGION}:123456789012:function:vendor`;
const TARGET = { functionName: 'vendor', qualifier: 'reports' };
const network = createNetwork();
const rig = await startRig({
  handler: async (event) => {
    const { errorType, errorMessage } = event as Record<string, string>;
    if (errorType !== undefined) {
      throw Object.assign(new Error(errorMessage), { name: errorType });
    }
    return { answered: event };
  },
});

afterAll(async () => {
  network.close();
  await rig.close();
});

type Options = {
  readonly keys?: AwsCredentials;
  readonly now?: () => number;
  readonly post?: Post;
  readonly region?: string;
};

function invokeBy({ keys = USER, now = Date.now, post = network.post, region = REGION }: Options = {}) {
  const aws = { region: async () => region, credentials: async () => keys };
  const invoke = createInvokeFunction({ aws, post, clock: createClock({ now }), url: rig.url });
  return (target: InvokeTarget, payload: object = {}, timeoutMs = 5_000) =>
    invoke(target, payload, now() + timeoutMs);
}

/** Lambda's place taken by fixed answers, the last of them for good. */
function answering(...answers: readonly (Partial<PostResponse> | Error)[]) {
  const sent: { readonly url: URL; readonly headers: Readonly<Record<string, string>> }[] = [];
  const post: Post = async (url, body) => {
    sent.push({ url, headers: (body as { headers: Record<string, string> }).headers });
    const answer = answers[Math.min(sent.length, answers.length) - 1] ?? {};
    if (answer instanceof Error) {
      throw answer;
    }
    return { status: 200, headers: {}, body: 'null', ...answer };
  };
  return { post, sent };
}

function refusal(status: number, name: string, message = ''): Partial<PostResponse> {
  return { status, headers: { 'x-amzn-errortype': name }, body: JSON.stringify({ message }) };
}

test.each<[form: string, target: InvokeTarget, alias: string | undefined]>([
  ['its name', { functionName: 'vendor' }, undefined],
  ['its name and an alias', TARGET, 'reports'],
  ['its name with the alias in it', { functionName: 'vendor:reports' }, 'reports'],
  ['its ARN', { functionName: ARN, qualifier: 'default' }, 'default'],
  ['its ARN with the alias in it', { functionName: `${ARN}:reports` }, 'reports'],
  ['a part of its ARN', { functionName: '123456789012:function:vendor', qualifier: 'default' }, 'default'],
])('invokes a function by %s, with a signature that Lambda takes', async (_, target, alias) => {
  const answer = await invokeBy()(target, { scopes: ['a ü'] });

  expect(answer).toEqual({ answered: { scopes: ['a ü'] } });
  expect(rig.invocations.at(-1)?.context.invokedFunctionArn).toBe(
    alias === undefined ? ARN : `${ARN}:${alias}`,
  );
});

test('signs with the token of a session', async () => {
  expect(await invokeBy({ keys: SESSION })(TARGET, { a: 1 })).toEqual({ answered: { a: 1 } });
});

test('signs for the region of the function’s ARN, whatever its own is', async () => {
  expect(await invokeBy({ region: 'us-east-1' })({ functionName: `${ARN}:reports` })).toEqual({
    answered: {},
  });
});

test.each([
  ['eu-west-1', 'lambda.eu-west-1.amazonaws.com'],
  ['cn-north-1', 'lambda.cn-north-1.amazonaws.com.cn'],
  ['us-gov-west-1', 'lambda.us-gov-west-1.amazonaws.com'],
])('finds Lambda in %s', async (region, host) => {
  const { post, sent } = answering({ body: '{}' });
  const aws = { region: async () => region, credentials: async () => USER };
  const invoke = createInvokeFunction({ aws, post, clock: createClock(), url: undefined });

  await invoke(TARGET, {}, Date.now() + 1_000);

  expect(sent[0]?.url.href).toBe(`https://${host}/2015-03-31/functions/vendor/invocations?Qualifier=reports`);
});

test.each(Object.entries(ERRORS))('throws %s as the function threw it', async (code, { thrownAs }) => {
  const error = await thrownBy(
    invokeBy()(TARGET, { errorType: thrownAs, errorMessage: 'What is wrong, and the fix.' }),
  );

  expect(error).toBeInstanceOf(VendError);
  expect(error).toMatchObject({ code, name: thrownAs, message: 'What is wrong, and the fix.' });
});

test.each<[what: string, payload: unknown, code: string, words: RegExp]>([
  [
    'a time-out of Lambda’s',
    { errorType: 'Sandbox.Timedout', errorMessage: 'RequestId: 1 Error: Task timed out after 3.00 seconds' },
    'timeout',
    /vendor:reports in eu-west-1.*time was up/,
  ],
  [
    'a time-out of older runtimes',
    { errorMessage: '2026-01-01T00:00:00Z 1 Task timed out after 3.00 seconds' },
    'timeout',
    /time was up/,
  ],
  [
    'a runtime that ended',
    { errorType: 'Runtime.ExitError', errorMessage: 'RequestId: 1 Error: Runtime exited' },
    'server_error',
    /\(Runtime\.ExitError\).*log/,
  ],
  [
    'somebody else’s error',
    { errorType: 'TypeError', errorMessage: 'ya29.secret' },
    'server_error',
    /\(TypeError\).*log/,
  ],
  ['an error that is none', 'oops', 'server_error', /Its log/],
])('tells of %s', async (_, payload, code, words) => {
  const { post } = answering({
    headers: { 'x-amz-function-error': 'Unhandled' },
    body: JSON.stringify(payload),
  });

  const error = await thrownBy(invokeBy({ post })(TARGET));

  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect(error?.message).not.toContain('ya29');
});

const DENIED =
  'User: arn:aws:sts::123456789012:assumed-role/job/1 is not authorized to perform: lambda:InvokeFunction on resource: x because no identity-based policy allows it';

test.each<[status: number, name: string, message: string, code: string, words: RegExp]>([
  [
    403,
    'AccessDeniedException',
    DENIED,
    'access_denied',
    /assumed-role\/job\/1 .*lambda:InvokeFunction on arn:aws:lambda:eu-west-1:ACCOUNT:function:vendor:reports\..*grantVend/,
  ],
  [
    403,
    'AccessDeniedException',
    `${DENIED.split(' because')[0]} with an explicit deny`,
    'access_denied',
    /no policy may deny it/,
  ],
  [403, '', '', 'access_denied', /the caller invoke the function vendor:reports/],
  [
    404,
    'ResourceNotFoundException',
    'Function not found',
    'invalid_request',
    /vendor:reports in eu-west-1.*TokenFunctionName/,
  ],
  [403, 'ExpiredTokenException', '', 'credential_invalid', /session is over/],
  [403, 'UnrecognizedClientException', '', 'credential_invalid', /session token/],
  [403, 'InvalidSignatureException', 'the canonical string', 'credential_invalid', /secret access key/],
  [403, 'MissingAuthenticationTokenException', '', 'credential_invalid', /without a signature/],
  [400, 'IncompleteSignatureException', '', 'credential_invalid', /whole/],
  [
    429,
    'TooManyRequestsException:http://internal.amazon.com/',
    'Rate Exceeded.',
    'credential_unavailable',
    /no more calls.*\(TooManyRequestsException\)/,
  ],
  [500, 'ServiceException', '', 'credential_unavailable', /\(ServiceException\)/],
  [502, 'ResourceNotReadyException', '', 'credential_unavailable', /Try again/],
  [503, '', '', 'credential_unavailable', /status 503/],
  [413, 'RequestTooLargeException', '', 'server_error', /RequestTooLargeException/],
  [302, '', '', 'server_error', /status 302/],
])('says what to do about %i %s', async (status, name, message, code, words) => {
  const { post } = answering(refusal(status, name, message));

  const error = await thrownBy(invokeBy({ post })(TARGET));

  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect(error?.message).not.toContain('canonical');
});

test('finds the name of an error in its body too', async () => {
  const { post } = answering({ status: 403, body: '{"__type":"com.amazon#ExpiredTokenException"}' });

  expect(await thrownBy(invokeBy({ post })(TARGET))).toMatchObject({ code: 'credential_invalid' });
});

test('is told by the local Lambda of a function that is not there', async () => {
  const error = await thrownBy(invokeBy()({ functionName: 'vendor', qualifier: 'nope' }));

  expect(error).toMatchObject({ code: 'invalid_request', message: expect.stringContaining('vendor:nope') });
});

test('is told by the local Lambda of keys that do not fit, and shows none of them', async () => {
  const error = await thrownBy(invokeBy({ keys: { ...USER, secretAccessKey: 'wrong-secret' } })(TARGET));

  expect(error).toMatchObject({ code: 'credential_invalid' });
  expect(error?.message).not.toMatch(/wrong-secret|AKIA/);
});

test('passes on after how long Lambda wants to be asked again', async () => {
  const { post } = answering({ status: 429, headers: { 'retry-after': '7' } });

  expect(await thrownBy(invokeBy({ post })(TARGET))).toMatchObject({ retryAfterSeconds: 7 });
});

test.each<[what: string, fault: Error, code: string, words: RegExp]>([
  ['silence', new DOMException('late', 'TimeoutError'), 'timeout', /in time/],
  [
    'a refused connection',
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    'credential_unavailable',
    /\(ECONNREFUSED\)/,
  ],
  [
    'an unknown host',
    Object.assign(new Error('dns'), { code: 'ENOTFOUND' }),
    'credential_unavailable',
    /check DNS/,
  ],
])('says so after %s', async (_, fault, code, words) => {
  const { post } = answering(fault);

  expect(await thrownBy(invokeBy({ post })(TARGET))).toMatchObject({
    code,
    message: expect.stringMatching(words),
  });
});

test('waits no longer than until the deadline', async () => {
  const silent: Post = async (_url, _body, timeoutMs) => {
    throw Object.assign(new Error('late'), { name: 'TimeoutError', timeoutMs });
  };

  const error = await thrownBy(invokeBy({ post: silent, now: () => 1_000 })(TARGET, {}, 250));

  expect(error?.cause).toMatchObject({ timeoutMs: 250 });
});

test.each([-20, 20])('a clock that is %i minutes wrong is put right by AWS’s answer', async (minutes) => {
  const invoke = invokeBy({ now: () => Date.now() + minutes * 60_000 });

  expect(await invoke(TARGET, { n: 1 })).toEqual({ answered: { n: 1 } });
});

test('a signature that is refused with the right time is refused', async () => {
  const { post, sent } = answering({
    ...refusal(403, 'InvalidSignatureException'),
    headers: { 'x-amzn-errortype': 'InvalidSignatureException', date: new Date().toUTCString() },
  });

  expect(await thrownBy(invokeBy({ post })(TARGET))).toMatchObject({ code: 'credential_invalid' });
  expect(sent).toHaveLength(1);
});

test.each(['', 'a/b', '../x', 'arn:aws:s3:::bucket', 'vendor?Qualifier=x'])(
  'sends nothing for %j, which is no function',
  async (functionName) => {
    const { post, sent } = answering({});

    expect(await thrownBy(invokeBy({ post })({ functionName }))).toMatchObject({ code: 'invalid_request' });
    expect(sent).toEqual([]);
  },
);

test('an answer that is not JSON is nobody’s token', async () => {
  const { post } = answering({ body: '<html>' });

  expect(await thrownBy(invokeBy({ post })(TARGET))).toMatchObject({ code: 'server_error' });
});

test('without AWS credentials it says which variables to set', async () => {
  const aws = awsOfEnvironment({ AWS_REGION: REGION });
  const { post, sent } = answering({});
  const invoke = createInvokeFunction({ aws, post, clock: createClock() });

  const error = await thrownBy(invoke(TARGET, {}, Date.now() + 1_000));

  expect(error).toMatchObject({ message: expect.stringContaining('AWS_ACCESS_KEY_ID') });
  expect(sent).toEqual([]);
});
