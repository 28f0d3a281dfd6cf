import { inspect } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { createAudit } from '../lambda/audit.ts';
import type { ReadSecret } from '../lambda/aws/secrets-manager.ts';
import { ERRORS, type ErrorCode, VendError } from '../lambda/errors.ts';
import { parseProfiles } from '../lambda/policy/profiles.ts';
import type { HttpResponse } from '../lambda/respond.ts';
import { createVendor } from '../lambda/vendor.ts';
import { auditLines, captureOutput, metricLines } from './capture-output.ts';
import { failureOf } from './make-calls.ts';
import { KEY_FILE, keyFile, PRIVATE_KEY_PEM } from './make-document.ts';
import { CALLER, contextFor, httpApiEvent, type Request, restApiEvent } from './make-event.ts';
import { createFakeGoogle, googleAnswer, googleRefusal } from './make-google.ts';
import { createTime, settled } from './make-time.ts';

const STORAGE_RO = 'https://www.googleapis.com/auth/devstorage.read_only';
const PUBSUB = 'https://www.googleapis.com/auth/pubsub';
const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';

const PROFILES = parseProfiles({
  default: { scopes: ['storage-ro', 'pubsub'], audiences: ['https://*.cloudfunctions.net/*'] },
  reports: { credential: 'reports', scopes: ['bigquery'] },
});

