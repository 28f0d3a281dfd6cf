import { expect, test } from 'vitest';
import type { Credential, CredentialStore } from '../lambda/credentials/credential-store.ts';
import type { SourceResult } from '../lambda/credentials/token-source.ts';
import { VendError } from '../lambda/errors.ts';
import type { Clock } from '../lambda/google/clock.ts';
import type { RefusalCause } from '../lambda/google/google-refusal.ts';
import { createMinter } from '../lambda/mint.ts';
import type { Grant } from '../lambda/types.ts';
import { failureOf } from './make-calls.ts';

const GRANT: Grant = { kind: 'access_token', credential: 'reports', scopes: 'openid' };
const DEADLINE_MS = 1_000_000;

function granted(value: string): SourceResult {
  return { outcome: 'granted', token: { value, expiresAtMs: 5 }, googleMs: 7 };
}

/** With `corrects`, the answer shows that the clock is off by another second. */
type Planned = SourceResult & { readonly corrects?: boolean };

function refused(cause: RefusalCause, corrects: boolean = false): Planned {
  return { outcome: 'refused', refusal: { cause, explanation: `Google said no: ${cause}.` }, corrects };
}

let offsetMs = 0;

function clockOf(now: () => number): Clock {
  return {
    systemMs: now,
    googleMs: () => now() + offsetMs,
    offsetMs: () => offsetMs,
    observe: () => {},
  };
}

/** A credential whose source gives `results` one after the other, and notes what it is asked. */
function createCredential(versionId: string, results: readonly Planned[]) {
  const asked: { readonly grant: Grant; readonly deadlineMs: number }[] = [];
  const left = [...results];
  const credential: Credential = {
    versionId,
    source: async (grant, deadlineMs) => {
      asked.push({ grant, deadlineMs });
      const result = left.shift();
      if (result === undefined) {
        throw new Error(`the source of ${versionId} is asked too often`);
      }
      offsetMs += result.corrects ? 1_000 : 0;
      return result;
    },
  };
  return { credential, asked };
}

/** A store that holds `current` and has `next` after a renewal. */
function createStore(current: Credential, next: Credential = current, now: () => number = Date.now) {
  const calls: string[] = [];
  const store: CredentialStore = {
    get: async (name) => {
      calls.push(`get ${name}`);
      return current;
    },
    renew: async (name, rejected) => {
      calls.push(`renew ${name} ${rejected.versionId}`);
      return next;
    },
  };
  return { mint: createMinter({ credentials: store, clock: clockOf(now) }), calls };
}

test('mints from the credential that the grant names, and says how long Google took', async () => {
  const { credential, asked } = createCredential('v1', [granted('a')]);
  const { mint, calls } = createStore(credential);

  const vended = await mint(GRANT, DEADLINE_MS);

  expect(vended).toEqual({ token: { value: 'a', expiresAtMs: 5 }, cached: false, googleMs: 7 });
  expect(calls).toEqual(['get reports']);
  expect(asked).toEqual([{ grant: GRANT, deadlineMs: DEADLINE_MS - 500 }]);
});

test('asks each time', async () => {
  const { credential } = createCredential('v1', [granted('a'), granted('b')]);
  const { mint } = createStore(credential);

  await mint(GRANT, DEADLINE_MS);

  expect(await mint(GRANT, DEADLINE_MS)).toMatchObject({ token: { value: 'b' } });
});

test.each<RefusalCause>(['other', 'clock'])(
  'throws a refusal for the cause %s with its explanation, without a second try',
  async (cause) => {
    const { credential, asked } = createCredential('v1', [refused(cause)]);
    const { mint, calls } = createStore(credential);

    const failure = await failureOf(() => mint(GRANT, DEADLINE_MS));

    expect(failure).toMatchObject({ code: 'google_refused', message: `Google said no: ${cause}.` });
    expect(asked).toHaveLength(1);
    expect(calls).toEqual(['get reports']);
  },
);

test('asks a second time once the clock is corrected', async () => {
  const { credential, asked } = createCredential('v1', [refused('clock', true), granted('a')]);
  const { mint } = createStore(credential);

  expect(await mint(GRANT, DEADLINE_MS)).toMatchObject({ token: { value: 'a' } });
  expect(asked).toHaveLength(2);
});

test('does not ask a third time for the clock’s sake', async () => {
  const { credential, asked } = createCredential('v1', [refused('clock', true), refused('clock', true)]);
  const { mint } = createStore(credential);

  expect((await failureOf(() => mint(GRANT, DEADLINE_MS))).code).toBe('google_refused');
  expect(asked).toHaveLength(2);
});

