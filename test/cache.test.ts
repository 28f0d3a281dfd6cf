import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCache } from '../lambda/cache.ts';
import { VendError } from '../lambda/errors.ts';
import { createClock } from '../lambda/google/clock.ts';
import type { AccessTokenGrant, Grant, Vended } from '../lambda/types.ts';
import { anyText } from './any-text.ts';
import { createCalls, failureOf } from './make-calls.ts';
import { createTime, settled } from './make-time.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const GRANT = { kind: 'id_token', credential: 'default', audience: 'https://example.com' } as const;

function grantFor(name: string): Grant {
  return { ...GRANT, audience: `https://${name}.example.com` };
}

function refusal(): VendError {
  return new VendError('google_refused', 'Google said no.');
}

function outage(): VendError {
  return new VendError('google_unavailable', 'Google is away.');
}

/** A cache before a minter whose every call the test answers. */
function createRig(maxTokens?: number, lifeMs?: number) {
  const time = createTime();
  const clock = createClock({ now: time.now });
  const mints = createCalls<[Grant, number], Vended>();
  const failedRefreshes: unknown[] = [];
  const cached = createCache(mints.call, {
    clock,
    sleep: time.sleep,
    onRefreshFailed: (_grant, error) => failedRefreshes.push(error),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(lifeMs === undefined ? {} : { lifeMs: () => lifeMs }),
  });
  const ask = (grant: Grant = GRANT, timeMs: number = 30 * SECOND) => cached(grant, time.now() + timeMs);
  const give = (index: number, lifeMs: number = HOUR): void => {
    const token = { value: `token-${index}`, expiresAtMs: clock.googleMs() + lifeMs };
    mints.at(index).give({ token, cached: false, googleMs: 80 });
  };
  const hold = async (lifeMs: number = HOUR, grant: Grant = GRANT): Promise<void> => {
    const asked = ask(grant);
    give(mints.list.length - 1, lifeMs);
    await asked;
  };
  return { time, clock, mints, ask, give, hold, failedRefreshes };
}

/** What the cache gives at once, without a promise. */
function atOnce(answer: Vended | Promise<Vended>): string {
  if (answer instanceof Promise) {
    throw new Error('the answer has to be waited for');
  }
  return answer.token.value;
}

test('serves a cached token at once, without a promise, and says that it was cached', async () => {
  const { ask, hold, mints } = createRig();
  await hold();

  const answer = ask();

  expect(answer).toMatchObject({ token: { value: 'token-0' }, cached: true, googleMs: 0 });
  expect(answer).not.toBeInstanceOf(Promise);
  expect(mints.list).toHaveLength(1);
});

test('hands the first caller the minted token as it came, with what Google took', async () => {
  const { ask, give } = createRig();

  const asked = ask();
  give(0);

  expect(await asked).toMatchObject({ token: { value: 'token-0' }, cached: false, googleMs: 80 });
});

test('passes grant and deadline on to the minter', async () => {
  const { ask, mints, give, time } = createRig();

  const asked = ask(GRANT, 4_321);
  give(0);
  await asked;

  expect(mints.at(0).args).toEqual([GRANT, time.now() + 4_321]);
});

test.each<[string, Grant]>([
  ['audience', { ...GRANT, audience: 'https://example.com/' }],
  ['credential', { ...GRANT, credential: 'other' }],
  ['kind', { kind: 'access_token', credential: 'default', scopes: 'https://example.com' }],
])('keeps tokens apart that differ in their %s', async (_what, other) => {
  const { ask, hold, mints } = createRig();
  await hold();

  void ask(other);

  expect(mints.list).toHaveLength(2);
});

const ACCESS = { kind: 'access_token', credential: 'default', scopes: 'openid' } as const;
const EVERYTHING: AccessTokenGrant = {
  ...ACCESS,
  impersonate: { serviceAccount: 'a@example.com', delegates: ['b@example.com', 'c@example.com'] },
  subject: 'alice@example.com',
  lifetimeSeconds: 3_600,
  boundary: '{"accessBoundary":{}}',
};

/** Returns `grant` without one of its fields. */
function without(grant: Grant, name: string): Grant {
  return Object.fromEntries(Object.entries(grant).filter(([field]) => field !== name)) as Grant;
}