type RigOptions = {
  readonly readSecret?: ReadSecret;
  readonly profiles?: typeof PROFILES;
  /** By how much Google's clock is ahead of the system's. */
  readonly googleAheadMs?: number;
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** The whole function on a Google and a Secrets Manager without wires. Its clock stands still; its time-outs are real. */
function createRig(options: RigOptions = {}) {
  const output = captureOutput();
  const time = createTime();
  const google = createFakeGoogle({ now: () => time.now() + (options.googleAheadMs ?? 0) });
  const reads: string[] = [];
  const secret = { text: keyFile(), versionId: 'v1' };
  const readSecret: ReadSecret = options.readSecret ?? (async () => ({ ...secret }));
  const vendor = createVendor({
    profiles: options.profiles ?? PROFILES,
    credentials: new Map(
      ['default', 'reports', 'c', 'd', 'e'].map((name) => [name, { secret: `arn:${name}` }]),
    ),
    readSecret: (id) => {
      reads.push(id);
      return readSecret(id);
    },
    audit: createAudit({ serviceName: 'vendor' }),
    network: google.network,
    now: time.now,
    random: () => 0,
  });
  const invoke = (event: unknown, alias: string | undefined = 'default', timeMs?: number) =>
    vendor.handler(event, contextFor(alias, timeMs));
  return { google, invoke, output, reads, secret, time, vendor };
}

type Rig = ReturnType<typeof createRig>;

function bodyOf(answer: unknown): Readonly<Record<string, unknown>> {
  return JSON.parse((answer as HttpResponse).body);
}

const DOORS: [string, (fields: Readonly<Record<string, string>>) => unknown][] = [
  ['direct', (fields) => fields],
  ['http-api', (fields) => httpApiEvent({ query: new URLSearchParams(fields).toString() })],
  ['rest-api', (fields) => restApiEvent({ query: new URLSearchParams(fields).toString() })],
];

test.each(DOORS)('vends an access token by the door %s', async (kind, make) => {
  const { invoke, google } = createRig();

  const answer = await invoke(make({ scopes: 'storage-ro' }));

  const fields = kind === 'direct' ? answer : bodyOf(answer);
  expect(fields).toEqual({
    access_token: expect.stringMatching(/^ya29\.1\./),
    token_type: 'Bearer',
    expires_in: 3_599,
    expires_at: '2026-01-01T00:59:59Z',
    scope: STORAGE_RO,
    principal: KEY_FILE.client_email,
  });
  expect(google.exchanges[0]).toMatchObject({
    keyId: KEY_FILE.private_key_id,
    claims: { scope: STORAGE_RO },
  });
});

test.each(DOORS)('vends an ID token by the door %s', async (kind, make) => {
  const { invoke, google } = createRig();

  const answer = await invoke(make({ audience: AUDIENCE }));

  const fields = kind === 'direct' ? answer : bodyOf(answer);
  expect(fields).toMatchObject({
    id_token: expect.stringMatching(/^eyJ/),
    audience: AUDIENCE,
    expires_in: 3_600,
  });
  expect(google.exchanges[0]?.claims).toMatchObject({ target_audience: AUDIENCE });
});

test.each(DOORS)(
  'vends all the scopes of the profile to who asks for nothing by the door %s',
  async (kind, make) => {
    const { invoke } = createRig();

    const answer = await invoke(make({}), 'reports');

    const fields = kind === 'direct' ? answer : bodyOf(answer);
    expect(fields).toMatchObject({ scope: 'https://www.googleapis.com/auth/bigquery' });
  },
);

test('an HTTP answer is JSON that nobody may store', async () => {
  const { invoke } = createRig();

  expect(await invoke(httpApiEvent())).toMatchObject({
    statusCode: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    isBase64Encoded: false,
  });
});

test('the alias decides the profile, and so the credential', async () => {
  const { invoke, reads } = createRig();

  await invoke({}, 'reports');

  expect(reads).toEqual(['arn:reports']);
});

test('one profile’s alias gives nothing of another’s', async () => {
  const { invoke } = createRig();

  expect((await failureOf(() => invoke({ scope: 'storage-ro' }, 'reports'))).code).toBe('access_denied');
  expect((await failureOf(() => invoke({ audience: AUDIENCE }, 'reports'))).code).toBe('access_denied');
});

/** For each error a rig in which a request meets with it. */
const FAILING: Record<
  ErrorCode,
  () => { readonly rig: Rig; readonly fields?: Record<string, string>; readonly timeMs?: number }
> = {
  invalid_request: () => ({ rig: createRig(), fields: { scope: 'nonsense' } }),
  access_denied: () => ({ rig: createRig(), fields: { scope: 'bigquery' } }),
  credential_invalid: () => ({
    rig: createRig({ readSecret: async () => ({ text: '{}', versionId: 'v1' }) }),
  }),
  credential_unavailable: () => ({
    rig: createRig({ readSecret: () => Promise.reject(new VendError('credential_unavailable', 'Away.')) }),
  }),
  google_refused: () => {
    const rig = createRig();
    rig.google.interfere(() => googleRefusal('Service account is disabled.'));
    return { rig };
  },
  google_unavailable: () => {
    const rig = createRig();
    rig.google.interfere(() => googleAnswer(503, {}, { 'retry-after': '60' }));
    return { rig };
  },
  timeout: () => {
    const rig = createRig();
    rig.google.interfere(() => new Promise(() => {}));
    return { rig, timeMs: 600 };
  },
  server_error: () => ({
    rig: createRig({ readSecret: () => Promise.reject(new TypeError(`canary at ${import.meta.filename}`)) }),
  }),
};

const FAILURES = Object.entries(FAILING) as [ErrorCode, (typeof FAILING)[ErrorCode]][];

test.each(FAILURES)(
  'throws %s to a direct invoker, by its name, with nothing underneath',
  async (code, fail) => {
    const { rig, fields = {}, timeMs } = fail();

    const failure = await failureOf(() => rig.invoke(fields, 'default', timeMs));

    expect(failure).toMatchObject({ name: ERRORS[code].thrownAs, code });
    expect(failure.stack).toBe(`${failure.name}: ${failure.message}`);
    expect('cause' in failure).toBe(false);
    expect(inspect(failure, { showHidden: true, depth: 9 })).not.toMatch(/canary|\.ts|node_modules/);
  },
);

test.each(FAILURES)(
  'answers %s to an HTTP caller, with its status and the request’s id',
  async (code, fail) => {
    const { rig, fields = {}, timeMs } = fail();
    const context = contextFor('default', timeMs);

    const event = httpApiEvent({ query: new URLSearchParams(fields).toString() });
    const answer = (await rig.vendor.handler(event, context)) as HttpResponse;

    expect(answer.statusCode).toBe(ERRORS[code].status);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect('retry-after' in answer.headers).toBe(ERRORS[code].retryable);
    expect(bodyOf(answer)).toEqual({
      error: code,
      error_description: expect.any(String),
      request_id: context.awsRequestId,
    });
    expect(answer.body).not.toMatch(/canary|\.ts|node_modules/);
  },
);

test.each(FAILURES)(
  'writes one audit line for %s, with who asked and what came of it',
  async (code, fail) => {
    const { rig, fields = {}, timeMs } = fail();
    const context = contextFor('default', timeMs);

    await rig.vendor.handler(httpApiEvent({ query: new URLSearchParams(fields).toString() }), context);

    const lines = auditLines(rig.output);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      outcome: code,
      request_id: context.awsRequestId,
      caller: CALLER,
      profile: 'default',
    });
  },
);

test('passes on to an HTTP caller when Google wants to be asked again', async () => {
  const { rig } = FAILING.google_unavailable();

  expect(await rig.invoke(httpApiEvent())).toMatchObject({ headers: { 'retry-after': '60' } });
});

test('says no more of a request that was given up when Google answers it after all', async () => {
  const { google, invoke, output } = createRig();
  let answer: (() => void) | undefined;
  google.interfere(
    () =>
      new Promise((resolve) => {
        answer = () => resolve(googleAnswer(200, { access_token: 'ya29.late', expires_in: 3599 }));
      }),
  );
  await failureOf(() => invoke({}, 'default', 600));

  answer?.();
  await settled();

  expect(auditLines(output).map(({ outcome }) => outcome)).toEqual(['timeout']);
});

