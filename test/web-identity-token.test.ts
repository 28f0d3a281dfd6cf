import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import type { Aws } from '../lambda/aws/aws-environment.ts';
import { createWebIdentityTokens } from '../lambda/aws/web-identity-token.ts';
import { createClock } from '../lambda/google/clock.ts';
import { createNetwork, type PostBody, type PostResponse } from '../lambda/google/post.ts';
import { startSts } from '../local/aws/sts.ts';
import { failureOf } from './make-calls.ts';
import { createTime, START_MS } from './make-time.ts';

const CANARY = 'canary7Q2wXz';
const AUDIENCE = 'https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/r';
const WANTED = { audience: AUDIENCE, durationSeconds: 300 };
const KEYS = { accessKeyId: 'ASIAFIRST', secretAccessKey: 'first-secret', sessionToken: 'first-session' };
const LONG_MS = 60_000;
const TOKEN = 'eyJh.eyJz.c2ln';

type Reply = PostResponse | Error | { readonly afterMs: number; readonly answer: PostResponse };

type Sent = {
  readonly url: string;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
};

function answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): PostResponse {
  return { status, headers, body };
}

/** Returns an error as STS has it, whose message is the canary. */
function fault(code: string, status = 403, headers: Readonly<Record<string, string>> = {}): PostResponse {
  const error = `<Error>\n<Type>Sender</Type>\n<Code>${code}</Code>\n<Message>${CANARY}</Message>\n</Error>`;
  return answer(status, `<ErrorResponse>${error}<RequestId>1</RequestId></ErrorResponse>`, headers);
}

const GRANTED = answer(
  200,
  `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetWebIdentityTokenResult>
    <WebIdentityToken>${TOKEN}</WebIdentityToken>
    <Expiration>2026-01-01T00:05:00Z</Expiration>
  </GetWebIdentityTokenResult>
</GetWebIdentityTokenResponse>`,
);

function broken(code: string): Error {
  return Object.assign(new Error(`a socket said ${CANARY}`), { code });
}

function sentOf(url: URL, body: PostBody, timeoutMs: number): Sent {
  const { headers, text } = body as { headers: Record<string, string>; text: string };
  return { url: url.href, timeoutMs, headers, form: Object.fromEntries(new URLSearchParams(text)) };
}

type RigOptions = { readonly aws?: Partial<Aws>; readonly random?: () => number };

/** An STS that gives `replies` one after the other; the last one is repeated. Sleeping moves the clock. */
function createRig(replies: readonly Reply[], { aws = {}, random = () => 1 }: RigOptions = {}) {
  const time = createTime();
  const clock = createClock({ now: time.now });
  const sent: Sent[] = [];
  const slept: number[] = [];
  const get = createWebIdentityTokens(WANTED, {
    aws: { region: async () => 'eu-west-1', credentials: async () => KEYS, ...aws },
    clock,
    random,
    sleep: async (ms) => {
      slept.push(ms);
      await time.advance(ms);
    },
    post: async (url, body, timeoutMs) => {
      const next = replies[Math.min(sent.length, replies.length - 1)];
      sent.push(sentOf(url, body, timeoutMs));
      if (next === undefined || next instanceof Error) {
        throw next;
      }
      if ('answer' in next) {
        await time.advance(next.afterMs);
        return next.answer;
      }
      return next;
    },
  });
  return { get: (timeMs = LONG_MS) => get(time.now() + timeMs), clock, sent, slept, time };
}

test('asks for an RS256 token for the audience and the duration, and returns it', async () => {
  const { get, sent } = createRig([GRANTED]);

  expect(await get()).toBe(TOKEN);
  expect(sent.map(({ form }) => form)).toEqual([
    {
      Action: 'GetWebIdentityToken',
      Version: '2011-06-15',
      'Audience.member.1': AUDIENCE,
      DurationSeconds: '300',
      SigningAlgorithm: 'RS256',
    },
  ]);
});

test('signs each header that it sends, for STS in its region and for the time of now', async () => {
  const { get, sent } = createRig([GRANTED]);

  await get();

  expect(sent[0]?.headers).toEqual({
    'content-type': 'application/x-www-form-urlencoded',
    host: 'sts.eu-west-1.amazonaws.com',
    'x-amz-date': '20260101T000000Z',
    'x-amz-security-token': KEYS.sessionToken,
    authorization: expect.stringMatching(
      /^AWS4-HMAC-SHA256 Credential=ASIAFIRST\/20260101\/eu-west-1\/sts\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    ),
  });
});

