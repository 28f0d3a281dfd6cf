import { expect, type TestContext, test } from 'vitest';
import { secretsManagerError } from '../local/aws/secrets-manager.ts';
import type { Reply } from '../local/google/route.ts';
import type { Fault } from './fault-proxy.ts';
import { contextFor } from './make-event.ts';
import {
  type HttpAnswer,
  MINUTE_MS,
  SECRET,
  startVendorRig,
  type VendorRig,
  type VendorRigOptions,
} from './vendor-rig.ts';

/** The tests run beside each other: most of their time they wait. */
async function start({ onTestFinished }: TestContext, options: VendorRigOptions = {}): Promise<VendorRig> {
  const rig = await startVendorRig(options);
  onTestFinished(rig.close);
  return rig;
}

function audience(name: number | string): string {
  return `audience=${encodeURIComponent(`https://europe-west1-example.cloudfunctions.net/f${name}`)}`;
}

function summary({ status, headers, body }: HttpAnswer) {
  return { status, error: body.error, retryAfter: headers['retry-after'] };
}

const UNAVAILABLE = { status: 503, error: 'google_unavailable', retryAfter: '5' };
const REFUSED = { status: 502, error: 'google_refused', retryAfter: undefined };

const JSON_REFUSAL = { error: 'unauthorized_client', error_description: 'Client is unauthorized.' };

const ANSWERS: [string, Reply, object, number][] = [
  ['answers 500', { status: 500, body: 'oops' }, UNAVAILABLE, 3],
  ['answers 503 with an error of its own', { status: 503, body: { error: 'backendError' } }, UNAVAILABLE, 3],
  ['answers 429', { status: 429, body: {} }, UNAVAILABLE, 3],
  [
    'answers 429 and says when to come back',
    { status: 429, headers: { 'retry-after': '30' }, body: {} },
    { ...UNAVAILABLE, retryAfter: '30' },
    1,
  ],
  ['answers garbage', { status: 200, body: '<html>captive portal</html>' }, UNAVAILABLE, 3],
  ['resets every connection', 'reset', UNAVAILABLE, 3],
  ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:9/token' } }, REFUSED, 1],
  ['redirects for good, method kept', { status: 308, headers: { location: '/token' } }, REFUSED, 1],
  ['answers 200 without a token', { status: 200, body: { expires_in: 3599 } }, REFUSED, 1],
  [
    'answers 200 with the other kind of token',
    { status: 200, body: { id_token: 'e30.e30.e30' } },
    REFUSED,
    1,
  ],
  ['answers a token without a lifetime', { status: 200, body: { access_token: 'x' } }, REFUSED, 1],
  ['refuses', { status: 401, body: JSON_REFUSAL }, REFUSED, 1],
  ['is not there', { status: 404, body: 'Not Found' }, REFUSED, 1],
];

test.concurrent.for(ANSWERS)(
  'says so while Google %s, and vends again by itself',
  async ([, reply, expected, tries], context) => {
    const rig = await start(context);
    rig.google.interfere(() => reply);

    const during = await rig.get();
    const asked = rig.google.exchanges.length;
    rig.google.interfere(undefined);
    rig.advance(5_001 + 1_000 * Number(during.headers['retry-after'] ?? 0));
    const after = await rig.get();

    expect(summary(during)).toEqual(expected);
    expect(asked).toBe(tries);
    expect(after.status).toBe(200);
  },
);

const ROADS: [string, Fault][] = [
  ['hangs', { kind: 'hang' }],
  ['is slower than the invocation is long', { kind: 'delay', ms: 20_000 }],
  ['drips its answer', { kind: 'slow', bytes: 1, everyMs: 100 }],
  ['breaks off in the head of its answer', { kind: 'half', bytes: 20 }],
  ['breaks off in the body of its answer', { kind: 'half', bytes: 400 }],
  ['resets when it is connected to', { kind: 'reset', when: 'connect' }],
];

test.concurrent.for(ROADS)(
  'ends in time while Google %s, and vends again by itself',
  async ([, fault], context) => {
    const rig = await start(context);
    rig.road.set(fault);

    const during = await rig.get('', { remainingMs: 2_000 });
    rig.road.set({ kind: 'pass' });
    const after = await rig.get();

    expect(summary(during)).toEqual(UNAVAILABLE);
    expect(after.status).toBe(200);
  },
);

test.concurrent('vends through one failed attempt without a word to the caller', async (context) => {
  const rig = await start(context);
  const replies: Reply[] = ['reset', { status: 500, body: '' }];
  rig.google.interfere(() => replies.shift());

  const answer = await rig.get();

  expect(answer.status).toBe(200);
  expect(rig.google.exchanges.map(({ status }) => status)).toEqual(['reset', 500, 200]);
});

test.concurrent('waits for a Google that is only slow', async (context) => {
  const rig = await start(context);
  rig.road.set({ kind: 'delay', ms: 400 });

  const answer = await rig.get();

  expect(answer.status).toBe(200);
  expect(rig.google.exchanges).toHaveLength(1);
});

