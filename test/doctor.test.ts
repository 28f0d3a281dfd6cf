import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { bundleFunction } from '../infra/bundle.ts';
import { createAudit } from '../lambda/audit.ts';
import type { DoctorAnswer } from '../lambda/doctor/doctor-answer.ts';
import type { ProfileDocument, ProfilesDocument } from '../lambda/policy/profiles.ts';
import { kmsError } from '../local/aws/kms.ts';
import { startSts } from '../local/aws/sts.ts';
import type { Asked } from '../local/google/exchanges.ts';
import { captureOutput } from './capture-output.ts';
import { ACCOUNT, type DocumentName, REGION, SOURCE, TARGET, USER } from './make-clouds.ts';
import { AUDIENCE, type Clinic, detailOf, marks, openClinic, type PatientOptions } from './make-doctor.ts';
import { PRIVATE_KEY_PEM } from './make-document.ts';
import { contextFor, httpApiEvent, restApiEvent } from './make-event.ts';

const HOUR_MS = 3_600_000;
const BUCKET = '//storage.googleapis.com/projects/_/buckets/reports';
const ACCESS: ProfileDocument = { scopes: ['cloud-platform'] };
const BOUNDED: ProfileDocument = {
  ...ACCESS,
  boundary: [{ availableResource: BUCKET, availablePermissions: ['inRole:roles/storage.objectViewer'] }],
};

let clinic: Clinic;
let documents: Readonly<Record<DocumentName, object>>;
let aheadMs = 0;

beforeAll(async () => {
  clinic = await openClinic({ now: () => Date.now() + aheadMs });
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', clinic.clouds.kms.url);
  documents = await clinic.clouds.documents();
});

afterEach(() => {
  aheadMs = 0;
  clinic.clouds.google.interfere(undefined);
  clinic.clouds.kms.interfere(undefined);
  clinic.secretsManager.interfere(undefined);
  vi.restoreAllMocks();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await clinic.close();
});

function only(profile: ProfileDocument): PatientOptions {
  return { profiles: { default: profile } };
}

const BEGIN = ['✓ secret', '✓ document'];
const END = ['✓ clock', '✓ first token'];

type Healthy = readonly [
  name: DocumentName,
  what: string,
  profile: ProfileDocument,
  between: readonly string[],
];

const HEALTHY: readonly Healthy[] = [
  ['service account key', 'an access token', ACCESS, ['✓ signature', '✓ token endpoint']],
  ['service account key', 'an ID token', { audiences: [AUDIENCE] }, ['✓ signature', '✓ token endpoint']],
  ['service account key', 'a boundary', BOUNDED, ['✓ signature', '✓ token endpoint', '✓ downscoping']],
  [
    'service account key',
    'an impersonation of the profile’s',
    { ...ACCESS, impersonate: { serviceAccount: TARGET } },
    ['✓ signature', '✓ token endpoint', '✓ impersonation'],
  ],
  ['AWS KMS key', 'an access token', ACCESS, ['✓ signature', '✓ token endpoint']],
  ['federation, signed request', 'an access token', ACCESS, ['✓ signature', '✓ STS']],
  ['federation, signed request', 'a boundary', BOUNDED, ['✓ signature', '✓ STS', '✓ downscoping']],
  ['federation, OIDC token', 'an access token', ACCESS, ['✓ signature', '✓ STS']],
  [
    'federation with impersonation',
    'an ID token',
    { audiences: [AUDIENCE] },
    ['✓ signature', '✓ STS', '✓ impersonation'],
  ],
  [
    'impersonated service account',
    'an access token',
    ACCESS,
    ['✓ signature', '✓ token endpoint', '✓ impersonation'],
  ],
  ['user', 'an access token', ACCESS, ['✓ token endpoint']],
];

test.each(HEALTHY)('finds %s healthy for %s, link by link', async (name, _, profile, between) => {
  const patient = clinic.admit(documents[name], only(profile));

  const answer = await patient.examine();

  expect(answer.ok).toBe(true);
  expect(answer.checks.map(marks)).toEqual([[...BEGIN, ...between, ...END]]);
});

test('knows a self-signed token, for which nobody is asked', async () => {
  const patient = clinic.admit(documents['service account key'], only({ ...ACCESS, selfSigned: true }));

  const { checks } = await patient.examine();

  expect(checks.map(marks)).toEqual([[...BEGIN, '✓ signature', '– clock', '✓ first token']]);
});