/** Returns whether a token that was minted for one grant is served to another. */
async function isShared(one: Grant, other: Grant): Promise<boolean> {
  const { ask, hold, mints } = createRig();
  await hold(HOUR, one);
  void ask(other);
  return mints.list.length === 1;
}

const IMPERSONATE = { serviceAccount: 'a@example.com', delegates: ['b@example.com', 'c@example.com'] };

test.each<[string, Grant, Grant]>([
  ['credential', EVERYTHING, { ...EVERYTHING, credential: 'other' }],
  ['scopes', EVERYTHING, { ...EVERYTHING, scopes: 'email openid' }],
  ['impersonation, or none', EVERYTHING, without(EVERYTHING, 'impersonate')],
  [
    'account',
    EVERYTHING,
    { ...EVERYTHING, impersonate: { ...IMPERSONATE, serviceAccount: 'b@example.com' } },
  ],
  ['delegates, or none', EVERYTHING, { ...EVERYTHING, impersonate: { ...IMPERSONATE, delegates: [] } }],
  [
    'number of delegates',
    EVERYTHING,
    { ...EVERYTHING, impersonate: { ...IMPERSONATE, delegates: ['b@example.com'] } },
  ],
  [
    'delegates’ order',
    EVERYTHING,
    { ...EVERYTHING, impersonate: { ...IMPERSONATE, delegates: ['c@example.com', 'b@example.com'] } },
  ],
  ['subject', EVERYTHING, { ...EVERYTHING, subject: 'bob@example.com' }],
  ['subject, or none', EVERYTHING, without(EVERYTHING, 'subject')],
  ['lifetime', EVERYTHING, { ...EVERYTHING, lifetimeSeconds: 3_601 }],
  ['lifetime, or the usual one', EVERYTHING, without(EVERYTHING, 'lifetimeSeconds')],
  ['boundary', EVERYTHING, { ...EVERYTHING, boundary: '{"accessBoundary":[]}' }],
  ['boundary, or none', EVERYTHING, without(EVERYTHING, 'boundary')],
  ['signature', ACCESS, { ...ACCESS, selfSigned: true }],
  ['account, of ID tokens', { ...GRANT, impersonate: IMPERSONATE }, GRANT],
  [
    'delegates’ order, of ID tokens',
    { ...GRANT, impersonate: IMPERSONATE },
    { ...GRANT, impersonate: { ...IMPERSONATE, delegates: ['c@example.com', 'b@example.com'] } },
  ],
])('keeps tokens apart that differ in their %s, whichever came first', async (_what, one, other) => {
  expect([await isShared(one, other), await isShared(other, one)]).toEqual([false, false]);
});

test('shares a token between grants whose fields stand in another order', async () => {
  const reversed = Object.fromEntries(Object.entries(EVERYTHING).reverse()) as unknown as Grant;
  const impersonate = { delegates: IMPERSONATE.delegates, serviceAccount: IMPERSONATE.serviceAccount };

  expect(await isShared(EVERYTHING, reversed)).toBe(true);
  expect(await isShared(EVERYTHING, { ...EVERYTHING, impersonate })).toBe(true);
});

const AS_TERMS = '[null,null,"x",null,null,null]';