test('the token that came too late for one caller is there for the next', async () => {
  const { google, invoke } = createRig();
  let answer: (() => void) | undefined;
  google.interfere(
    () =>
      new Promise((resolve) => {
        answer = () => resolve(googleAnswer(200, { access_token: 'ya29.late', expires_in: 3599 }));
      }),
  );
  await failureOf(() => invoke({}, 'default', 600));
  answer?.();
  await settled();

  expect(await invoke({})).toMatchObject({ access_token: 'ya29.late' });
  expect(google.exchanges).toHaveLength(1);
});

test('answers a second request from the cache, by whichever door', async () => {
  const { google, invoke, output, reads } = createRig();
  const first = await invoke({ scopes: 'storage-ro' });

  const second = bodyOf(await invoke(httpApiEvent({ query: 'scope=storage-ro' })));

  expect(second).toEqual(first);
  expect(google.exchanges).toHaveLength(1);
  expect(reads).toHaveLength(1);
  expect(auditLines(output).map(({ cached, google_ms }) => [cached, google_ms])).toEqual([
    [false, 0],
    [true, 0],
  ]);
});

test('what is left of a cached token is counted from now', async () => {
  const { invoke, time } = createRig();
  await invoke({});

  await time.advance(1_000_500);

  expect(await invoke({})).toMatchObject({ expires_in: 2_598, expires_at: '2026-01-01T00:59:59Z' });
});

test('sets of scopes that differ in order, form and aliases share one exchange', async () => {
  const { google, invoke } = createRig();
  const forms = [
    { scopes: ['storage-ro', 'pubsub'] },
    { scope: 'pubsub storage-ro' },
    { scope: `${PUBSUB},${STORAGE_RO},pubsub` },
    {},
    httpApiEvent({ query: 'scopes=pubsub+storage-ro' }),
  ];

  for (const event of forms) {
    await invoke(event);
  }

  expect(google.exchanges.map(({ claims }) => claims.scope)).toEqual([`${STORAGE_RO} ${PUBSUB}`]);
});

test('asks Google once for 1,000 callers at a time', async () => {
  const { google, invoke } = createRig();

  const answers = await Promise.all(Array.from({ length: 1_000 }, () => invoke({ audience: AUDIENCE })));

  expect(google.exchanges).toHaveLength(1);
  expect(new Set(answers.map((answer) => (answer as { id_token: string }).id_token)).size).toBe(1);
});

test('100 requests at a time do not mix: each audit line and each answer is that of its own request', async () => {
  const { output, vendor } = createRig();
  const requests = Array.from({ length: 100 }, (_, index) => {
    const audience = `https://${index % 3 === 0 ? 'host.example.com' : 'host.cloudfunctions.net'}/f${index}`;
    const query = new URLSearchParams({ audience }).toString();
    return {
      audience,
      caller: `${CALLER}-${index}`,
      context: contextFor('default'),
      query,
      allowed: index % 3 !== 0,
    };
  });

  const answers = await Promise.all(
    requests.map(({ query, caller, context }) => vendor.handler(httpApiEvent({ query, caller }), context)),
  );

  const lines = new Map(auditLines(output).map((line) => [line.request_id, line]));
  expect(auditLines(output)).toHaveLength(100);
  for (const [index, { audience, caller, context, allowed }] of requests.entries()) {
    const outcome = allowed ? 'vended' : 'access_denied';
    expect(lines.get(context.awsRequestId)).toMatchObject({ audience, caller, outcome });
    const answer = bodyOf(answers[index]);
    expect(allowed ? answer.audience : answer.request_id).toBe(allowed ? audience : context.awsRequestId);
  }
  expect(metricLines(output)).toHaveLength(100);
});

test('a clock that is 10 minutes wrong fails none of the requests that find out about it together', async () => {
  for (const googleAheadMs of [-600_000, 600_000]) {
    const { google, invoke } = createRig({ googleAheadMs });
    const asked = Array.from({ length: 5 }, (_, index) => ({
      audience: `https://a.cloudfunctions.net/f${index}`,
    }));

    const answers = await Promise.all(asked.map((event) => invoke(event)));

    expect(answers).toMatchObject(asked.map(() => ({ id_token: expect.any(String), expires_in: 3_600 })));
    expect(google.exchanges.length).toBeLessThanOrEqual(10);
    vi.restoreAllMocks();
  }
});