test('asks for what a request says, and has an impersonated account sign for a user', async () => {
  const patient = clinic.admit(documents['impersonated service account'], {
    profiles: { default: { ...ACCESS, subjects: ['*@example.com'] }, other: ACCESS },
  });

  const answer = await patient.examine({ profile: 'default', subject: USER });

  expect(answer.checks.map(marks)).toEqual([
    [...BEGIN, '✓ signature', '✓ token endpoint', '✓ impersonation', '✓ token endpoint', ...END],
  ]);
  expect(detailOf(answer, 'first token')).toContain(`acting for ${USER}, of ${TARGET}`);
});

test('says of each link what it is', async () => {
  const patient = clinic.admit(documents['federation with impersonation']);

  const answer = await patient.examine();

  const { links = [] } = answer.checks[0] ?? {};
  expect(links.map(({ link, detail }) => [link, detail])).toEqual([
    [
      'secret',
      expect.stringMatching(/^the secret arn:aws:secretsmanager:\S+ was read anew, version [\w-]+$/),
    ],
    ['document', expect.stringMatching(/^external_account: .*by a signed request.*, to act as target@/)],
    ['signature', expect.stringMatching(/ by arn:aws:sts::123456789012:assumed-role\/vendor\/function$/)],
    ['STS', expect.stringMatching(/^127\.0\.0\.1:\d+ took the proof/)],
    ['impersonation', expect.stringMatching(/gave an access token of target@example-project/)],
    ['clock', 'within 10 s of Google’s'],
    [
      'first token',
      expect.stringMatching(/^access token for https:.*cloud-platform, of target@.*; 35\d\d s left/),
    ],
  ]);
  expect(links.map(({ ms }) => typeof ms)).toEqual([
    'number',
    'number',
    'number',
    'number',
    'number',
    'undefined',
    'undefined',
  ]);
});

test('checks each profile for a token of each kind that it has, in their order', async () => {
  const profiles: ProfilesDocument = {
    both: { scopes: ['cloud-platform'], audiences: ['https://*.example.com/x', AUDIENCE] },
    access: { scopes: ['storage-ro'] },
    wild: { audiences: ['https://x.example.com/*'] },
  };
  const patient = clinic.admit(documents['service account key'], { profiles });

  const { ok, checks } = await patient.examine();

  expect(checks.map(({ profile, credential, asks }) => [profile, credential, asks])).toEqual([
    ['both', 'default', 'access token'],
    ['both', 'default', `ID token for ${AUDIENCE}`],
    ['access', 'default', 'access token'],
    ['wild', 'default', 'ID token for https://x.example.com/*'],
  ]);
  expect(checks[3]?.links).toEqual([
    {
      link: 'first token',
      outcome: 'skipped',
      detail: expect.stringMatching(
        /\{"profile": "wild", "audience": "https:\/\/…"\}, or with --profile wild --audience URL$/,
      ),
    },
  ]);
  expect(checks.map(({ skipped }) => skipped)).toEqual([undefined, undefined, undefined, true]);
  expect(ok).toBe(true);
});

test('examines one profile alone, and one audience of it', async () => {
  const profiles = { default: ACCESS, wild: { audiences: ['https://x.example.com/*'] } };
  const patient = clinic.admit(documents['service account key'], { profiles });

  const named = await patient.examine({ profile: 'default' });
  const asked = await patient.examine({ profile: 'wild', audience: 'https://x.example.com/a' });

  expect(named.checks.map(({ profile }) => profile)).toEqual(['default']);
  expect(asked.checks.map(({ asks }) => asks)).toEqual(['ID token for https://x.example.com/a']);
  expect(asked.checks.map(marks)[0]?.at(-1)).toBe('✓ first token');
});

test('says that a document came with the function, where there is no secret to read', async () => {
  const document = { ...documents['federation, signed request'] };
  const patient = clinic.admit({ location: { document } });
  const before = clinic.secretsManager.requests.length;

  const answer = await patient.examine();

  expect(answer.ok).toBe(true);
  expect(detailOf(answer, 'secret')).toContain('came with the function');
  expect(clinic.secretsManager.requests).toHaveLength(before);
});