test.concurrent('throws what a state machine can catch and retry while Google is down', async (context) => {
  const rig = await start(context);
  rig.google.interfere(() => ({ status: 503, body: '' }));

  const thrown = await Promise.allSettled([rig.vendor.handler({}, contextFor(undefined))]);

  expect(thrown).toMatchObject([{ status: 'rejected', reason: { name: 'GoogleUnavailable' } }]);
});

test.concurrent('lets no caller notice a Google that is down while the cached token lives', async (context) => {
  const rig = await start(context);
  const first = await rig.get();
  rig.google.interfere(() => ({ status: 503, body: '' }));
  const at = async (leftMs: number) => {
    rig.advance(Date.parse(`${first.body.expires_at}`) - rig.googleNow() - leftMs);
    return await rig.get('', { remainingMs: 5_000 });
  };

  const served = [
    await at(11 * MINUTE_MS),
    await at(8 * MINUTE_MS),
    await at(5 * MINUTE_MS),
    await at(35_000),
  ];
  const ended = await at(25_000);
  rig.google.interfere(undefined);
  const after = await rig.get();

  expect(served.map(({ body }) => body.access_token)).toEqual(served.map(() => first.body.access_token));
  expect(rig.warnings).toContain('a token was not renewed; the cached one stays');
  expect(summary(ended)).toEqual(UNAVAILABLE);
  expect(after.status).toBe(200);
  expect(after.body.access_token).not.toBe(first.body.access_token);
});

test.concurrent('renews beside a caller who gets the cached token at once, though Google hangs', async (context) => {
  const rig = await start(context);
  const first = await rig.get();
  rig.advance(52 * MINUTE_MS);
  rig.road.set({ kind: 'hang' });

  const during = await rig.get('', { remainingMs: 1_500 });
  rig.road.set({ kind: 'pass' });
  rig.advance(30_000);
  const after = await rig.get();
  await expect.poll(async () => (await rig.get()).body.access_token).not.toBe(first.body.access_token);

  expect(during.body.access_token).toBe(first.body.access_token);
  expect(after.status).toBe(200);
});

test.concurrent('waits for a new token if the old one ends while Google takes its time', async (context) => {
  const rig = await start(context);
  const first = await rig.get();
  rig.advance(Date.parse(`${first.body.expires_at}`) - rig.googleNow() - 31_000);
  rig.road.set({ kind: 'delay', ms: 2_500 });

  const answer = await rig.get();

  expect(answer.status).toBe(200);
  expect(answer.body.access_token).not.toBe(first.body.access_token);
});

test.concurrent.for([
  ['ten minutes fast', 10 * MINUTE_MS],
  ['ten minutes slow', -10 * MINUTE_MS],
] as const)('serves all of many first callers with a clock that is %s', async ([, skewMs], context) => {
  const rig = await start(context);
  rig.skew(skewMs);

  const answers = await Promise.all([
    rig.get(),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => rig.get(audience(n))),
  ]);
  const lifeMs = Date.parse(`${answers[0]?.body.expires_at}`) - rig.googleNow();

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(Math.abs(lifeMs - 3_599_000)).toBeLessThan(30_000);
  expect(Math.abs(Number(answers[0]?.body.expires_in) - 3_599)).toBeLessThan(30);
});