test.each([
  ['eu-west-1', 'https://sts.eu-west-1.amazonaws.com/'],
  ['us-east-1', 'https://sts.us-east-1.amazonaws.com/'],
  ['us-gov-west-1', 'https://sts.us-gov-west-1.amazonaws.com/'],
  ['cn-north-1', 'https://sts.cn-north-1.amazonaws.com.cn/'],
  ['cn-northwest-1', 'https://sts.cn-northwest-1.amazonaws.com.cn/'],
  ['eusc-de-east-1', 'https://sts.eusc-de-east-1.amazonaws.eu/'],
])('asks STS of %s at its own address', async (region, url) => {
  const { get, sent } = createRig([GRANTED], { aws: { region: async () => region } });

  await get();

  expect(sent[0]?.url).toBe(url);
  expect(sent[0]?.headers.authorization).toContain(`/${region}/sts/aws4_request`);
});

test('asks at the address that it is given, though the region says another', async () => {
  const { get, sent } = createRig([GRANTED], { aws: { stsUrl: 'http://127.0.0.1:4566' } });

  await get();

  expect(sent[0]).toMatchObject({ url: 'http://127.0.0.1:4566/', headers: { host: '127.0.0.1:4566' } });
});

const PASSING: readonly [string, Reply, string][] = [
  ['answers 500', answer(500, 'oops'), 'Status500'],
  ['answers 503', fault('ServiceUnavailable', 503), 'ServiceUnavailable'],
  ['throttles', fault('Throttling', 400), 'Throttling'],
  ['answers garbage', answer(200, '<html>captive portal</html>'), 'Status200'],
  ['answers nothing', answer(200, ''), 'Status200'],
  ['answers 200 without a token', answer(200, '<GetWebIdentityTokenResult/>'), 'Status200'],
  ['redirects', answer(302, '', { location: 'http://127.0.0.1:9/' }), 'Status302'],
  ['names its error as nobody would', fault('a.b-c'), 'Error'],
  ['resets', broken('ECONNRESET'), 'ECONNRESET'],
  ['is not there', broken('ECONNREFUSED'), 'ECONNREFUSED'],
  ['is silent', Object.assign(new Error(CANARY), { name: 'TimeoutError' }), 'TimeoutError'],
];

test.each(PASSING)('gives a token if STS %s one time', async (_, reply) => {
  const { get, sent } = createRig([reply, GRANTED]);

  expect(await get()).toBe(TOKEN);
  expect(sent).toHaveLength(2);
});

test.each(PASSING)('asks three times and no more while STS %s, and says so', async (_, reply, name) => {
  const { get, sent } = createRig([reply]);

  const error = await failureOf(get);

  expect(error).toMatchObject({
    code: 'credential_unavailable',
    message: `AWS’s web identity token cannot be had from AWS’s STS now (${name}). Try again later.`,
  });
  expect(error.cause).toBeUndefined();
  expect(sent).toHaveLength(3);
});

test.each([
  ['AccessDenied', /sts:GetWebIdentityToken for this audience and duration/],
  ['OutboundWebIdentityFederationDisabledException', /aws iam enable-outbound-web-identity-federation/],
  ['SessionDurationEscalationException', /Lower credential_source\.aws_web_identity_token\.duration_seconds/],
  ['JWTPayloadSizeExceededException', /shorten the audience/],
  ['ValidationError', /correct the document/],
  ['InvalidAction', /this region of AWS has none.*aws4_request/],
  ['RegionDisabledException', /Activate it in the IAM console/],
  ['ExpiredToken', /AWS session is over\. Start it again/],
  ['ExpiredTokenException', /AWS session is over\. Start it again/],
  ['InvalidClientTokenId', /Check AWS_ACCESS_KEY_ID and the region/],
  ['SignatureDoesNotMatch', /Check AWS_SECRET_ACCESS_KEY and the time/],
])('does not ask again after %s, and says what to do', async (code, fix) => {
  const { get, sent, slept } = createRig([fault(code), GRANTED]);

  const error = await failureOf(get);

  expect(error.code).toBe('credential_invalid');
  expect(error.message).toMatch(/^AWS’s web identity token (?:is|would|has) [^\n]+\.$/);
  expect(error.message).toMatch(fix);
  expect(error.message).toContain(`(${code})`);
  expect(error.message).not.toContain(CANARY);
  expect([sent.length, slept.length]).toEqual([1, 0]);
});

test.each([
  [0, [0, 0]],
  [0.5, [50, 100]],
  [1, [100, 200]],
])('waits for a part of 100 and then 200 ms, with the dice at %d', async (dice, waits) => {
  const { get, slept } = createRig([answer(500, '')], { random: () => dice });

  await failureOf(get);

  expect(slept).toEqual(waits);
});