/** A document, what is wrong with it or around it, and what is to be found. */
type Broken = {
  readonly what: string;
  readonly document: () => object | string;
  readonly options?: PatientOptions;
  readonly event?: object;
  readonly break?: () => void | Promise<void>;
  readonly found: readonly string[];
  readonly says: RegExp;
};

const SKIPPED_END = ['✓ clock', '– first token'];
const NOTHING = ['– clock', '– first token'];

function refuseDownscoping({ path }: Asked) {
  const body = { error: 'invalid_request', error_description: 'The access boundary is invalid.' };
  return path === '/v1/token' ? { status: 400, body } : undefined;
}

const BROKEN: readonly Broken[] = [
  {
    what: 'a secret that does not exist',
    document: () => ({ location: { secret: 'google/nowhere' } }),
    found: ['✗ secret', '– document', ...NOTHING],
    says: /google\/nowhere does not exist.*put-secret-value/,
  },
  {
    what: 'a credential that was not deployed',
    document: () => documents['service account key'],
    options: only({ ...ACCESS, credential: 'other' }),
    found: ['✗ secret', '– document', ...NOTHING],
    says: /no credential named other; deploy/,
  },
  {
    what: 'a text that is no document',
    document: () => 'CANARY ya29.canary',
    found: ['✓ secret', '✗ document', ...NOTHING],
    says: /is not JSON; store the key file as it is/,
  },
  {
    what: 'a key that is cut off',
    document: () => ({ ...documents['service account key'], private_key: PRIVATE_KEY_PEM.slice(0, 300) }),
    found: ['✓ secret', '✗ document', '– signature', '– token endpoint', ...NOTHING],
    says: /private_key has no whole -----BEGIN PRIVATE KEY-----.*exactly as Google gave it/,
  },
  {
    what: 'another key than Google has',
    document: () => ({ ...documents['service account key'], private_key: PRIVATE_KEY_PEM }),
    found: [...BEGIN, '✓ signature', '✗ token endpoint', ...SKIPPED_END],
    says: /Invalid JWT Signature.*keys list/,
  },
  {
    what: 'a disabled key in KMS',
    document: () => documents['AWS KMS key'],
    break: () => clinic.clouds.kms.setKeyState(clinic.clouds.kmsKey, 'Disabled'),
    found: [...BEGIN, '✗ signature', '– token endpoint', ...NOTHING],
    says: /is disabled.*aws kms enable-key/,
  },
  {
    what: 'no AWS credentials to sign with',
    document: () => documents['federation with impersonation'],
    options: {
      aws: { region: async () => REGION, credentials: () => Promise.reject(new Error('none')) },
    },
    found: [...BEGIN, '✗ signature', '– STS', '– impersonation', ...NOTHING],
    says: /there are no AWS credentials, or no region/,
  },
  {
    what: 'a role that may not have OIDC tokens',
    document: () => {
      const source = { aws_web_identity_token: { audience: 'https://not-granted.example' } };
      return clinic.clouds.oidcProvider.createCredential({ credentialSource: source });
    },
    found: [...BEGIN, '✗ signature', '– STS', ...SKIPPED_END],
    says: /its role needs sts:GetWebIdentityToken/,
  },
  {
    what: 'a provider that admits others',
    document: () => {
      const { google, sts } = clinic.clouds;
      const provider = google.createPool({ poolId: 'closed' }).createAwsProvider({
        accountId: ACCOUNT,
        verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
        attributeCondition: () => false,
      });
      return provider.createCredential({ serviceAccount: TARGET });
    },
    found: [...BEGIN, '✓ signature', '✗ STS', '– impersonation', ...SKIPPED_END],
    says: /attribute condition.*update-aws/,
  },
  {
    what: 'an impersonation that is not permitted',
    document: () => documents['federation, signed request'],
    options: only({ ...BOUNDED, impersonate: { serviceAccount: SOURCE } }),
    found: [...BEGIN, '✓ signature', '✓ STS', '✗ impersonation', '– downscoping', ...SKIPPED_END],
    says: /PERMISSION_DENIED.*add-iam-policy-binding/,
  },
  {
    what: 'an account that may not be had to sign for a user',
    document: () => documents['federation, signed request'],
    options: {
      profiles: {
        default: { ...ACCESS, subjects: ['*@example.com'], impersonate: { serviceAccount: SOURCE } },
      },
    },
    event: { profile: 'default', subject: USER },
    found: [...BEGIN, '✓ signature', '✓ STS', '✗ impersonation', '– token endpoint', ...SKIPPED_END],
    says: /may not sign for the service account.*serviceAccountTokenCreator/,
  },
  {
    what: 'a boundary that Google does not take',
    document: () => documents['service account key'],
    options: only(BOUNDED),
    break: () => clinic.clouds.google.interfere(refuseDownscoping),
    found: [...BEGIN, '✓ signature', '✓ token endpoint', '✗ downscoping', ...SKIPPED_END],
    says: /boundary is none that Google takes.*Correct the profile/,
  },
  {
    what: 'a scope that Google does not know, and answers 200 for',
    document: () => documents['service account key'],
    options: only({ scopes: ['https://www.googleapis.com/auth/~unknown'] }),
    found: [...BEGIN, '✓ signature', '✗ token endpoint', ...SKIPPED_END],
    says: /200 without an access token.*Correct the profile’s scopes/,
  },
  {
    what: 'a scope that IAM Credentials refuses',
    document: () => documents['federation with impersonation'],
    options: only({ scopes: ['https://www.googleapis.com/auth/~unknown'] }),
    found: [...BEGIN, '✓ signature', '✓ STS', '✗ impersonation', ...SKIPPED_END],
    says: /a scope is none that Google knows/,
  },
  {
    what: 'a profile that asks for what its credential cannot have',
    document: () => documents.user,
    options: only({ audiences: [AUDIENCE] }),
    found: ['✓ secret', '✗ document', '– token endpoint', ...NOTHING],
    says: /no ID token for an audience to a user\. Impersonate/,
  },
  {
    what: 'a Google that cannot be reached',
    document: () => documents.user,
    break: () => clinic.clouds.google.interfere(() => 'reset'),
    found: [...BEGIN, '✗ token endpoint', ...NOTHING],
    says: /cannot be reached.*Try again later/,
  },
];