test.concurrent('serves from the cache and mints anew when a wrong clock is put right', async (context) => {
  const rig = await start(context);
  rig.skew(-10 * MINUTE_MS);
  const wrong = await rig.get();

  rig.skew(0);
  const cached = await rig.get();
  const minted = await Promise.all([1, 2, 3, 4].map((n) => rig.get(audience(n))));

  expect(cached.body.access_token).toBe(wrong.body.access_token);
  expect(minted.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

const SECRET_UNAVAILABLE = { status: 503, error: 'credential_unavailable', retryAfter: '5' };
const SECRET_INVALID = { status: 500, error: 'credential_invalid', retryAfter: undefined };

const SECRET_FAULTS = [
  ['resets', 'reset', SECRET_UNAVAILABLE],
  ['throttles', secretsManagerError('ThrottlingException', 'Rate exceeded'), SECRET_UNAVAILABLE],
  ['fails', secretsManagerError('InternalServiceError', 'An error occurred', 500), SECRET_UNAVAILABLE],
  ['answers garbage', { status: 200, body: '<html>' }, SECRET_UNAVAILABLE],
  ['denies access', secretsManagerError('AccessDeniedException', 'not authorized'), SECRET_INVALID],
  ['cannot decrypt', secretsManagerError('DecryptionFailure', 'no key'), SECRET_INVALID],
  ['knows no such secret', secretsManagerError('ResourceNotFoundException', 'none'), SECRET_INVALID],
  ['gives an empty value', { status: 200, body: '{"VersionId":"a"}' }, SECRET_INVALID],
] as const;

test.concurrent.for(SECRET_FAULTS)(
  'says so while Secrets Manager %s, and vends again by itself',
  async ([, fault, expected], context) => {
    const rig = await start(context);
    rig.secretsManager.interfere(() => fault);

    const during = await rig.get();
    rig.secretsManager.interfere(undefined);
    rig.advance(5_001 + 1_000 * Number(during.headers['retry-after'] ?? 0));
    const after = await rig.get();

    expect(summary(during)).toEqual(expected);
    expect(rig.google.exchanges).toHaveLength(1);
    expect(after.status).toBe(200);
  },
);

test.concurrent('ends in time while Secrets Manager hangs, within the invocation or its own patience', async (context) => {
  const rig = await start(context);
  rig.secretsManager.interfere(() => 'hang');

  const [short, long] = await Promise.all([rig.get('', { remainingMs: 1_000 }), rig.get()]);
  rig.secretsManager.interfere(undefined);
  const after = await rig.get();

  expect(summary(short)).toEqual({ status: 504, error: 'timeout', retryAfter: '5' });
  expect(summary(long)).toEqual(SECRET_UNAVAILABLE);
  expect(after.status).toBe(200);
});

test.concurrent('tells what is wrong with a broken secret, and vends once a good one is put in', async (context) => {
  const rig = await start(context);
  rig.secretsManager.putSecretValue(SECRET, { string: '{"type":"service_account","client_email":"x"}' });

  const during = await rig.get();
  await rig.putNewKey();
  rig.advance(5_001);
  const after = await rig.get();

  expect(summary(during)).toEqual(SECRET_INVALID);
  expect(during.body.error_description).toContain('private_key_id');
  expect(after.status).toBe(200);
});

test.concurrent.for([
  ['is down', 'reset'],
  ['hangs', 'hang'],
  ['throttles', secretsManagerError('ThrottlingException', 'Rate exceeded')],
  ['gives something broken', { status: 200, body: '{"VersionId":"b","SecretString":"{}"}' }],
] as const)('mints with the last good credential while Secrets Manager %s', async ([, fault], context) => {
  const rig = await start(context);
  await rig.get();
  rig.secretsManager.interfere(() => fault);
  rig.advance(6 * MINUTE_MS);

  const during = await rig.get(audience('during'));
  rig.secretsManager.interfere(undefined);
  const { private_key_id: newKeyId } = await rig.putNewKey();
  rig.advance(6 * MINUTE_MS);
  const after = await rig.get(audience('after'));

  expect([during.status, after.status]).toEqual([200, 200]);
  expect(rig.google.exchanges.at(-1)?.keyId).toBe(newKeyId);
});

test.concurrent('loses not one of many requests while the key is rotated under them', async (context) => {
  const rig = await start(context);
  await rig.get();
  const readBefore = rig.secretsManager.requests.length;
  let asked = 0;
  const statuses: number[] = [];
  const work = async () => {
    while (asked < 160) {
      asked += 1;
      statuses.push((await rig.get(audience(asked))).status);
    }
  };

  const workers = Promise.all(Array.from({ length: 16 }, work));
  await rig.putNewKey();
  rig.account.deleteKey(rig.firstKey.private_key_id);
  await workers;

  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(rig.google.exchanges.map(({ error }) => error)).toContain('invalid_grant');
  expect(rig.secretsManager.requests.length - readBefore).toBe(1);
});

test.concurrent('serves every caller of the very moment after a rotation with one new read', async (context) => {
  const rig = await start(context);
  await rig.get();
  await rig.putNewKey();
  rig.account.deleteKey(rig.firstKey.private_key_id);

  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => rig.get(audience(n))));

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(rig.secretsManager.requests.filter(({ secretId }) => secretId?.includes(SECRET))).toHaveLength(2);
});

test.concurrent('refuses while the old key is gone and no new one is there, and recovers within five minutes of it', async (context) => {
  const rig = await start(context);
  await rig.get();
  rig.account.deleteKey(rig.firstKey.private_key_id);

  const during = await Promise.all([rig.get(audience(1)), rig.get(audience(2))]);
  const stillCached = await rig.get();
  await rig.putNewKey();
  rig.advance(5 * MINUTE_MS);
  const after = await rig.get(audience(1));

  expect(during.map(summary)).toEqual([REFUSED, REFUSED]);
  expect(during[0]?.body.error_description).toContain('the key was deleted or replaced');
  expect(stillCached.status).toBe(200);
  expect(after.status).toBe(200);
});

test.concurrent('does not hammer Google with a request that it refuses', async (context) => {
  const rig = await start(context);
  rig.google.interfere(() => ({ status: 401, body: JSON_REFUSAL }));

  const answers = await Promise.all(Array.from({ length: 20 }, () => rig.get()));
  const again = await rig.get();

  expect([...answers, again].map(({ status }) => status)).toEqual(Array.from({ length: 21 }, () => 502));
  expect(rig.google.exchanges).toHaveLength(1);
});