test('gives an attempt two seconds, and all of them six', async () => {
  const silence = { afterMs: 2_900, answer: answer(500, '') };
  const { get, sent } = createRig([silence]);

  await failureOf(get);

  expect(sent.map(({ timeoutMs }) => timeoutMs)).toEqual([2_000, 2_000]);
});

test('gives no attempt more time than there is, and makes none when there is none left to wait', async () => {
  const { get, sent, slept, time } = createRig([{ afterMs: 450, answer: answer(500, '') }]);

  const error = await failureOf(() => get(500));

  expect(error.code).toBe('credential_unavailable');
  expect(sent.map(({ timeoutMs }) => timeoutMs)).toEqual([500]);
  expect(slept).toEqual([]);
  expect(time.now() - START_MS).toBeLessThanOrEqual(500);
});

test.each([
  ['fast', 20 * 60_000],
  ['slow', -20 * 60_000],
])('signs anew and at once for AWS’s time if the clock turns out to be %s', async (_, skewMs) => {
  const date = new Date(START_MS - skewMs).toUTCString();
  const { get, sent, slept, clock } = createRig([
    fault('SignatureDoesNotMatch', 403, { date }),
    { ...GRANTED, headers: { date } },
  ]);

  expect(await get()).toBe(TOKEN);
  expect(sent[1]?.headers['x-amz-date']).toBe(
    new Date(START_MS - skewMs).toISOString().replace(/[-:]|\.\d+/g, ''),
  );
  expect(slept).toEqual([0]);
  expect(clock.offsetMs()).toBe(-skewMs);
});

test('does not sign anew if AWS’s time is the function’s own', async () => {
  const date = new Date(START_MS).toUTCString();
  const { get, sent } = createRig([fault('SignatureDoesNotMatch', 403, { date })]);

  const error = await failureOf(get);

  expect(error.code).toBe('credential_invalid');
  expect(sent).toHaveLength(1);
});

test('does not set the clock by an answer that lay there while the container was frozen', async () => {
  const date = new Date(START_MS).toUTCString();
  const { get, clock } = createRig([{ afterMs: 3_600_000, answer: { ...GRANTED, headers: { date } } }]);

  await get(LONG_MS);

  expect(clock.offsetMs()).toBe(0);
});

test.each<[string, Partial<Aws>]>([
  ['credentials', { credentials: () => Promise.reject(new Error(CANARY)) }],
  ['region', { region: () => Promise.reject(new Error(CANARY)) }],
])('says so at once if there is no AWS %s', async (_, aws) => {
  const { get, sent, slept } = createRig([GRANTED], { aws });

  const error = await failureOf(get);

  expect(error).toMatchObject({
    code: 'credential_unavailable',
    message: expect.stringMatching(/there are no AWS credentials, or no region\. Check AWS_REGION/),
  });
  expect(error.message).not.toContain(CANARY);
  expect([sent.length, slept.length]).toEqual([0, 0]);
});

test('signs with the credentials of now, though they have rotated, between attempts too', async () => {
  const second = { accessKeyId: 'ASIASECOND', secretAccessKey: 'second-secret' };
  let current: typeof second = KEYS;
  const { get, sent } = createRig([GRANTED, answer(500, ''), GRANTED], {
    aws: {
      credentials: async () => {
        const given = current;
        current = second;
        return given;
      },
    },
  });

  await get();
  await get();

  expect(sent.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization ?? '')?.[1])).toEqual([
    'ASIAFIRST',
    'ASIASECOND',
    'ASIASECOND',
  ]);
  expect(sent[1]?.headers).not.toHaveProperty('x-amz-security-token');
});

test('gets a token that verifies by AWS’s published keys and says the role', async () => {
  const role = 'arn:aws:iam::123456789012:role/vendor';
  const principalArn = 'arn:aws:sts::123456789012:assumed-role/vendor/function';
  const sts = await startSts({
    region: 'eu-west-1',
    accountId: '123456789012',
    credentials: [{ ...KEYS, principalArn, webIdentity: { audiences: [AUDIENCE] } }],
  });
  onTestFinished(sts.close);
  const { post, close } = createNetwork();
  onTestFinished(close);
  const get = createWebIdentityTokens(WANTED, {
    aws: { region: async () => 'eu-west-1', credentials: async () => KEYS, stsUrl: sts.url },
    post,
    clock: createClock(),
  });

  const token = await get(Date.now() + LONG_MS);

  const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(sts.jwksUrl)), {
    issuer: sts.issuer,
    audience: AUDIENCE,
  });
  expect(protectedHeader.alg).toBe('RS256');
  expect(payload.sub).toBe(role);
  expect(Number(decodeJwt(token).exp) - Number(payload.iat)).toBe(300);
});