test.each(BROKEN)('finds the link that breaks by $what', async (given) => {
  await given.break?.();
  const patient = clinic.admit(given.document(), given.options);

  const answer = await patient.examine(given.event);

  clinic.clouds.kms.setKeyState(clinic.clouds.kmsKey, 'Enabled');
  const failed = answer.checks[0]?.links.find(({ outcome }) => outcome === 'failed');
  expect(answer.checks.map(marks)).toEqual([given.found]);
  expect(answer).toMatchObject({ ok: false, checks: [{ ok: false }] });
  expect(failed?.detail).toMatch(given.says);
  expect(failed?.detail).not.toMatch(/\n/);
  expect(JSON.stringify(answer)).not.toMatch(/CANARY|canary/);
});

test('says of what was not reached because of what', async () => {
  const patient = clinic.admit({ location: { secret: 'google/nowhere' } });

  const answer = await patient.examine();

  expect(detailOf(answer, 'first token')).toBe('not reached, because of the secret');
});

test('tells of a defect in the log alone, and goes on with the other profiles', async () => {
  const warned: string[] = [];
  let reads = 0;
  const key = JSON.stringify(documents['service account key']);
  const patient = clinic.admit('{}', {
    profiles: { default: ACCESS, reports: ACCESS },
    readSecret: async () => {
      reads += 1;
      return reads === 1 ? Promise.reject(new TypeError('canary')) : { text: key, versionId: '1' };
    },
    audit: { record: () => {}, warn: (message, error) => warned.push(`${message}: ${error}`) },
  });

  const { checks } = await patient.examine();

  expect(checks.map(({ ok }) => ok)).toEqual([false, true]);
  expect(checks[0]?.links[0]?.detail).toBe('The vendor failed unexpectedly; its log has the reason.');
  expect(JSON.stringify(checks)).not.toContain('canary');
  expect(warned).toEqual(['the doctor failed unexpectedly: TypeError: canary']);
});

test('reads the secret anew, whatever the vendor has kept', async () => {
  const patient = clinic.admit({ ...documents['service account key'] });
  await patient.vend('default');
  const { secretId = '' } = clinic.secretsManager.requests.at(-1) ?? {};
  clinic.secretsManager.putSecretValue(secretId.replace(/^.*:secret:(.*)-.{6}$/, '$1'), { string: '{}' });

  const answer = await patient.examine();

  expect(answer.checks.map(marks)[0]).toContain('✗ document');
});