test('does not ask again for a corrected clock if the refusal is for something else', async () => {
  const { credential, asked } = createCredential('v1', [refused('other', true)]);
  const { mint } = createStore(credential);

  await failureOf(() => mint(GRANT, DEADLINE_MS));

  expect(asked).toHaveLength(1);
});

test('asks with the renewed credential when Google finds the old one outdated', async () => {
  const old = createCredential('v1', [refused('outdated_credential')]);
  const next = createCredential('v2', [granted('new')]);
  const { mint, calls } = createStore(old.credential, next.credential);

  expect(await mint(GRANT, DEADLINE_MS)).toMatchObject({ token: { value: 'new' } });
  expect(calls).toEqual(['get reports', 'renew reports v1']);
  expect(next.asked).toEqual([{ grant: GRANT, deadlineMs: DEADLINE_MS - 500 }]);
});

test('does not ask again if there is no newer credential', async () => {
  const { credential, asked } = createCredential('v1', [refused('outdated_credential')]);
  const { mint } = createStore(credential);

  expect((await failureOf(() => mint(GRANT, DEADLINE_MS))).code).toBe('google_refused');
  expect(asked).toHaveLength(1);
});

test('gives up if Google finds the renewed credential outdated, too', async () => {
  const old = createCredential('v1', [refused('outdated_credential')]);
  const next = createCredential('v2', [refused('outdated_credential')]);
  const { mint, calls } = createStore(old.credential, next.credential);

  expect((await failureOf(() => mint(GRANT, DEADLINE_MS))).code).toBe('google_refused');
  expect(calls).toEqual(['get reports', 'renew reports v1']);
});

test('corrects both the clock and the credential in one mint', async () => {
  const old = createCredential('v1', [refused('clock', true), refused('outdated_credential')]);
  const next = createCredential('v2', [refused('clock', true), granted('new')]);
  const { mint } = createStore(old.credential, next.credential);

  expect(await mint(GRANT, DEADLINE_MS)).toMatchObject({ token: { value: 'new' } });
});

test.each(['credential_unavailable', 'credential_invalid'] as const)(
  'passes %s on as it is',
  async (code) => {
    const error = new VendError(code, 'No key.');
    const fail = () => Promise.reject(error);
    const mint = createMinter({ credentials: { get: fail, renew: fail }, clock: clockOf(Date.now) });

    expect(await failureOf(() => mint(GRANT, DEADLINE_MS))).toBe(error);
  },
);

test('asks Google nothing more with a key that it has just rejected, for 5 seconds', async () => {
  let nowMs = 0;
  const results = [refused('outdated_credential'), granted('b')];
  const { credential, asked } = createCredential('v1', results);
  const { mint } = createStore(credential, credential, () => nowMs);
  const other: Grant = { ...GRANT, scopes: 'email' };

  const first = await failureOf(() => mint(GRANT, DEADLINE_MS));
  nowMs = 4_999;
  const second = await failureOf(() => mint(other, DEADLINE_MS));
  nowMs = 5_000;
  const third = await mint(other, DEADLINE_MS);

  expect([first.code, second.code]).toEqual(['google_refused', 'google_refused']);
  expect(third.token.value).toBe('b');
  expect(asked).toHaveLength(2);
});

test('asks at once with the key that comes after a rejected one', async () => {
  const old = createCredential('v1', [refused('outdated_credential')]);
  const fresh = createCredential('v2', [granted('a'), granted('b')]);
  const { mint } = createStore(old.credential, fresh.credential, () => 0);

  const values = [await mint(GRANT, DEADLINE_MS), await mint(GRANT, DEADLINE_MS)].map(
    ({ token }) => token.value,
  );

  expect(values).toEqual(['a', 'b']);
  expect(old.asked).toHaveLength(1);
});

test('a refusal of one grant says nothing of another', async () => {
  const { credential, asked } = createCredential('v1', [refused('other'), granted('a')]);
  const { mint } = createStore(credential, credential, () => 0);

  await failureOf(() => mint(GRANT, DEADLINE_MS));
  await mint({ ...GRANT, scopes: 'email' }, DEADLINE_MS);

  expect(asked).toHaveLength(2);
});

test('reads the credential again for a login that does not reach the scopes, and refuses no other grant for it', async () => {
  const { credential, asked } = createCredential('v1', [refused('outdated_login'), granted('b')]);
  const { mint, calls } = createStore(credential, credential, () => 0);

  const first = await failureOf(() => mint(GRANT, DEADLINE_MS));
  const second = await mint({ ...GRANT, scopes: 'email' }, DEADLINE_MS);

  expect(first.code).toBe('google_refused');
  expect(calls).toEqual(['get reports', 'renew reports v1', 'get reports']);
  expect(second.token.value).toBe('b');
  expect(asked).toHaveLength(2);
});
