import { expect, test } from 'vitest';
import type { SecretValue } from '../lambda/aws/secrets-manager.ts';
import { createCredentialStore } from '../lambda/credentials/credential-store.ts';
import type { TokenSource } from '../lambda/credentials/token-source.ts';
import { VendError } from '../lambda/errors.ts';
import { createCalls, failureOf } from './make-calls.ts';
import { createTime, settled } from './make-time.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A source that stands for the text it was opened from. */
function sourceOf(text: string): TokenSource {
  return () =>
    Promise.resolve({
      outcome: 'refused',
      refusal: { cause: 'other', explanation: text },
    });
}

function unavailable(): VendError {
  return new VendError('credential_unavailable', 'Secrets Manager is away.');
}

/** A store whose every reading the test answers. */
function createRig() {
  const time = createTime();
  const readings = createCalls<[string], SecretValue>();
  const opened: string[] = [];
  const stale: string[] = [];
  const store = createCredentialStore({
    locations: new Map([
      ['default', { secret: 'arn:default' }],
      ['other', { secret: 'arn:other' }],
    ]),
    readSecret: readings.call,
    open: async (text, holder) => {
      opened.push(text);
      if (text === 'broken') {
        throw new VendError('credential_invalid', `The ${holder} cannot be used.`);
      }
      return sourceOf(text);
    },
    now: time.now,
    onStale: (name, error) => stale.push(`${name} ${error.code}`),
    sleep: time.sleep,
  });
  const give = (index: number, version: string, text: string = `key ${version}`) =>
    readings.at(index).give({ text, versionId: version });
  const first = async () => {
    const asked = store.get('default');
    give(0, 'v1');
    return await asked;
  };
  return { time, readings, opened, stale, store, give, first };
}

test('opens the secret of the credential that is asked for, and says its version', async () => {
  const { store, readings, give, opened } = createRig();

  const asked = store.get('other');
  give(0, 'v7');

  expect((await asked).versionId).toBe('v7');
  expect(readings.at(0).args).toEqual(['arn:other']);
  expect(opened).toEqual(['key v7']);
});

test('reads once for any number of callers', async () => {
  const { store, readings, give } = createRig();

  const asked = Array.from({ length: 100 }, () => store.get('default'));
  give(0, 'v1');

  expect(new Set(await Promise.all(asked)).size).toBe(1);
  expect(readings.list).toHaveLength(1);
});

test('keeps a credential for 5 minutes less a millisecond without a further reading', async () => {
  const { store, readings, first, time } = createRig();
  const credential = await first();

  await time.advance(5 * MINUTE - 1);

  expect(await store.get('default')).toBe(credential);
  expect(readings.list).toHaveLength(1);
});

test('reads again after 5 minutes, and does not open the same version anew', async () => {
  const { store, readings, give, opened, first, time } = createRig();
  const credential = await first();
  await time.advance(5 * MINUTE);

  const asked = store.get('default');
  give(1, 'v1');

  expect(await asked).toBe(credential);
  expect(readings.list).toHaveLength(2);
  expect(opened).toEqual(['key v1']);
});

test('takes up a new version after 5 minutes', async () => {
  const { store, give, first, time } = createRig();
  await first();
  await time.advance(5 * MINUTE);

  const asked = store.get('default');
  give(1, 'v2');

  expect((await asked).versionId).toBe('v2');
});

test('waits a second for a new version, and no longer, with a good one in hand', async () => {
  const { store, give, first, time } = createRig();
  const credential = await first();
  await time.advance(5 * MINUTE);

  const asked = store.get('default');
  await time.advance(1 * SECOND);
  const patient = await asked;
  give(1, 'v2');
  await settled();

  expect(patient).toBe(credential);
  expect((await store.get('default')).versionId).toBe('v2');
});

test.each([
  ['Secrets Manager is away', unavailable(), 'default credential_unavailable'],
  ['the secret may not be read', new VendError('credential_invalid', 'No.'), 'default credential_invalid'],
  ['something unforeseen happens', new TypeError('oh'), 'default server_error'],
])('keeps the last good one while %s, and reports it', async (_what, error, report) => {
  const { store, readings, stale, first, time } = createRig();
  const credential = await first();
  await time.advance(5 * MINUTE);

  const asked = store.get('default');
  readings.at(1).fail(error);

  expect(await asked).toBe(credential);
  expect(stale).toEqual([report]);
});

test('keeps the last good one if the new version is broken, and takes up the one that mends it', async () => {
  const { store, give, first, stale, time } = createRig();
  const credential = await first();
  await time.advance(5 * MINUTE);
  const broken = store.get('default');
  give(1, 'v2', 'broken');
  const kept = await broken;

  await time.advance(15 * SECOND);
  const mended = store.get('default');
  give(2, 'v3');

  expect(kept).toBe(credential);
  expect(stale).toEqual(['default credential_invalid']);
  expect((await mended).versionId).toBe('v3');
});

test('tries again 15 seconds after a failed reading, and not before', async () => {
  const { store, readings, first, time } = createRig();
  await first();
  await time.advance(5 * MINUTE);
  const failing = store.get('default');
  readings.at(1).fail(unavailable());
  await failing;

  await time.advance(15 * SECOND - 1);
  await store.get('default');
  const before = readings.list.length;
  await time.advance(1);
  void store.get('default');

  expect(before).toBe(2);
  expect(readings.list).toHaveLength(3);
});