test('a rotated key fails none of the requests that find out about it together', async () => {
  const { google, invoke, reads, secret } = createRig();
  await invoke({});
  google.interfere(({ keyId }) =>
    keyId === 'new-key' ? undefined : googleRefusal('Invalid JWT Signature.'),
  );
  secret.text = keyFile({ private_key_id: 'new-key' });
  secret.versionId = 'v2';
  const asked = Array.from({ length: 5 }, (_, index) => ({
    audience: `https://a.cloudfunctions.net/f${index}`,
  }));

  const answers = await Promise.all(asked.map((event) => invoke(event)));

  expect(answers).toMatchObject(asked.map(() => ({ id_token: expect.any(String) })));
  expect(reads).toEqual(['arn:default', 'arn:default']);
});

test('a Google that is down is not noticed while the cached token lives', async () => {
  const { google, invoke, time } = createRig();
  await invoke({});
  google.interfere(() => googleAnswer(503, {}));

  await time.advance(50 * 60_000);
  const beside = await invoke({});
  await settled();
  await time.advance(6 * 60_000);
  const awaited = await invoke({});

  expect([beside, awaited]).toMatchObject([
    { access_token: expect.any(String) },
    { access_token: expect.any(String) },
  ]);
});

test('bad requests reach neither Google nor Secrets Manager', async () => {
  const { google, invoke, output, reads } = createRig();
  const http: Request[] = [
    { method: 'PUT' },
    { query: 'audience=%' },
    { query: 'audience=http://example.com' },
    { query: 'scope=nonsense' },
    { query: 'subject=a' },
    { query: 'scope=openid&audience=https://example.com' },
    { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } },
    { caller: null },
  ];
  const events = [
    null,
    7,
    [],
    'x',
    { audience: '' },
    { x: 1 },
    ...http.map(httpApiEvent),
    ...http.map(restApiEvent),
  ];

  for (const event of events) {
    await Promise.resolve(invoke(event)).catch((error: unknown) => error);
  }

  const outcomes = auditLines(output).map(({ outcome }) => outcome);
  expect(outcomes).toHaveLength(events.length);
  expect(new Set(outcomes)).toEqual(new Set(['invalid_request', 'access_denied']));
  expect([google.exchanges, reads]).toEqual([[], []]);
});

test('an invocation by an unknown alias is denied, whatever the event', async () => {
  const { invoke, output } = createRig();

  const failure = await failureOf(() => invoke({}, 'unknown'));
  const answer = await invoke(httpApiEvent(), 'unknown');

  expect(failure.name).toBe('AccessDenied');
  expect(answer).toMatchObject({ statusCode: 403 });
  expect(auditLines(output).map(({ profile }) => profile)).toEqual([undefined, undefined]);
});

test('no token, assertion or key is in any line, whatever happens', async () => {
  const { google, invoke, output, time } = createRig();
  const tokens: unknown[] = [];
  const firstAssertion = () => google.exchanges[0]?.assertion ?? '';
  const ask = async (event: object) => {
    const answer = (await invoke(event).catch(() => ({}))) as Record<string, unknown>;
    tokens.push(answer.access_token ?? answer.id_token);
  };

  await ask({});
  await ask({ audience: AUDIENCE });
  google.interfere(() => googleRefusal(`Invalid JWT Signature. ${firstAssertion()}`));
  await ask({ audience: `${AUDIENCE}2` });
  google.interfere(() => googleAnswer(503, { error: `server_error ${firstAssertion()}` }));
  await time.advance(52 * 60_000);
  await ask({});
  google.interfere(() => Promise.reject(new Error(`it broke: ${firstAssertion()} ${PRIVATE_KEY_PEM}`)));
  await ask({ scope: 'pubsub' });

  const assertions = google.exchanges.map(({ assertion }) => assertion);
  const secrets = [...tokens, ...assertions, PRIVATE_KEY_PEM].filter((secret) => typeof secret === 'string');
  const body = PRIVATE_KEY_PEM.split('\n')[3] ?? PRIVATE_KEY_PEM;
  expect(secrets.length).toBeGreaterThan(5);
  expect(secrets.filter((secret) => output.text().includes(secret))).toEqual([]);
  expect(output.text()).not.toContain(body);
  expect(output.text()).not.toMatch(/ya29\.|eyJ/);
});

test('reads up to 3 credentials ahead, and a request then finds them there', async () => {
  const { invoke, reads, vendor } = createRig();

  await vendor.warmUp();
  await invoke({}, 'reports');

  expect(reads).toEqual(['arn:default', 'arn:reports', 'arn:c']);
});

test('the reading ahead never fails; the request that needs the credential does', async () => {
  const { invoke, vendor } = createRig({ readSecret: async () => ({ text: 'broken', versionId: 'v1' }) });

  await vendor.warmUp();

  expect((await failureOf(() => invoke({}))).code).toBe('credential_invalid');
});