test.each([
  ['behind', HOUR_MS],
  ['ahead of', -HOUR_MS],
])('corrects a clock that is an hour %s Google’s, and warns of it', async (where, offsetMs) => {
  aheadMs = offsetMs;
  const patient = clinic.admit(documents['service account key']);

  const answer = await patient.examine();

  expect(answer.ok).toBe(true);
  expect(answer.checks.map(marks)).toEqual([
    [...BEGIN, '✓ signature', '✓ token endpoint', '! clock', '✓ first token'],
  ]);
  expect(detailOf(answer, 'clock')).toMatch(/is 36\d\d|is 35\d\d/);
  expect(detailOf(answer, 'clock')).toMatch(new RegExp(`s ${where} Google’s.*set the clock`));
  expect(detailOf(answer, 'first token')).toMatch(/35\d\d s left/);
});

test('corrects the clock of a signed request too, and signs it again', async () => {
  aheadMs = HOUR_MS;
  const patient = clinic.admit(documents['federation with impersonation']);

  const { ok, checks } = await patient.examine();

  expect(ok).toBe(true);
  expect(checks.map(marks)).toEqual([
    [...BEGIN, '✓ signature', '✓ STS', '✓ impersonation', '! clock', '✓ first token'],
  ]);
});

test('tells of the last try alone, if the clock was corrected and something else breaks', async () => {
  aheadMs = -HOUR_MS;
  let signatures = 0;
  clinic.clouds.kms.interfere(() => {
    signatures += 1;
    return signatures === 1 ? undefined : kmsError('AccessDeniedException', 'no');
  });
  const patient = clinic.admit(documents['AWS KMS key']);

  const { checks } = await patient.examine();

  expect(checks.map(marks)).toEqual([
    [...BEGIN, '✗ signature', '– token endpoint', '! clock', '– first token'],
  ]);
});

test('says whose time it is, where AWS alone has answered', async () => {
  aheadMs = HOUR_MS;
  const source = { aws_web_identity_token: { audience: 'https://not-granted.example' } };
  const { oidcProvider } = clinic.clouds;
  const patient = clinic.admit(oidcProvider.createCredential({ credentialSource: source }));

  const answer = await patient.examine();

  expect(answer.checks.map(marks)[0]).toContain('! clock');
  expect(detailOf(answer, 'clock')).toMatch(/s behind AWS’s/);
});

test('takes a clock that is a few seconds off for right', async () => {
  aheadMs = 8_000;
  const patient = clinic.admit(documents['service account key']);

  expect(detailOf(await patient.examine(), 'clock')).toBe('within 10 s of Google’s');
});