test('does not keep the failure of a Secrets Manager that is away', async () => {
  const { store, readings, give } = createRig();
  const failing = store.get('default');
  readings.at(0).fail(unavailable());
  const failure = await failureOf(() => failing);

  const next = store.get('default');
  give(1, 'v1');

  expect(failure.code).toBe('credential_unavailable');
  expect((await next).versionId).toBe('v1');
});

test('keeps the failure of a broken document for 5 seconds, and then reads again', async () => {
  const { store, readings, give, time } = createRig();
  const failing = store.get('default');
  give(0, 'v1', 'broken');
  const failure = await failureOf(() => failing);

  await time.advance(4_999);
  const repeated = await failureOf(() => store.get('default'));
  const before = readings.list.length;
  await time.advance(1);
  const next = store.get('default');
  give(1, 'v2');

  expect(repeated).toBe(failure);
  expect(before).toBe(1);
  expect((await next).versionId).toBe('v2');
});

test.each(['absent', '__proto__', 'constructor'])(
  'says that there is no credential named %s',
  async (name) => {
    const { store, readings } = createRig();

    const failure = await failureOf(() => store.get(name));

    expect(failure).toMatchObject({ code: 'credential_invalid', message: expect.stringContaining(name) });
    expect(readings.list).toHaveLength(0);
  },
);

test('a good reading that a freeze held up ends the memory of a broken one', async () => {
  const { store, give, time } = createRig();
  const frozen = store.get('default');
  await time.advance(10 * SECOND);
  const thawed = store.get('default');
  give(1, 'v2', 'broken');
  await failureOf(() => thawed);

  give(0, 'v1');
  await frozen;

  expect((await store.get('default')).versionId).toBe('v1');
});

test('the failure of one credential leaves the others alone', async () => {
  const { store, give } = createRig();
  const failing = store.get('default');
  give(0, 'v1', 'broken');
  await failureOf(() => failing);

  const other = store.get('other');
  give(1, 'v1');

  expect((await other).versionId).toBe('v1');
});

test('does not wait for a reading that a freeze has made 10 seconds old', async () => {
  const { store, readings, give, time } = createRig();
  const frozen = store.get('default');
  await time.advance(10 * SECOND);

  const thawed = store.get('default');
  give(1, 'v1');

  expect((await thawed).versionId).toBe('v1');
  readings.at(0).fail(unavailable());
  await frozen;
});

test('joins a reading that is a millisecond under 10 seconds old', async () => {
  const { store, readings, give, time } = createRig();
  const first = store.get('default');
  await time.advance(10 * SECOND - 1);

  const second = store.get('default');
  give(0, 'v1');

  expect(await second).toBe(await first);
  expect(readings.list).toHaveLength(1);
});

test('a reading that ends late does not put an older version in the place of a newer one', async () => {
  const { store, give, time } = createRig();
  const frozen = store.get('default');
  await time.advance(10 * SECOND);
  const thawed = store.get('default');
  give(1, 'v2');
  await thawed;

  give(0, 'v1');

  expect((await frozen).versionId).toBe('v2');
  expect((await store.get('default')).versionId).toBe('v2');
});

test('renews a rejected version at once', async () => {
  const { store, readings, give, first } = createRig();
  const rejected = await first();

  const renewed = store.renew('default', rejected);
  give(1, 'v2');

  expect((await renewed).versionId).toBe('v2');
  expect((await store.get('default')).versionId).toBe('v2');
  expect(readings.list).toHaveLength(2);
});

test('renews a version one time, however often Google rejects it', async () => {
  const { store, readings, give, first } = createRig();
  const rejected = await first();
  const once = store.renew('default', rejected);
  give(1, 'v1');
  await once;

  const again = await store.renew('default', rejected);

  expect(again).toBe(rejected);
  expect(readings.list).toHaveLength(2);
});

test('all who are rejected at the same time get the new version, by one reading', async () => {
  const { store, readings, give, first } = createRig();
  const rejected = await first();

  const renewals = Array.from({ length: 10 }, () => store.renew('default', rejected));
  give(1, 'v2');
  const versions = (await Promise.all(renewals)).map(({ versionId }) => versionId);

  expect(versions).toEqual(Array(10).fill('v2'));
  expect(readings.list).toHaveLength(2);
});

test('whoever is rejected with an older version gets the current one without a reading', async () => {
  const { store, readings, give, first } = createRig();
  const rejected = await first();
  const renewed = store.renew('default', rejected);
  give(1, 'v2');
  await renewed;

  const late = await store.renew('default', rejected);

  expect(late.versionId).toBe('v2');
  expect(readings.list).toHaveLength(2);
});

test('renews the next version too, once it is rejected in its turn', async () => {
  const { store, give, first } = createRig();
  const second = store.renew('default', await first());
  give(1, 'v2');

  const third = store.renew('default', await second);
  await settled();
  give(2, 'v3');

  expect((await third).versionId).toBe('v3');
});

test('returns the rejected one if the renewal fails', async () => {
  const { store, readings, stale, first } = createRig();
  const rejected = await first();

  const renewed = store.renew('default', rejected);
  readings.at(1).fail(unavailable());

  expect(await renewed).toBe(rejected);
  expect(stale).toEqual(['default credential_unavailable']);
});