test.each<[string, Grant, Grant]>([
  ['subject that reads like a boundary', { ...ACCESS, subject: 'x' }, { ...ACCESS, boundary: 'x' }],
  ['subject that reads like a lifetime', { ...ACCESS, subject: '600' }, { ...ACCESS, lifetimeSeconds: 600 }],
  ['subject that reads like a signature', { ...ACCESS, subject: 'true' }, { ...ACCESS, selfSigned: true }],
  ['subject that reads like none', { ...ACCESS, subject: 'null' }, ACCESS],
  ['subject that is empty', { ...ACCESS, subject: '' }, ACCESS],
  [
    'subject that goes on in the next field',
    { ...ACCESS, subject: 'x",null,null,"y' },
    { ...ACCESS, subject: 'x', boundary: 'y' },
  ],
  [
    'account that goes on in its delegates',
    { ...GRANT, impersonate: { serviceAccount: 'a",["b', delegates: [] } },
    { ...GRANT, impersonate: { serviceAccount: 'a', delegates: ['b'] } },
  ],
  [
    'delegate that reads like two',
    { ...GRANT, impersonate: { serviceAccount: 'a', delegates: ['b","c'] } },
    { ...GRANT, impersonate: { serviceAccount: 'a', delegates: ['b', 'c'] } },
  ],
  [
    'delegate that is joined by a comma',
    { ...GRANT, impersonate: { serviceAccount: 'a', delegates: ['b,c'] } },
    { ...GRANT, impersonate: { serviceAccount: 'a', delegates: ['b', 'c'] } },
  ],
  [
    'scope that reads like the terms',
    { ...ACCESS, scopes: `openid${AS_TERMS}` },
    { ...ACCESS, subject: 'x' },
  ],
  ['audience that reads like scopes', { ...GRANT, audience: 'openid' }, ACCESS],
  [
    'credential that begins like another one',
    { ...ACCESS, credential: 'a', scopes: 'bc' },
    { ...ACCESS, credential: 'ab', scopes: 'c' },
  ],
  [
    'credential that is named like a kind of token',
    { ...ACCESS, credential: 'access_token', scopes: 'a' },
    { ...ACCESS, credential: 'a', scopes: 'access_token' },
  ],
])('is not taken in by a %s', async (_what, one, other) => {
  expect([await isShared(one, other), await isShared(other, one)]).toEqual([false, false]);
});

/** Texts that are made to look like the end of one part of a key and the beginning of the next. */
const CRAFTED = fc.oneof(
  fc.constantFrom('a', 'b', '', 'null', 'true', '600', '"', '","', 'a","b', 'a",null,"b', '],[', '\\', '\n'),
  fc.constantFrom(
    'a\n["b",[],null,null,null,null]',
    '[null,null,"a",null,null,null]',
    'access_token default a',
  ),
  anyText(4),
);
const LINE = CRAFTED.map((text) => text.replaceAll('\n', ''));

const COMMON = {
  credential: fc.constantFrom('default', 'default2', 'a', 'access_token'),
  impersonate: fc.record(
    {
      serviceAccount: CRAFTED,
      delegates: fc.array(CRAFTED, { maxLength: 3 }),
    },
    { noNullPrototype: true },
  ),
};
const ANY_GRANT: fc.Arbitrary<Grant> = fc.oneof(
  fc.record(
    { kind: fc.constant('id_token' as const), ...COMMON, audience: LINE },
    { requiredKeys: ['kind', 'credential', 'audience'], noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant('access_token' as const),
      ...COMMON,
      scopes: LINE,
      subject: CRAFTED,
      lifetimeSeconds: fc.constantFrom(600, 3_600),
      selfSigned: fc.constant(true as const),
      boundary: CRAFTED,
    },
    { requiredKeys: ['kind', 'credential', 'scopes'], noNullPrototype: true },
  ),
);

/** Two grants of any kind, or two that have most of it in common. */
const TWO_GRANTS = fc.oneof(
  fc.tuple(ANY_GRANT, ANY_GRANT),
  fc.tuple(ANY_GRANT, ANY_GRANT, fc.nat(7)).map(([one, other, index]): [Grant, Grant] => {
    const [name = 'kind', value] = Object.entries(other)[index] ?? [];
    const changed = one.kind === other.kind ? { ...one, [name]: value } : { ...one };
    return [one, changed as Grant];
  }),
  fc.tuple(ANY_GRANT, fc.nat(7)).map(([one, index]): [Grant, Grant] => {
    const name = Object.keys(one)[index] ?? '';
    return /^(?:kind|credential|scopes|audience|)$/.test(name)
      ? [one, structuredClone(one)]
      : [one, without(one, name)];
  }),
  ANY_GRANT.map((one): [Grant, Grant] => [
    one,
    Object.fromEntries(Object.entries(structuredClone(one)).reverse()) as unknown as Grant,
  ]),
);

test('shares a token between two grants exactly if they are the same, whatever text is in them', async () => {
  const seen = { same: 0, other: 0 };

  await fc.assert(
    fc.asyncProperty(TWO_GRANTS, async ([one, other]) => {
      const same = isDeepStrictEqual(one, other);
      seen[same ? 'same' : 'other'] += 1;

      expect(await isShared(one, other)).toBe(same);
    }),
    { numRuns: 3_000 },
  );

  expect(Math.min(seen.same, seen.other)).toBeGreaterThan(300);
});

