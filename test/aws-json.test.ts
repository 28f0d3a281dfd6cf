import { expect, test } from 'vitest';
import { createAwsJson } from '../lambda/aws/aws-json.ts';
import { createSecretVersions } from '../lambda/aws/secret-versions.ts';
import { createClock } from '../lambda/google/clock.ts';
import type { PostBody, PostResponse } from '../lambda/google/post.ts';
import { createTime } from './make-time.ts';
import { thrownBy } from './vendor-rig.ts';

const CANARY = 'canary7Q2wXz';
const CALL = { service: 'events', target: 'AWSEvents.UpdateConnection', input: { Name: 'x' } };

type Sent = { readonly url: string; readonly body: PostBody };

/** AWS, as the list of what it answers. */
function createRig(answers: readonly (Partial<PostResponse> | Error)[], region = 'eu-west-1') {
  const time = createTime();
  const sent: Sent[] = [];
  const call = createAwsJson({
    aws: {
      region: async () => region,
      credentials: async () => ({
        accessKeyId: 'AKIALOCAL',
        secretAccessKey: 'local',
        sessionToken: 'session',
      }),
    },
    clock: createClock({ now: time.now }),
    sleep: async () => {},
    post: async (url, body) => {
      const answer = answers[sent.push({ url: url.href, body }) - 1] ?? { status: 500 };
      if (answer instanceof Error) {
        throw answer;
      }
      return { status: 200, headers: {}, body: '{}', ...answer };
    },
  });
  return { call, sent };
}

test('a call is signed for its service, and its result is what AWS answers', async () => {
  const { call, sent } = createRig([{ body: '{"ConnectionState":"AUTHORIZING"}' }]);

  const result = await call(CALL);

  expect(result).toEqual({ ConnectionState: 'AUTHORIZING' });
  expect(sent).toMatchObject([
    {
      url: 'https://events.eu-west-1.amazonaws.com/',
      body: {
        text: '{"Name":"x"}',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AWSEvents.UpdateConnection',
          'x-amz-security-token': 'session',
          authorization: expect.stringMatching(
            /Credential=AKIALOCAL\/20260101\/eu-west-1\/events\/aws4_request, SignedHeaders=[^,]*x-amz-target/,
          ),
        },
      },
    },
  ]);
});

test('each partition has its own domain', async () => {
  const { call, sent } = createRig([{}], 'cn-north-1');

  await call(CALL);

  expect(sent[0]?.url).toBe('https://events.cn-north-1.amazonaws.com.cn/');
});

test.each([
  ['a failure of AWS', { status: 500, body: '' }],
  ['a throttle', { status: 400, body: '{"__type":"ThrottlingException"}' }],
  ['a connection that breaks', Object.assign(new Error(CANARY), { code: 'ECONNRESET' })],
])('%s is tried again, three times in all', async (_, failure) => {
  const healed = createRig([failure, failure, {}]);
  const broken = createRig([failure, failure, failure, {}]);

  expect(await healed.call(CALL)).toEqual({});
  expect(await thrownBy(broken.call(CALL))).toBeInstanceOf(Error);
  expect([healed.sent.length, broken.sent.length]).toEqual([3, 3]);
});

test.each([
  ['by its name', `{"__type":"AccessDeniedException","message":"${CANARY}"}`, 'AccessDeniedException'],
  ['by the name in its namespace', `{"__type":"com.amazonaws#ValidationException"}`, 'ValidationException'],
  ['by its status if it has no name', CANARY, 'Status400'],
  ['by its status if its name is none', `{"__type":"${CANARY} \\n"}`, 'Status400'],
])(
  'a refusal is an error %s, tried one time, with nothing else of the answer in it',
  async (_, body, name) => {
    const { call, sent } = createRig([{ status: 400, body }]);

    const error = await thrownBy(call(CALL));

    expect([error?.name, sent.length]).toEqual([name, 1]);
    expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain(CANARY);
  },
);

test('without AWS credentials nothing is sent', async () => {
  const sent: unknown[] = [];
  const call = createAwsJson({
    aws: { region: async () => 'eu-west-1', credentials: () => Promise.reject(new Error('none')) },
    clock: createClock(),
    post: async (url) => {
      sent.push(url);
      return { status: 200, headers: {}, body: '' };
    },
  });

  const error = await thrownBy(call(CALL));

  expect([error?.name, sent]).toEqual(['CredentialUnavailable', []]);
});

test('a version that is not there is undefined, and any other failure an error', async () => {
  const missing = createRig([{ status: 400, body: '{"__type":"ResourceNotFoundException"}' }]);
  const denied = createRig([{ status: 400, body: '{"__type":"AccessDeniedException"}' }]);

  expect(await createSecretVersions(missing.call).read('s', { stage: 'AWSPENDING' })).toBeUndefined();
  expect((await thrownBy(createSecretVersions(denied.call).read('s', { stage: 'AWSCURRENT' })))?.name).toBe(
    'AccessDeniedException',
  );
});
