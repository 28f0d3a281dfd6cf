import { expect, test } from 'vitest';
import type { InvokeFunction } from '../lambda/aws/invoke-function.ts';
import { createCaller } from '../lambda/call/caller.ts';
import type { SendToService, ServiceLimits, ServiceRequest } from '../lambda/call/service-network.ts';
import { VendError } from '../lambda/errors.ts';
import { parseProfiles } from '../lambda/policy/profiles.ts';
import { contextFor } from './make-event.ts';
import { createTime } from './make-time.ts';
import { thrownBy } from './vendor-rig.ts';

const URL_TEXT = 'https://a.run.app/x';
const ALIAS = 'arn:aws:lambda:eu-west-1:123456789012:function:vendor:p';
const MINUTE_MS = 60_000;

type Answer = number | { readonly status: number; readonly takesMs: number };

/** A caller with fakes for the vendor and the service, on a clock that stands still. */
function callerOf(tokens: readonly unknown[], statuses: readonly Answer[] = []) {
  const time = createTime();
  const invoked: unknown[] = [];
  const sent: (ServiceRequest & ServiceLimits)[] = [];
  const [profile] = parseProfiles({ p: { audiences: ['https://a.run.app'] } }).values();
  if (profile === undefined) {
    throw new Error('there is no profile');
  }
  const invoke: InvokeFunction = async (target, payload) => {
    const token = tokens[Math.min(invoked.length, tokens.length - 1)];
    invoked.push([target, payload]);
    if (token instanceof Error) {
      throw token;
    }
    return typeof token === 'string' ? { id_token: `h.${token}.s`, expires_in: 3_600, audience: 'x' } : token;
  };
  const send: SendToService = async (request, limits) => {
    const answer = statuses[sent.length] ?? 200;
    const { status, takesMs } = typeof answer === 'number' ? { status: answer, takesMs: 0 } : answer;
    sent.push({ ...request, ...limits });
    await time.advance(takesMs);
    return { status, headers: {}, body: Buffer.from('') };
  };
  const handler = createCaller({
    profile,
    aliasArn: ALIAS,
    audit: { record: () => {}, warn: () => {} },
    invoke,
    send,
    now: time.now,
  });
  const call = (more: object = {}, remainingMs = 30_000) =>
    handler({ url: URL_TEXT, method: 'POST', ...more }, contextFor(undefined, remainingMs));
  return {
    time,
    invoked,
    sent,
    call,
    failure: async (more?: object) => (await thrownBy(call(more) as Promise<unknown>))?.name,
    used: () => sent.map(({ headers }) => headers.authorization?.split('.')[1]),
  };
}

test('asks the profile’s alias for a token of the URL’s audience', async () => {
  const { call, invoked } = callerOf(['one']);

  await call();

  expect(invoked).toEqual([[{ functionName: ALIAS }, { audience: 'https://a.run.app' }]]);
});

test('keeps a token while it has more than ten minutes left, and asks again after its end', async () => {
  const { call, used, time, invoked } = callerOf(['one', 'two']);

  await call();
  await time.advance(49 * MINUTE_MS);
  await call();
  const asked = invoked.length;
  await time.advance(11 * MINUTE_MS);
  await call();

  expect(asked).toBe(1);
  expect(used()).toEqual(['one', 'one', 'two']);
});

test('a token from the cache that the service does not accept is replaced, and the call made once more', async () => {
  const { call, used } = callerOf(['one', 'two'], [200, 401, 200]);

  await call();
  const result = await call();
  await call();

  expect(result).toMatchObject({ status: 200 });
  expect(used()).toEqual(['one', 'one', 'two', 'two']);
});

test('a call is made no third time', async () => {
  const { call, used, failure } = callerOf(['one', 'two', 'three'], [200, 401, 401]);

  await call();

  expect(await failure()).toBe('ServiceRefused');
  expect(used()).toEqual(['one', 'one', 'two']);
});

test('a call is not made again with the token that was refused', async () => {
  const { call, used, failure } = callerOf(['one', 'one'], [200, 401]);

  await call();

  expect(await failure()).toBe('ServiceRefused');
  expect(used()).toEqual(['one', 'one']);
});

test('a new token that the service does not accept is refused at once', async () => {
  const { used, failure, invoked } = callerOf(['one', 'two'], [401]);

  expect(await failure()).toBe('ServiceRefused');
  expect([used(), invoked.length]).toEqual([['one'], 1]);
});

test('a 401 that is accepted is a result, and no reason for a new token', async () => {
  const { call, used } = callerOf(['one', 'two'], [200, 401]);

  await call();

  expect(await call({ acceptStatuses: [401] })).toMatchObject({ status: 401 });
  expect(used()).toEqual(['one', 'one']);
});

test.each([
  ['nothing', null],
  ['an access token', { access_token: 'ya29.x', expires_in: 3_600 }],
  ['a token with another header inside', { id_token: 'a.b.c\r\nx: y', expires_in: 3_600 }],
  ['a token without a lifetime', { id_token: 'a.b.c' }],
  ['a token that is over', { id_token: 'a.b.c', expires_in: 0 }],
])('%s is no answer of the vendor’s', async (_, answer) => {
  const { failure, sent } = callerOf([answer]);

  expect(await failure()).toBe('ServerError');
  expect(sent).toEqual([]);
});

test('an error of the vendor’s has its name and no cause', async () => {
  const cause = new Error('secret');
  const { call } = callerOf([new VendError('google_unavailable', 'why', { cause })]);

  const error = await thrownBy(call() as Promise<unknown>);

  expect(error).toMatchObject({ name: 'GoogleUnavailable', message: 'why', stack: 'GoogleUnavailable: why' });
  expect(error?.cause).toBeUndefined();
});

test.each([
  ['its own time-out', { timeoutSeconds: 7 }, 30_000, 7_000],
  ['thirty seconds', {}, 900_000, 30_000],
  ['what the invocation has left, but for half a second', {}, 10_000, 9_500],
])('a call has %s', async (_, more, remainingMs, expected) => {
  const { call, sent } = callerOf(['one']);

  await call(more, remainingMs);

  expect(sent.map(({ timeoutMs }) => timeoutMs)).toEqual([expected]);
});

test('the time that the first try took is gone for the second', async () => {
  const { call, sent } = callerOf(['one', 'two'], [200, { status: 401, takesMs: 4_000 }]);
  await call();

  await call({ timeoutSeconds: 10 });

  expect(sent.slice(1).map(({ timeoutMs }) => timeoutMs)).toEqual([10_000, 6_000]);
});