test('simply serves a token that has a millisecond more than 10 minutes left', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();

  await time.advance(HOUR - 10 * MINUTE - 1);

  expect(atOnce(ask())).toBe('token-0');
  expect(mints.list).toHaveLength(1);
});

test('serves a token that has 10 minutes left and renews it beside, once for any number of callers', async () => {
  const { ask, give, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 10 * MINUTE);

  const served = Array.from({ length: 100 }, () => atOnce(ask()));

  expect(new Set(served)).toEqual(new Set(['token-0']));
  expect(mints.list).toHaveLength(2);
  give(1);
  await settled();
  expect(atOnce(ask())).toBe('token-1');
  expect(mints.list).toHaveLength(2);
});

test('still serves beside a refresh with a millisecond more than 6 minutes left', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();

  await time.advance(HOUR - 6 * MINUTE - 1);

  expect(atOnce(ask())).toBe('token-0');
  expect(mints.list).toHaveLength(2);
});

test('awaits a new token with 6 minutes left', async () => {
  const { ask, give, hold, time } = createRig();
  await hold();
  await time.advance(HOUR - 6 * MINUTE);

  const asked = ask();
  give(1);

  expect(asked).toBeInstanceOf(Promise);
  expect((await asked).token.value).toBe('token-1');
});

test('serves the old token while Google is away, until a millisecond before its last 30 seconds', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 30 * SECOND - 1);

  const asked = ask();
  mints.at(1).fail(outage());

  expect((await asked).token.value).toBe('token-0');
});

test('does not serve a token in its last 30 seconds, whatever Google does', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 30 * SECOND);

  const asked = ask();
  mints.at(1).fail(outage());

  expect((await failureOf(() => asked)).code).toBe('google_unavailable');
});

test('does not serve a token whose last 30 seconds began while Google was asked', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 31 * SECOND);

  const asked = ask();
  await time.advance(1_500);
  mints.at(1).fail(outage());

  expect((await failureOf(() => asked)).code).toBe('google_unavailable');
});

test.each(['credential_unavailable', 'credential_invalid', 'google_unavailable', 'timeout'] as const)(
  'serves the old token if a new one fails with %s, and reports it',
  async (code) => {
    const { ask, failedRefreshes, hold, mints, time } = createRig();
    await hold();
    await time.advance(HOUR - 5 * MINUTE);
    const error = new VendError(code, 'It failed.');

    const asked = ask();
    mints.at(1).fail(error);

    expect((await asked).token.value).toBe('token-0');
    expect(failedRefreshes).toEqual([error]);
  },
);

test('passes a refusal on in the last 6 minutes, because it is an answer', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 5 * MINUTE);

  const asked = ask();
  mints.at(1).fail(refusal());

  expect((await failureOf(() => asked)).code).toBe('google_refused');
  expect((await failureOf(() => ask())).code).toBe('google_refused');
  expect(mints.list).toHaveLength(2);
});

test('waits 2 seconds for a better token than the one in hand, and no longer', async () => {
  const { ask, hold, time } = createRig();
  await hold();
  await time.advance(HOUR - 5 * MINUTE);

  const asked = ask();
  await time.advance(2 * SECOND);

  expect((await asked).token.value).toBe('token-0');
});

test('goes on waiting if the last 30 seconds of the token in hand began meanwhile', async () => {
  const { ask, give, hold, time } = createRig();
  await hold();
  await time.advance(HOUR - 31 * SECOND);

  const asked = ask();
  await time.advance(2 * SECOND);
  give(1);

  expect((await asked).token.value).toBe('token-1');
});

test('gives up on a better token at half of the time that the invocation has left', async () => {
  const { ask, hold, time } = createRig();
  await hold();
  await time.advance(HOUR - 5 * MINUTE);

  const asked = ask(GRANT, 1 * SECOND);
  await time.advance(500);

  expect((await asked).token.value).toBe('token-0');
});

test('does not hold up each caller anew while Google hangs', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 5 * MINUTE);
  const first = ask();
  await time.advance(2 * SECOND);
  await first;

  await time.advance(4_999);

  expect(atOnce(ask())).toBe('token-0');
  expect(mints.list).toHaveLength(2);
});

