import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createClock } from '../lambda/google/clock.ts';
import { createExchange } from '../lambda/google/exchange.ts';
import type { PostResponse } from '../lambda/google/post.ts';
import { failureOf } from './make-calls.ts';
import { createTime } from './make-time.ts';

const GOOGLE = { kind: 'token', url: new URL('https://oauth2.googleapis.com/token') } as const;
const FORM = { assertion: 'signed' };
const LONG_MS = 60_000;

type Reply = PostResponse | Error | { readonly afterMs: number; readonly answer: PostResponse };

function reply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): PostResponse {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

const TOKEN = reply(200, { access_token: 'ya29.x', expires_in: 3599 });

/** An exchange whose posts get `replies` one after the other; the last one is repeated. Sleeping moves its clock. */
function createRig(replies: readonly Reply[], random: () => number = () => 1) {
  const time = createTime();
  const clock = createClock({ now: time.now });
  const timeouts: number[] = [];
  const slept: number[] = [];
  const exchange = createExchange({
    clock,
    random,
    sleep: async (ms) => {
      slept.push(ms);
      await time.advance(ms);
    },
    post: async (_url, _form, timeoutMs) => {
      const next = replies[Math.min(timeouts.length, replies.length - 1)];
      timeouts.push(timeoutMs);
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
  const ask = (timeMs: number = LONG_MS) => exchange(GOOGLE, FORM, time.now() + timeMs);
  return { ask, clock, slept, time, timeouts };
}

function broken(code: string): Error {
  return Object.assign(new Error(`a socket said ${code}`), { code });
}

test('returns the fields of a token answer, and how long it took', async () => {
  const { ask, timeouts } = createRig([{ afterMs: 80, answer: TOKEN }]);

  expect(await ask()).toEqual({
    outcome: 'granted',
    fields: { access_token: 'ya29.x', expires_in: 3599 },
    googleMs: 80,
  });
  expect(timeouts).toEqual([6_000]);
});

test.each([408, 429, 500, 502, 503, 504])('tries again after a %i', async (status) => {
  const { ask, timeouts } = createRig([reply(status, 'oops'), TOKEN]);

  expect((await ask()).outcome).toBe('granted');
  expect(timeouts).toHaveLength(2);
});

test.each(['internal_failure', 'server_error', 'temporarily_unavailable'])(
  'tries again after the error %s, whatever the status',
  async (error) => {
    const { ask, timeouts } = createRig([reply(400, { error }), reply(200, { error }), TOKEN]);

    expect((await ask()).outcome).toBe('granted');
    expect(timeouts).toHaveLength(3);
  },
);

test.each(['', '{', '[]', 'null', '"text"', '7', '<html>'])(
  'tries again after a 200 with the body %j',
  async (body) => {
    const { ask, timeouts } = createRig([reply(200, body), TOKEN]);

    expect((await ask()).outcome).toBe('granted');
    expect(timeouts).toHaveLength(2);
  },
);

test('tries again after a broken connection', async () => {
  const { ask, timeouts } = createRig([broken('ECONNRESET'), TOKEN]);

  expect((await ask()).outcome).toBe('granted');
  expect(timeouts).toHaveLength(2);
});

test.each([400, 401, 403, 404, 301, 302, 307, 308, 201, 204, 418, 501])(
  'takes a %i for an answer and does not try again',
  async (status) => {
    const { ask, timeouts } = createRig([reply(status, { error: 'invalid_grant' })]);

    expect((await ask()).outcome).toBe('refused');
    expect(timeouts).toHaveLength(1);
  },
);

test.each(['invalid_grant', 7, null, {}])('takes a 200 with the error %j for a refusal', async (error) => {
  const { ask } = createRig([reply(200, { error, access_token: 'ya29.x', expires_in: 3599 })]);

  expect((await ask()).outcome).toBe('refused');
});

test('passes Google’s own words on in a refusal', async () => {
  const { ask } = createRig([
    reply(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }),
  ]);

  expect(await ask()).toMatchObject({
    outcome: 'refused',
    refusal: {
      cause: 'outdated_credential',
      explanation: expect.stringContaining('400 "invalid_grant": "Invalid JWT Signature."'),
    },
  });
});

test('gives up after 3 attempts, and says what the last one met with', async () => {
  const { ask, timeouts } = createRig([reply(503, { error: 'first' }), reply(500, { error: 'last' })]);

  const failure = await failureOf(() => ask());

  expect(timeouts).toHaveLength(3);
  expect(failure).toMatchObject({
    code: 'google_unavailable',
    message: 'Google (oauth2.googleapis.com) cannot be reached: it answered 500 "last". Try again later.',
    retryAfterSeconds: undefined,
  });
});

test('names the code of a broken connection, and keeps its message for the cause', async () => {
  const error = broken('ENOTFOUND');
  const { ask } = createRig([error]);

  const failure = await failureOf(() => ask());

  expect(failure.message).toContain('the connection failed (ENOTFOUND)');
  expect(failure.message).not.toContain('a socket said');
  expect(failure.cause).toBe(error);
});

test.each([undefined, new Error('nothing in particular')])(
  'survives the failure %s, which has no code',
  async (error) => {
    const { ask } = createRig(error === undefined ? [] : [error]);

    expect((await failureOf(() => ask())).message).toContain('the connection failed.');
  },
);

test.each(['TimeoutError', 'AbortError'])('says that Google was silent after a %s', async (name) => {
  const { ask } = createRig([Object.assign(new Error('cut off'), { name })]);

  expect((await failureOf(() => ask())).message).toContain('it did not answer in time');
});

test('shows nothing of an answer that looks like a token or a key', async () => {
  const secret = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ2ZW5kb3IifQ.c2lnbmF0dXJl';
  const { ask } = createRig([reply(503, { error: `bad ${secret}`, error_description: secret })]);
  const { ask: askRefused } = createRig([reply(400, { error: 'x', error_description: `bad ${secret}` })]);

  const failure = await failureOf(() => ask());
  const refusal = await askRefused();

  expect(failure.message).not.toContain('eyJ');
  expect(JSON.stringify(refusal)).not.toContain('eyJ');
});

test('waits a random part of 200 and then of 400 milliseconds', async () => {
  const die = fc.double({ min: 0.001, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.tuple(die, die), async (dice) => {
      const left: number[] = [...dice];
      const { ask, slept, timeouts } = createRig([reply(503, '')], () => left.shift() ?? 1);

      await failureOf(() => ask());

      expect(timeouts).toHaveLength(3);
      expect(slept).toEqual([dice[0] * 200, dice[1] * 400]);
    }),
    { numRuns: 50 },
  );
});

test('waits as long as Retry-After says', async () => {
  const { ask, slept } = createRig([reply(429, '', { 'retry-after': '3' }), TOKEN]);

  await ask();

  expect(slept).toEqual([3_000]);
});

test.each(['-5', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT', 'Infinity', 'NaN', ''])(
  'backs off as usual after the Retry-After %j',
  async (header) => {
    const { ask, slept } = createRig([reply(429, '', { 'retry-after': header })]);

    const failure = await failureOf(() => ask());

    expect(slept).toEqual([200, 400]);
    expect(failure.retryAfterSeconds).toBeUndefined();
  },
);

test('does not wait beyond the deadline, and passes Retry-After on', async () => {
  const { ask, slept, timeouts } = createRig([reply(429, '', { 'retry-after': '30' })]);

  const failure = await failureOf(() => ask(20_000));

  expect(failure).toMatchObject({ code: 'google_unavailable', retryAfterSeconds: 30 });
  expect(slept).toEqual([]);
  expect(timeouts).toHaveLength(1);
});

test('believes no Retry-After of more than an hour', async () => {
  const { ask } = createRig([reply(503, '', { 'retry-after': '86400' })]);

  expect((await failureOf(() => ask(20_000))).retryAfterSeconds).toBe(3_600);
});

test('gives an attempt 6 seconds, or what is left', async () => {
  const hang = { afterMs: 6_001, answer: TOKEN };
  const { ask, timeouts } = createRig([hang, hang, hang], () => 0);

  await failureOf(() => ask(13_000));

  expect(timeouts).toEqual([6_000, 6_000, 998]);
});

test('does not ask at all with less than 50 milliseconds left', async () => {
  const { ask, timeouts } = createRig([TOKEN]);

  const failure = await failureOf(() => ask(49));

  expect(failure).toMatchObject({
    code: 'google_unavailable',
    message: expect.stringContaining('no time left'),
  });
  expect(timeouts).toHaveLength(0);
});

test('asks with 50 milliseconds left', async () => {
  const { ask, timeouts } = createRig([TOKEN]);

  expect((await ask(50)).outcome).toBe('granted');
  expect(timeouts).toEqual([50]);
});

test('learns the time from every answer, a failure and a refusal too', async () => {
  const { ask, clock, time } = createRig([
    reply(503, '', { date: new Date(createTime().now() + 600_000).toUTCString() }),
    reply(400, { error: 'invalid_grant' }),
  ]);

  await ask();

  expect(clock.offsetMs()).toBe(600_000);
  expect(clock.googleMs()).toBe(time.now() + 600_000);
});

test('takes neither token nor time from an answer that a thawed container finds', async () => {
  const startMs = createTime().now();
  const frozen = reply(
    200,
    { access_token: 'ya29.old', expires_in: 3599 },
    { date: new Date(startMs).toUTCString() },
  );
  const { ask, clock } = createRig([{ afterMs: 3_600_000, answer: frozen }]);

  const failure = await failureOf(() => ask(20_000));

  expect(failure).toMatchObject({ code: 'google_unavailable', message: expect.stringContaining('in time') });
  expect(clock.offsetMs()).toBe(0);
});

test('whatever Google answers is a grant, a refusal or an outage', async () => {
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({ error: fc.anything() }).map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 100, max: 599 }), body, fc.string(), async (status, text, header) => {
      const { ask, timeouts } = createRig([reply(status, text, { date: header, 'retry-after': header })]);

      const outcome = await ask().then(
        (result) => result.outcome,
        (error: unknown) => (error as { code?: unknown }).code,
      );

      expect(['granted', 'refused', 'google_unavailable']).toContain(outcome);
      expect(timeouts.length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 300 },
  );
});

test('leaves Google alone for as long as it asked, whoever comes', async () => {
  const { ask, time, timeouts } = createRig([reply(429, '', { 'retry-after': '50' }), TOKEN]);

  const first = await failureOf(() => ask(20_000));
  await time.advance(20_000);
  const second = await failureOf(() => ask(20_000));
  await time.advance(30_000);
  const third = await ask(20_000);

  expect([first, second].map(({ code, retryAfterSeconds }) => [code, retryAfterSeconds])).toEqual([
    ['google_unavailable', 50],
    ['google_unavailable', 30],
  ]);
  expect(third.outcome).toBe('granted');
  expect(timeouts).toHaveLength(2);
});

test('leaves Google alone for a minute at the most', async () => {
  const { ask, time } = createRig([reply(503, '', { 'retry-after': '3000' }), TOKEN]);
  await failureOf(() => ask(20_000));
  await time.advance(60_000);

  expect((await ask(20_000)).outcome).toBe('granted');
});

test('asks again after a failure that came without a wish to be left alone', async () => {
  const { ask, timeouts } = createRig([reply(503, ''), reply(503, ''), reply(503, ''), TOKEN]);
  await failureOf(() => ask(20_000));

  expect((await ask(20_000)).outcome).toBe('granted');
  expect(timeouts).toHaveLength(4);
});
