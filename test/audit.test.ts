import { createHash } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { createAudit } from '../lambda/audit.ts';
import { ERRORS, type ErrorCode, VendError } from '../lambda/errors.ts';
import type { Grant } from '../lambda/types.ts';
import type { Visit } from '../lambda/visit.ts';
import { auditLines, captureOutput, metricLines } from './capture-output.ts';
import { CALLER } from './make-event.ts';
import { START_MS } from './make-time.ts';

const PRINCIPAL = 'vendor@example-project.iam.gserviceaccount.com';
const TOKEN = { value: 'ya29.canary-token', expiresAtMs: START_MS, principal: PRINCIPAL };

const VISIT: Visit = {
  requestId: 'request-1',
  durationMs: 12,
  door: { kind: 'http-api', caller: CALLER, parameters: () => [] },
  profile: 'reports',
  request: { kind: 'access_token', scopes: ['openid'] },
  grant: { kind: 'access_token', credential: 'reporting', scopes: 'openid' },
  vended: { token: TOKEN, cached: false, googleMs: 80 },
};

type Change = Partial<Omit<Visit, 'vended' | 'error'>> & {
  readonly vended?: object;
  readonly error?: VendError;
};

/** Records one visit and returns what was written of it. */
function record({ error, vended, ...change }: Change = {}) {
  const output = captureOutput();
  const { vended: usual, ...rest } = VISIT as Visit & { vended: object };
  const end = error === undefined ? { vended: { ...usual, ...vended } } : { error };
  createAudit({ serviceName: 'vendor-function' }).record({ ...rest, ...change, ...end } as Visit);
  return { output, line: auditLines(output)[0] ?? {} };
}

afterEach(() => {
  vi.restoreAllMocks();
});

test('writes one line of JSON with all that is to be known of a token vended', () => {
  const { output, line } = record();

  expect(auditLines(output)).toHaveLength(1);
  expect(output.lines().some((any) => 'unparsed' in any)).toBe(false);
  expect(line).toMatchObject({
    level: 'INFO',
    message: 'vended',
    service: 'vendor-function',
    request_id: 'request-1',
    door: 'http-api',
    caller: CALLER,
    profile: 'reports',
    credential: 'reporting',
    principal: PRINCIPAL,
    scopes: ['openid'],
    outcome: 'vended',
    cached: false,
    google_ms: 80,
    duration_ms: 12,
    expires_at: '2026-01-01T00:00:00.000Z',
  });
});

test('tells a token by the beginning of its hash, and never shows it', () => {
  const { output, line } = record();

  expect(line.token_sha256).toBe(createHash('sha256').update(TOKEN.value).digest('hex').slice(0, 16));
  expect(output.text()).not.toContain('canary-token');
});

test('says what was asked, and once it is granted what was granted', () => {
  const audience = record({ request: { kind: 'id_token', audience: 'https://example.com' } }).line;
  const all = record({ request: { kind: 'access_token', scopes: undefined }, grant: undefined }).line;
  const granted = record({ request: { kind: 'access_token', scopes: undefined } }).line;
  const nothing = record({ request: undefined, error: new VendError('invalid_request', 'No.') }).line;

  expect([audience.audience, audience.scopes]).toEqual(['https://example.com', undefined]);
  expect([all.audience, all.scopes]).toEqual([undefined, 'all']);
  expect([granted.audience, granted.scopes]).toEqual([undefined, ['openid']]);
  expect([nothing.audience, nothing.scopes]).toEqual([undefined, undefined]);
});

const IMPERSONATE = {
  serviceAccount: 'reader@example-project.iam.gserviceaccount.com',
  delegates: ['delegate@example-project.iam.gserviceaccount.com'],
};
const EVERYTHING: Grant = {
  kind: 'access_token',
  credential: 'reporting',
  scopes: 'openid',
  impersonate: IMPERSONATE,
  subject: 'alice@example.com',
  lifetimeSeconds: 7_200,
  boundary: '{"accessBoundary":{"accessBoundaryRules":[]}}',
};
const TERMS = ['subject', 'lifetime', 'impersonate', 'self_signed', 'boundary'];

test('says of a grant for whom, for how long, by whom and within what bounds', () => {
  const { line } = record({ grant: EVERYTHING });
  const selfSigned = record({
    grant: { kind: 'access_token', credential: 'reporting', scopes: 'openid', selfSigned: true },
  }).line;

  expect(line).toMatchObject({
    subject: 'alice@example.com',
    lifetime: 7_200,
    impersonate: IMPERSONATE.serviceAccount,
    boundary: true,
  });
  expect(line).not.toHaveProperty('self_signed');
  expect(selfSigned.self_signed).toBe(true);
  expect(Object.keys(selfSigned).filter((name) => TERMS.includes(name))).toEqual(['self_signed']);
});

test('says so of a grant that Google refused, too', () => {
  const { line } = record({ grant: EVERYTHING, error: new VendError('google_refused', 'No.') });

  expect(line).toMatchObject({
    subject: 'alice@example.com',
    lifetime: 7_200,
    impersonate: IMPERSONATE.serviceAccount,
    boundary: true,
  });
  expect(line).not.toHaveProperty('principal');
});

test('says of what was not granted for whom and how long it was asked', () => {
  const request = {
    kind: 'access_token',
    scopes: undefined,
    subject: 'alice@example.com',
    lifetimeSeconds: 900,
  } as const;

  const { line } = record({ request, grant: undefined, error: new VendError('access_denied', 'No.') });

  expect(line).toMatchObject({ scopes: 'all', subject: 'alice@example.com', lifetime: 900 });
  expect(line).not.toHaveProperty('impersonate');
  expect(line).not.toHaveProperty('boundary');
});