test('takes up the token that came too late for the caller who waited for it', async () => {
  const { ask, give, hold, time } = createRig();
  await hold();
  await time.advance(HOUR - 5 * MINUTE);
  const first = ask();
  await time.advance(2 * SECOND);
  await first;

  give(1);
  await settled();

  expect(atOnce(ask())).toBe('token-1');
});

test('reports the failure of a mint that no caller waits for any more', async () => {
  const { ask, failedRefreshes, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 5 * MINUTE);
  const first = ask();
  await time.advance(2 * SECOND);
  await first;

  const error = outage();
  mints.at(1).fail(error);
  await settled();

  expect(failedRefreshes).toEqual([error]);
});

test('serves quietly for 5 seconds after a refresh beside has failed, and then asks again', async () => {
  const { ask, failedRefreshes, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 9 * MINUTE);
  void ask();
  mints.at(1).fail(outage());
  await settled();

  await time.advance(4_999);
  void ask();
  const quiet = mints.list.length;
  await time.advance(1);
  const served = atOnce(ask());

  expect(failedRefreshes).toHaveLength(1);
  expect(quiet).toBe(2);
  expect(served).toBe('token-0');
  expect(mints.list).toHaveLength(3);
});

test('tells no caller of a refusal while a token has more than 6 minutes left', async () => {
  const { ask, failedRefreshes, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 9 * MINUTE);
  void ask();
  mints.at(1).fail(refusal());
  await settled();

  expect(atOnce(ask())).toBe('token-0');
  expect(failedRefreshes).toHaveLength(1);
});

test('does not keep a failure', async () => {
  const { ask, give, mints } = createRig();
  const first = ask();
  mints.at(0).fail(outage());
  await failureOf(() => first);

  const second = ask();
  give(1);

  expect((await second).token.value).toBe('token-1');
});

test('repeats a refusal for 5 seconds less a millisecond without asking Google', async () => {
  const { ask, mints, time } = createRig();
  const error = refusal();
  const first = ask();
  mints.at(0).fail(error);
  await failureOf(() => first);

  await time.advance(4_999);

  expect(await failureOf(() => ask())).toBe(error);
  expect(mints.list).toHaveLength(1);
});

test('asks Google again 5 seconds after a refusal', async () => {
  const { ask, give, mints, time } = createRig();
  const first = ask();
  mints.at(0).fail(refusal());
  await failureOf(() => first);

  await time.advance(5 * SECOND);
  const second = ask();
  give(1);

  expect((await second).token.value).toBe('token-1');
});

test('remembers a refusal for its own grant only', async () => {
  const { ask, mints } = createRig();
  const first = ask();
  mints.at(0).fail(refusal());
  await failureOf(() => first);

  void ask(grantFor('other'));

  expect(mints.list).toHaveLength(2);
});

test('mints once for 1,000 callers at a time', async () => {
  const { ask, give, mints } = createRig();

  const asked = Array.from({ length: 1_000 }, () => ask());
  give(0);
  const answers = await Promise.all(asked);

  expect(mints.list).toHaveLength(1);
  expect(new Set(answers.map(({ token }) => token.value))).toEqual(new Set(['token-0']));
});

test('fails all callers of a mint that fails, and mints anew for the next', async () => {
  const { ask, mints } = createRig();

  const asked = Array.from({ length: 10 }, () => failureOf(() => ask()));
  mints.at(0).fail(outage());
  const failures = await Promise.all(asked);
  void ask();

  expect(failures.map(({ code }) => code)).toEqual(Array(10).fill('google_unavailable'));
  expect(mints.list).toHaveLength(2);
});

test('keeps 1,000 tokens and lets go of the least recently used', async () => {
  const { ask, hold, mints } = createRig();
  for (let index = 0; index < 1_000; index += 1) {
    await hold(HOUR, grantFor(`service-${index}`));
  }
  atOnce(ask(grantFor('service-0')));

  await hold(HOUR, grantFor('one-more'));

  expect(atOnce(ask(grantFor('service-0')))).toBe('token-0');
  expect(atOnce(ask(grantFor('service-2')))).toBe('token-2');
  expect(ask(grantFor('service-1'))).toBeInstanceOf(Promise);
  expect(mints.list).toHaveLength(1_002);
});