/** A role whose sessions and tokens have names that Google does not take for a subject. */
async function longNames(subjects: 'whole' | 'shortened') {
  const role = 'r'.repeat(64);
  const path = 'p'.repeat(90);
  const credentials = await clinic.clouds.aws.credentials();
  const sts = await startSts({
    region: REGION,
    accountId: ACCOUNT,
    credentials: [
      {
        ...credentials,
        principalArn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${'s'.repeat(64)}`,
        roleArn: `arn:aws:iam::${ACCOUNT}:role/${path}/${role}`,
        webIdentity: {},
      },
    ],
  });
  const shorten = subjects === 'shortened' && { attributeMapping: () => ({ 'google.subject': role }) };
  const pool = clinic.clouds.google.createPool({ poolId: `long-${subjects}` });
  const signed = pool.createAwsProvider({
    accountId: ACCOUNT,
    verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
    ...shorten,
  });
  const oidc = pool.createOidcProvider({ issuer: sts.issuer, jwksUrl: sts.jwksUrl, ...shorten });
  const aws = { ...clinic.clouds.aws, stsUrl: sts.url };
  const credentialSource = { aws_web_identity_token: {} };
  return {
    close: sts.close,
    signed: clinic.admit(signed.createCredential(), { aws }),
    token: clinic.admit(oidc.createCredential({ credentialSource }), { aws }),
    fits: {
      signed: "google.subject=assertion.arn.extract('assumed-role/{role}/')",
      token: `google.subject=assertion.sub.extract('role/${path}/{name}')`,
    },
  };
}

test('warns of a subject that Google does not take, and names a mapping that fits', async () => {
  const { close, fits, signed, token } = await longNames('whole');

  const answers = { signed: await signed.examine(), token: await token.examine() };
  await close();

  for (const kind of ['signed', 'token'] as const) {
    expect(answers[kind].checks.map(marks)).toEqual([
      [...BEGIN, '! signature', '✗ STS', '✓ clock', '– first token'],
    ]);
    expect(detailOf(answers[kind], 'signature')).toMatch(/that is \d{3} bytes, and Google takes 127/);
    expect(detailOf(answers[kind], 'signature')).toContain(`--attribute-mapping="${fits[kind]}"`);
    expect(detailOf(answers[kind], 'STS')).toContain('127 bytes');
  }
});

test('has nothing against a long name where the provider maps something shorter', async () => {
  const { close, signed, token } = await longNames('shortened');

  const answers = [await signed.examine(), await token.examine()];
  await close();

  expect(answers.map(({ checks }) => checks.map(marks))).toEqual(
    Array(2).fill([[...BEGIN, '✓ signature', '✓ STS', ...END]]),
  );
  expect(detailOf(answers[0] as DoctorAnswer, 'signature')).toContain('the provider maps something shorter');
});

test('only warns if AWS’s STS does not tell it who signed', async () => {
  const stsUrl = 'http://127.0.0.1:9';
  const patient = clinic.admit(documents['federation, signed request'], {
    aws: { ...clinic.clouds.aws, stsUrl },
  });

  const answer = await patient.examine();

  expect(answer.ok).toBe(true);
  expect(answer.checks.map(marks)).toEqual([[...BEGIN, '! signature', '✓ STS', ...END]]);
  expect(detailOf(answer, 'signature')).toContain('did not say from here by whom (ECONNREFUSED)');
});

test('names AWS’s own error where AWS does not take the signature', async () => {
  const credentials = await clinic.clouds.aws.credentials();
  const wrong = { ...credentials, secretAccessKey: 'another-secret' };
  const patient = clinic.admit(documents['federation, signed request'], {
    aws: { ...clinic.clouds.aws, credentials: async () => wrong },
  });

  const answer = await patient.examine();

  expect(answer.checks.map(marks)).toEqual([[...BEGIN, '! signature', '✗ STS', '✓ clock', '– first token']]);
  expect(detailOf(answer, 'signature')).toContain('(SignatureDoesNotMatch)');
});

/** What of a document is secret, as it stands in JSON. */
function secretsOf(document: object): readonly string[] {
  const { private_key, refresh_token, client_secret, source_credentials } = document as Record<
    string,
    unknown
  >;
  const lines = typeof private_key === 'string' ? private_key.split('\n').slice(1, 3) : [];
  const inner = typeof source_credentials === 'object' ? secretsOf(source_credentials ?? {}) : [];
  return [...lines, refresh_token, client_secret, ...inner].filter((text) => typeof text === 'string');
}

test.each(
  Object.entries({
    'service account key': ACCESS,
    'AWS KMS key': { ...ACCESS, impersonate: { serviceAccount: TARGET } },
    'federation, OIDC token': BOUNDED,
    'federation with impersonation': { audiences: [AUDIENCE] },
    'impersonated service account': BOUNDED,
    user: ACCESS,
  } satisfies Partial<Record<DocumentName, ProfileDocument>>),
)('shows and logs no token, key or secret: %s', async (name, profile) => {
  const output = captureOutput();
  const document = documents[name as DocumentName];
  const options = { ...only(profile), audit: createAudit({ serviceName: 'vendor' }) };
  const patient = clinic.admit(document, options);
  const { secretAccessKey, sessionToken = '' } = await clinic.clouds.aws.credentials();

  const healthy = await patient.examine();
  clinic.clouds.google.interfere(() => ({ status: 400, body: { error: patient.tokens().at(-1) ?? '' } }));
  const broken = await patient.examine();
  clinic.clouds.google.interfere(undefined);

  const said = JSON.stringify([healthy, broken]) + output.text();
  const secrets = [...patient.tokens(), ...secretsOf(document), secretAccessKey, sessionToken];
  expect([healthy.ok, broken.ok]).toEqual([true, false]);
  expect(patient.tokens()).not.toEqual([]);
  expect(secrets.filter((secret) => said.includes(secret.slice(-40)))).toEqual([]);
});

test('ends with the hash of the very token, as the audit has it, and notes it down', async () => {
  const output = captureOutput();
  const audit = createAudit({ serviceName: 'vendor' });
  const patient = clinic.admit(documents['service account key'], { audit });

  const answer = await patient.examine();

  const token = patient.tokens().at(-1) ?? '';
  const sha256 = createHash('sha256').update(token).digest('hex').slice(0, 16);
  const { message, request_id, checks } = output.lines()[0] ?? {};
  expect(token).toMatch(/^ya29\./);
  expect(detailOf(answer, 'first token')).toMatch(new RegExp(`${sha256}$`));
  expect({ message, request_id, checks }).toEqual({
    message: 'examined',
    request_id: expect.stringMatching(/^request-\d+$/),
    checks: [
      {
        profile: 'default',
        credential: 'default',
        asks: 'access token',
        ok: true,
        principal: SOURCE,
        token_sha256: sha256,
      },
    ],
  });
  expect(output.lines()).toHaveLength(1);
});

test('leaves the vendor’s tokens, credential and silence towards Google as they are', async () => {
  const { google } = clinic.clouds;
  const patient = clinic.admit(documents['service account key'], {
    profiles: { default: { ...ACCESS, audiences: [AUDIENCE] } },
  });
  const before = await patient.vend('default');
  const reads = clinic.secretsManager.requests.length;
  google.interfere(() => ({ status: 503, headers: { 'retry-after': '3600' }, body: {} }));
  const answer = await patient.examine({ profile: 'default', scopes: 'cloud-platform' });
  google.interfere(undefined);
  const exchanges = google.exchanges.length;

  const after = await patient.vend('default');
  const other = await patient.vend('default', { audience: AUDIENCE });

  expect(answer.ok).toBe(false);
  expect(after.access_token).toBe(before.access_token);
  expect(other).toHaveProperty('id_token');
  // The doctor's own, and none of the vendor's.
  expect(clinic.secretsManager.requests).toHaveLength(reads + 1);
  expect(google.exchanges).toHaveLength(exchanges + 1);
});

test.each([
  ['an HTTP API', httpApiEvent()],
  ['a REST API', restApiEvent()],
  ['an HTTP API without an identity', httpApiEvent({ caller: null })],
])('refuses what comes from %s, whatever it asks', async (_, event) => {
  const patient = clinic.admit(documents['service account key']);

  const answer = await patient.examine(event);

  const { statusCode, body } = answer as unknown as { statusCode: number; body: string };
  expect(statusCode).toBe(403);
  expect(JSON.parse(body)).toMatchObject({
    error: 'access_denied',
    error_description: expect.stringContaining('direct invocation alone'),
  });
  expect(patient.tokens()).toEqual([]);
  expect(patient.visits).toMatchObject([{ profile: 'Doctor', error: { code: 'access_denied' } }]);
});

test.each([
  [
    'an unknown field',
    { profiles: 'default' },
    'InvalidRequest',
    /"profiles" is not a field here; there are profile/,
  ],
  ['an unknown profile', { profile: 'x' }, 'InvalidRequest', /none named "x"; there are default, reports/],
  ['a profile that is no name', { profile: ['default'] }, 'InvalidRequest', /none named a list/],
  ['a request of no profile', { audience: AUDIENCE }, 'InvalidRequest', /audience: name the profile/],
  [
    'two tokens at once',
    { profile: 'default', audience: AUDIENCE, scopes: 'email' },
    'InvalidRequest',
    /not for both/,
  ],
  ['a scope that is none', { profile: 'default', scopes: 'nonsense' }, 'InvalidRequest', /neither a scope/],
  ['no object', 'default', 'InvalidRequest', /must be an object/],
  [
    'a scope of another profile',
    { profile: 'reports', scopes: 'cloud-platform' },
    'AccessDenied',
    /does not allow/,
  ],
  ['an audience of none', { profile: 'default', audience: AUDIENCE }, 'AccessDenied', /vends no ID tokens/],
])('throws what is wrong with a request to its invoker: %s', async (_, event, name, message) => {
  const patient = clinic.admit(documents['service account key'], {
    profiles: { default: ACCESS, reports: { scopes: ['storage-ro'] } },
  });

  const error = await patient.refused(event);

  expect(error?.name).toBe(name);
  expect(error?.message).toMatch(message);
  expect(error?.cause).toBeUndefined();
  expect(patient.tokens()).toEqual([]);
  expect(patient.visits).toHaveLength(1);
});

test('is not reached by a profile’s alias, by none, or by a function that is called Doctor', async () => {
  const patient = clinic.admit(documents['service account key']);
  const context = contextFor(undefined);
  const invokedFunctionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:Doctor';

  const answers = await Promise.all([
    patient.handler({}, contextFor('default')),
    patient.handler({}, context),
    patient.handler({}, { ...context, invokedFunctionArn }),
  ]);

  expect(answers).toEqual(Array(3).fill(expect.objectContaining({ token_type: 'Bearer' })));
});

test('ends in time, with all that it knows, though Google hangs for one of two credentials', async () => {
  const { google } = clinic.clouds;
  const email = 'other@example-project.iam.gserviceaccount.com';
  const other = await google.createServiceAccount({ email }).createKey();
  google.interfere(({ issuer }) => (issuer === SOURCE ? 'hang' : undefined));
  const patient = clinic.admit(documents['service account key'], {
    profiles: { default: ACCESS, other: { ...ACCESS, credential: 'other' } },
    others: { other },
  });
  const startedAtMs = Date.now();

  const { ok, checks } = await patient.examine({}, 2_000);

  expect(Date.now() - startedAtMs).toBeLessThan(2_000);
  expect(ok).toBe(false);
  expect(checks.map(marks)).toEqual([
    [...BEGIN, '✓ signature', '✗ token endpoint', '– clock', '– first token'],
    [...BEGIN, '✓ signature', '✓ token endpoint', ...END],
  ]);
  expect(checks[0]?.links[3]?.detail).toMatch(/Google .* cannot be reached: it did not answer in time/);
});

test('ends in time though the secret is not answered', async () => {
  clinic.secretsManager.interfere(() => 'hang');
  const patient = clinic.admit(documents['service account key']);
  const startedAtMs = Date.now();

  const answer = await patient.examine({}, 1_500);

  expect(Date.now() - startedAtMs).toBeLessThan(1_500);
  expect(answer.checks.map(marks)).toEqual([['✗ secret', '– document', ...NOTHING]]);
  expect(detailOf(answer, 'secret')).toContain('the time that there was for it ended');
});

test('examines four at once and no more, and returns them in their order', async () => {
  let now = 0;
  let most = 0;
  clinic.secretsManager.interfere(async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 100));
    now -= 1;
    return undefined;
  });
  const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
  const profiles = Object.fromEntries(names.map((name) => [name, ACCESS]));
  const patient = clinic.admit(documents['service account key'], { profiles });

  const { ok, checks } = await patient.examine();

  expect({ ok, most }).toEqual({ ok: true, most: 4 });
  expect(checks.map(({ profile }) => profile)).toEqual(names);
});

test('does not lose the last profiles to the first ones, which take all of their time', async () => {
  const { google } = clinic.clouds;
  const email = 'last@example-project.iam.gserviceaccount.com';
  const last = await google.createServiceAccount({ email }).createKey();
  google.interfere(({ issuer }) => (issuer === SOURCE ? 'hang' : undefined));
  const names = ['p0', 'p1', 'p2', 'p3'];
  const patient = clinic.admit(documents['service account key'], {
    profiles: {
      ...Object.fromEntries(names.map((name) => [name, ACCESS])),
      last: { ...ACCESS, credential: 'last' },
    },
    others: { last },
  });

  const { checks } = await patient.examine({}, 3_000);

  expect(checks.map(({ ok }) => ok)).toEqual([false, false, false, false, true]);
});

test('is no part of what is loaded for a token', () => {
  const files = [...bundleFunction()].filter(([name]) => name.endsWith('.mjs'));

  const doctors = files.filter(([, text]) => text.includes('is for direct invocation alone'));

  expect(doctors.map(([name]) => name)).toEqual(['doctor.mjs']);
});

test('finds a key in KMS sound however many profiles it has, by few connections', async () => {
  const profiles = Object.fromEntries(
    Array.from({ length: 24 }, (_, index) => [`p${index}`, { scopes: ['cloud-platform'] }]),
  );
  const patient = clinic.admit(documents['AWS KMS key'], { profiles });

  // A part of this time for each is no whole number of milliseconds.
  const answer = await patient.examine({}, 29_001);

  expect(answer.checks).toHaveLength(24);
  expect(answer.checks.filter(({ ok }) => !ok)).toEqual([]);
});