test('says what was granted, where it is not what was asked', () => {
  const request = { kind: 'access_token', scopes: undefined } as const;

  expect(record({ request, grant: EVERYTHING }).line.lifetime).toBe(7_200);
});

test('says of an ID token whom it impersonates, and nothing that is about access tokens', () => {
  const audience = 'https://example.com';
  const { line } = record({
    request: { kind: 'id_token', audience },
    grant: { kind: 'id_token', credential: 'reporting', audience, impersonate: IMPERSONATE },
  });

  expect(line).toMatchObject({ audience, impersonate: IMPERSONATE.serviceAccount });
  expect(Object.keys(line).filter((name) => TERMS.includes(name))).toEqual(['impersonate']);
});

test('says nothing of all this where there is nothing to be said', () => {
  const { line } = record();

  expect(Object.keys(line).filter((name) => TERMS.includes(name))).toEqual([]);
});

test('shows no token that stands in the place of a user or an account', () => {
  const request = { kind: 'access_token', scopes: undefined, subject: 'ya29.canary@example.com' } as const;
  const asked = record({ request, grant: undefined, error: new VendError('access_denied', 'No.') });
  const granted = record({ grant: { ...EVERYTHING, subject: 'ya29.canary@example.com' } });
  const impersonated = record({
    grant: { ...EVERYTHING, impersonate: { serviceAccount: 'ya29.canary@example.com', delegates: [] } },
  });

  for (const { output, line } of [asked, granted, impersonated]) {
    expect(output.text()).not.toContain('canary');
    expect(Object.values(line)).toContain('[redacted]@example.com');
  }
});

test('shows no token that was asked for as if it were an audience or a scope', () => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ2In0.c2ln';
  const audience = record({ request: { kind: 'id_token', audience: `https://example.com/${jwt}` } }).output;
  const scopes = record({
    request: { kind: 'access_token', scopes: [`https://a.googleapis.com/${jwt}`] },
  }).output;

  expect(audience.text() + scopes.text()).not.toContain('eyJ');
});

test.each(Object.keys(ERRORS) as ErrorCode[])('writes a line for the error %s', (code) => {
  const { line, output } = record({ error: new VendError(code, 'The reason.') });

  expect(auditLines(output)).toHaveLength(1);
  expect(line).toMatchObject({
    level: ERRORS[code].status < 500 ? 'WARN' : 'ERROR',
    message: 'refused',
    outcome: code,
    error_description: 'The reason.',
    request_id: 'request-1',
    caller: CALLER,
  });
  expect(line).not.toHaveProperty('token_sha256');
});

test('leaves out what is not known: the caller of a direct invocation, the profile of an unknown alias', () => {
  const { line } = record({
    door: undefined,
    profile: undefined,
    error: new VendError('access_denied', 'No.'),
  });

  expect(line).not.toHaveProperty('caller');
  expect(line).not.toHaveProperty('profile');
});

test('writes of a cause its name, message and code, and where it came from', () => {
  const cause = Object.assign(new TypeError('it broke'), { code: 'ECONNRESET', response: 'canary' });
  const { line, output } = record({ error: new VendError('google_unavailable', 'Away.', { cause }) });

  expect(line.cause).toMatchObject({ name: 'TypeError', message: 'it broke', code: 'ECONNRESET' });
  expect((line.cause as { stack: string }).stack).toContain('audit.test.ts');
  expect(output.text()).not.toContain('canary');
});

test.each([
  ['ya29.canary', 'canary'],
  ['a key:\n-----BEGIN PRIVATE KEY-----\nMIIEcanary\ncanary\n-----END PRIVATE KEY-----', 'canary'],
  ['eyJhbGciOiJSUzI1NiJ9.canary.c2ln', 'canary'],
])('shows nothing of the secret in a cause with the message %j', (message, canary) => {
  const { output } = record({ error: new VendError('server_error', 'No.', { cause: new Error(message) }) });

  expect(output.text()).toContain('[redacted]');
  expect(output.text()).not.toContain(canary);
});

test.each(['text', 7, null, { message: 'canary' }])(
  'writes nothing of the cause %j, which is no error',
  (cause) => {
    const { line } = record({ error: new VendError('server_error', 'No.', { cause }) });

    expect(line).not.toHaveProperty('cause');
  },
);

test('warns of what no caller hears of, with its cause and without secrets', () => {
  const output = captureOutput();
  const cause = new Error('ya29.canary');

  createAudit({ serviceName: 'vendor' }).warn(
    'it went on',
    new VendError('google_refused', 'eyJcanary1234', { cause }),
  );
  createAudit({ serviceName: 'vendor' }).warn('it went on', undefined);

  const [first, second] = output.lines();
  expect(first).toMatchObject({ level: 'WARN', message: 'it went on', error_description: '[redacted]' });
  expect(second).toMatchObject({ level: 'WARN', message: 'it went on' });
  expect(output.text()).not.toContain('canary');
});

test('writes one line of metrics beside it', () => {
  const { output } = record();

  expect(output.lines()).toHaveLength(2);
  expect(metricLines(output)).toMatchObject([{ service: 'vendor-function', Vended: 1, GoogleLatency: 80 }]);
});

test('counts each visit by itself', () => {
  const output = captureOutput();
  const audit = createAudit({ serviceName: 'vendor' });

  audit.record(VISIT);
  audit.record(VISIT);

  expect(metricLines(output).map(({ Vended }) => Vended)).toEqual([1, 1]);
});