test('goes by the bound that it is given', async () => {
  const { ask, hold } = createRig(2);
  await hold(HOUR, grantFor('a'));
  await hold(HOUR, grantFor('b'));
  await hold(HOUR, grantFor('c'));

  expect(atOnce(ask(grantFor('b')))).toBe('token-1');
  expect(ask(grantFor('a'))).toBeInstanceOf(Promise);
});

test('does not join a mint that a freeze has carried past its deadline', async () => {
  const { ask, give, mints, time } = createRig();
  const frozen = ask(GRANT, 10 * SECOND);
  await time.advance(10 * SECOND);

  const thawed = ask(GRANT, 10 * SECOND);
  give(1);

  expect((await thawed).token.value).toBe('token-1');
  expect(mints.list).toHaveLength(2);
  mints.at(0).fail(outage());
  await failureOf(() => frozen);
});

test('joins a mint up to a millisecond before its deadline', async () => {
  const { ask, give, mints, time } = createRig();
  const first = ask(GRANT, 10 * SECOND);
  await time.advance(10 * SECOND - 1);

  const second = ask(GRANT, 10 * SECOND);
  give(0);

  expect(await second).toBe(await first);
  expect(mints.list).toHaveLength(1);
});

test('gives a refresh beside 20 seconds, so that a freeze does not make it the flight to join for long', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold();
  await time.advance(HOUR - 9 * MINUTE);

  void ask(GRANT, 15 * MINUTE);

  expect(mints.at(1).args[1]).toBe(time.now() + 20 * SECOND);
});

test('a mint that ends late does not put an older token in the place of a newer one', async () => {
  const { ask, clock, give, mints, time } = createRig();
  const frozen = ask(GRANT, 10 * SECOND);
  const olderExpiresAtMs = clock.googleMs() + HOUR;
  await time.advance(5 * MINUTE);
  const thawed = ask();
  give(1);
  await thawed;

  mints.at(0).give({ token: { value: 'older', expiresAtMs: olderExpiresAtMs }, cached: false, googleMs: 1 });
  await frozen;

  expect(atOnce(ask())).toBe('token-1');
});

test('a mint that fails late takes nothing away from what a newer one brought', async () => {
  const { ask, give, mints, time } = createRig();
  const frozen = ask(GRANT, 10 * SECOND);
  await time.advance(5 * MINUTE);
  const thawed = ask();
  give(1);
  await thawed;

  mints.at(0).fail(refusal());
  await failureOf(() => frozen);

  expect(atOnce(ask())).toBe('token-1');
});

test('a mint that ends late does not hide the newer one that is still under way', async () => {
  const { ask, mints, time } = createRig();
  const frozen = ask(GRANT, 10 * SECOND);
  await time.advance(10 * SECOND);
  void ask();

  mints.at(0).fail(outage());
  await failureOf(() => frozen);
  void ask();

  expect(mints.list).toHaveLength(2);
});

test.each([
  ['10 minutes', 10 * MINUTE],
  ['1 minute', 1 * MINUTE],
])('shrinks the thresholds of a token that lives for %s in proportion', async (_name, life) => {
  const { ask, hold, mints, time } = createRig();
  await hold(life);

  await time.advance(life / 2 - 1);
  const before = [atOnce(ask()), mints.list.length];
  await time.advance(1);
  const beside = [atOnce(ask()), mints.list.length];
  await time.advance(0.2 * life);
  const awaited = ask();

  expect(before).toEqual(['token-0', 1]);
  expect(beside).toEqual(['token-0', 2]);
  expect(awaited).toBeInstanceOf(Promise);
});

test('does not serve a token that came expired', async () => {
  const { ask, hold, mints } = createRig();
  await hold(0);

  const asked = ask();

  expect(asked).toBeInstanceOf(Promise);
  expect(mints.list).toHaveLength(2);
});

test('goes by Google’s clock for the age of tokens, and by the system’s for everything else', async () => {
  const { ask, clock, hold, mints, time } = createRig();
  clock.observe(new Date(time.now() + 2 * HOUR).toUTCString());
  await hold();

  await time.advance(HOUR - 10 * MINUTE - 1);
  const still = [atOnce(ask()), mints.list.length];
  await time.advance(1);
  atOnce(ask());

  expect(still).toEqual(['token-0', 1]);
  expect(mints.at(1).args[1]).toBe(time.now() + 20 * SECOND);
});

test('trusts no token from before the clock was put back, and keeps the new one', async () => {
  const { time, ask, hold, give, mints } = createRig();
  await hold();
  await time.advance(-HOUR);

  const asked = ask();
  give(1);

  expect((await asked).token.value).toBe('token-1');
  expect(atOnce(ask())).toBe('token-1');
  expect(mints.list).toHaveLength(2);
});

test('serves a cached token although the clock was put back by a little', async () => {
  const { time, ask, hold } = createRig();
  await hold();
  await time.advance(-10 * SECOND);

  expect(atOnce(ask())).toBe('token-0');
});

test('forgets a refusal when the clock is put back', async () => {
  const { time, ask, give, mints } = createRig();
  const refused = ask();
  mints.at(0).fail(refusal());
  await expect(refused).rejects.toThrow('Google said no.');
  await time.advance(-HOUR);

  const asked = ask();
  give(1);

  expect((await asked).token.value).toBe('token-1');
});

test('serves no token longer than it lives by the system’s clock, whatever a Date says', async () => {
  const { ask, hold, mints, time, clock } = createRig();
  await hold(HOUR);
  await time.advance(HOUR);
  clock.observe(new Date(time.now() - 50 * MINUTE).toUTCString());

  void ask();

  expect(mints.list).toHaveLength(2);
});

test('renews a token that lives longer than the usual hour at half of its life, and awaits the new one', async () => {
  const { ask, hold, give, time } = createRig();
  await hold(12 * HOUR);
  await time.advance(6 * HOUR - 1);
  const before = atOnce(ask());

  await time.advance(1);
  const asked = ask();
  give(1, 12 * HOUR);

  expect(before).toBe('token-0');
  expect((await asked).token.value).toBe('token-1');
});

test('serves such a token to near its end while Google cannot be reached', async () => {
  const { ask, hold, mints, time } = createRig();
  await hold(12 * HOUR);
  await time.advance(11 * HOUR);

  const asked = ask();
  mints.at(1).fail(new VendError('google_unavailable', 'Google is away.'));

  expect((await asked).token.value).toBe('token-0');
});

test.each([
  ['9 minutes are early enough to renew beside', 9 * MINUTE, 'token-0', 2],
  ['5 minutes are too few to wait', 5 * MINUTE, 'promise', 2],
])('where tokens may come with a part of their life gone, %s', async (_, leftMs, expected, mintCount) => {
  const { ask, hold, time, mints } = createRig(undefined, HOUR);
  await hold(12 * MINUTE);

  await time.advance(12 * MINUTE - leftMs);
  const answer = ask();

  expect(answer instanceof Promise ? 'promise' : answer.token.value).toBe(expected);
  expect(mints.list).toHaveLength(mintCount);
});

test.each([9, 5])(
  'given the same token again with %i minutes left, it waits 5 seconds before the next',
  async (minutes) => {
    const { ask, hold, give, time, clock, mints } = createRig(undefined, HOUR);
    await hold();
    await time.advance(HOUR - minutes * MINUTE);

    const asked = ask();
    const token = { value: 'token-0', expiresAtMs: clock.googleMs() + minutes * MINUTE };
    mints.at(1).give({ token, cached: false, googleMs: 80 });
    await asked;
    await time.advance(4 * SECOND);
    const soon = ask();
    const whileQuiet = mints.list.length;
    await time.advance(2 * SECOND);
    void ask();
    give(2);

    expect(soon).toMatchObject({ token: { value: 'token-0' }, cached: true });
    expect([whileQuiet, mints.list.length]).toEqual([2, 3]);
  },
);

test('a token that is due when it comes is not asked for by everybody anew', async () => {
  const { ask, give, hold, mints, time } = createRig(undefined, HOUR);
  await hold(5 * MINUTE);

  const served = [atOnce(ask()), atOnce(ask())];
  const atFirst = mints.list.length;
  await time.advance(5 * SECOND + 1);
  const renewed = ask();
  give(1);

  expect(served).toEqual(['token-0', 'token-0']);
  expect(atFirst).toBe(1);
  expect((await renewed).token.value).toBe('token-1');
});
