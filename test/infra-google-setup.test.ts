import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { CredentialUse } from '../infra/google-bindings.ts';
import { googleSetup } from '../infra/google-setup.ts';
import { parseKeylessDocument } from '../infra/keyless-document.ts';
import { shellQuote } from '../infra/shell-quote.ts';
import { startSts } from '../local/aws/sts.ts';
import { startGoogle } from '../local/google/server.ts';
import { anyText } from './any-text.ts';
import {
  EMAIL,
  impersonating,
  itself,
  KMS,
  KMS_KEY_ARN,
  PROVIDER,
  SIGNED_REQUEST,
  TARGET,
  WEB_IDENTITY,
} from './make-keyless.ts';
import { vendorOf } from './make-vendor.ts';
import { admits, type Call, callsOf, flagOf, ISSUER, mapAttributes } from './setup-commands.ts';

const ACCOUNT = '111122223333';
const ROLE = {
  partition: 'aws',
  accountId: ACCOUNT,
  name: 'GcpTokenVendor-VendorFunctionRole78922D13-AbCdEfGhIjKl',
  arn: `arn:aws:iam::${ACCOUNT}:role/GcpTokenVendor-VendorFunctionRole78922D13-AbCdEfGhIjKl`,
};
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/${ROLE.name}`;
const POOL = PROVIDER.replace(/\/providers\/.*/, '');
const TOKEN_CREATOR = 'roles/iam.serviceAccountTokenCreator';
const WORKLOAD_IDENTITY_USER = 'roles/iam.workloadIdentityUser';
const { service_account_impersonation_url: _, ...ITSELF } = SIGNED_REQUEST;

const closing: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

/** What the commands for a document call, in their order. */
function callsFor(
  document: object,
  { role = ROLE, uses = itself() as readonly CredentialUse[] } = {},
): readonly Call[] {
  const steps = googleSetup({ document: parseKeylessDocument(document, 'document'), role, uses });
  return steps.flatMap(({ command }) => callsOf(command));
}

function find(calls: readonly Call[], ...words: readonly string[]): Call {
  const found = calls.filter((call) => words.every((word) => call.includes(word)));
  expect(found).toHaveLength(1);
  return found[0] as Call;
}

/** The bindings on service accounts: who, as what, on whom. */
function bindings(calls: readonly Call[]): readonly (readonly string[])[] {
  return calls
    .filter((call) => call.includes('add-iam-policy-binding'))
    .map((call) => [flagOf(call, 'member'), flagOf(call, 'role'), call[4] ?? '']);
}

function onAccount(email: string): string {
  return `projects/-/serviceAccounts/${email}`;
}

test('federation by signed requests takes the APIs, a pool, a provider and a binding, in this order', () => {
  const calls = callsFor(SIGNED_REQUEST);

  expect(calls).toEqual([
    [
      'gcloud',
      'services',
      'enable',
      'iam.googleapis.com',
      'iamcredentials.googleapis.com',
      'sts.googleapis.com',
      '--project=123456789012',
    ],
    ['gcloud', 'iam', 'workload-identity-pools', 'create', POOL.replace('//iam.googleapis.com/', '')],
    [
      'gcloud',
      'iam',
      'workload-identity-pools',
      'providers',
      'create-aws',
      PROVIDER.replace('//iam.googleapis.com/', ''),
      `--account-id=${ACCOUNT}`,
      expect.stringContaining('--attribute-mapping=google.subject='),
      expect.stringContaining('--attribute-condition='),
    ],
    [
      'gcloud',
      'iam',
      'service-accounts',
      'add-iam-policy-binding',
      onAccount(EMAIL),
      `--role=${WORKLOAD_IDENTITY_USER}`,
      `--member=principalSet:${POOL}/attribute.aws_role/${SESSION}`,
    ],
  ]);
});

test("federation by AWS's tokens turns them on in AWS first, and trusts the account's issuer", () => {
  const calls = callsFor(WEB_IDENTITY);

  expect(calls[0]).toEqual(['aws', 'iam', 'enable-outbound-web-identity-federation']);
  expect(find(calls, 'get-outbound-web-identity-federation-info').slice(1)).toEqual([
    'iam',
    'get-outbound-web-identity-federation-info',
    '--query',
    'IssuerIdentifier',
    '--output',
    'text',
  ]);
  const provider = find(calls, 'create-oidc', PROVIDER.replace('//iam.googleapis.com/', ''));
  expect(flagOf(provider, 'issuer-uri')).toBe(ISSUER);
  expect(flagOf(provider, 'allowed-audiences')).toBe(`https:${PROVIDER}`);
  expect(bindings(calls)).toEqual([
    [`principalSet:${POOL}/attribute.aws_role/${ROLE.arn}`, WORKLOAD_IDENTITY_USER, onAccount(EMAIL)],
  ]);
});

/** What gcloud makes of a list: `_SplitOnDelim` behind `ArgList` in its `calliope/arg_parsers.py`. */
function listOf(text: string): readonly string[] {
  const [, given, rest = text] = /^\^([^^]*)\^(.*)$/s.exec(text) ?? [];
  const separator = given ?? ',';
  return (rest.endsWith(separator) ? rest : `${rest}${separator}`).split(separator).slice(0, -1);
}

function allowedAudiences(audience: string): string {
  const credential_source = { aws_web_identity_token: { audience } };
  const provider = find(callsFor({ ...WEB_IDENTITY, credential_source }), 'create-oidc');
  return flagOf(provider, 'allowed-audiences');
}

test.each([
  ['a comma', 'one,two', '^::^one,two'],
  ['the separator that gcloud knows by heart', '^one', '^::^^one'],
  ['a comma and the usual other separator', 'one,two::three', '^:0:^one,two::three'],
  ['the start of a separator at its end', 'one,two:', '^:0:^one,two:'],
  ['each of some separators', ',:::0::1:', '^:2:^,:::0::1:'],
  ['none of them', 'urn:example::vendor', 'urn:example::vendor'],
])('an audience with %s in it is still one audience to gcloud', (_, audience, flag) => {
  const given = allowedAudiences(audience);

  expect(given).toBe(flag);
  expect(listOf(given)).toEqual([audience]);
});

test('any audience is one audience to gcloud', () => {
  const audiences = fc.string({ unit: fc.constantFrom(',', ':', '^', '0', '1', 'a'), minLength: 1 });

  fc.assert(
    fc.property(audiences, (audience) => {
      expect(listOf(allowedAudiences(audience))).toEqual([audience]);
    }),
    { numRuns: 25 },
  );
});

/** The names that IAM and Lambda allow at the longest. */
const LONGEST = {
  partition: 'aws-us-gov',
  accountId: ACCOUNT,
  name: 'r'.repeat(64),
  arn: `arn:aws-us-gov:iam::${ACCOUNT}:role/${'r'.repeat(64)}`,
};

test.each([
  [
    'a signed request',
    SIGNED_REQUEST,
    'create-aws',
    { arn: `arn:aws-us-gov:sts::${ACCOUNT}:assumed-role/${LONGEST.name}/${'f'.repeat(64)}` },
  ],
  ["AWS's token", WEB_IDENTITY, 'create-oidc', { sub: LONGEST.arn }],
])('the subject of %s fits into 127 bytes, however long the names are', (_, document, create, assertion) => {
  const provider = find(callsFor(document, { role: LONGEST }), create);

  const attributes = mapAttributes(flagOf(provider, 'attribute-mapping'), assertion);

  expect(attributes['google.subject']).toBe(LONGEST.name);
  expect(Buffer.byteLength(attributes['google.subject'] ?? '')).toBeLessThanOrEqual(127);
  expect(admits(flagOf(provider, 'attribute-condition'), attributes)).toBe(true);
});

test.each([
  ['another role', `arn:aws:sts::${ACCOUNT}:assumed-role/other/session`],
  ['a role whose name goes on', `${SESSION}2/session`],
  ['a role that is called as a session of this one', `arn:aws:sts::${ACCOUNT}:assumed-role/x/${ROLE.name}`],
  ['a role of this name in another account', `arn:aws:sts::999999999999:assumed-role/${ROLE.name}/session`],
  ['a user', `arn:aws:iam::${ACCOUNT}:user/${ROLE.name}`],
  ['the account itself', `arn:aws:iam::${ACCOUNT}:root`],
])('the provider does not admit the signed request of %s', (_, arn) => {
  const provider = find(callsFor(SIGNED_REQUEST), 'create-aws');
  const admitted = (assertion: { readonly arn: string }) =>
    admits(
      flagOf(provider, 'attribute-condition'),
      mapAttributes(flagOf(provider, 'attribute-mapping'), assertion),
    );

  expect(admitted({ arn: `${SESSION}/any-session` })).toBe(true);
  expect(admitted({ arn })).toBe(false);
});

test.each([
  ['another role', `arn:aws:iam::${ACCOUNT}:role/other`],
  ['a role whose name goes on', `${ROLE.arn}2`],
  ['a role of this name in a path', `arn:aws:iam::${ACCOUNT}:role/path/${ROLE.name}`],
  ['a role of this name in another account', `arn:aws:iam::999999999999:role/${ROLE.name}`],
  ['a user', `arn:aws:iam::${ACCOUNT}:user/${ROLE.name}`],
])("the provider does not admit AWS's token of %s", (_, sub) => {
  const provider = find(callsFor(WEB_IDENTITY), 'create-oidc');
  const admitted = (assertion: { readonly sub: string }) =>
    admits(
      flagOf(provider, 'attribute-condition'),
      mapAttributes(flagOf(provider, 'attribute-mapping'), assertion),
    );

  expect(admitted({ sub: ROLE.arn })).toBe(true);
  expect(admitted({ sub })).toBe(false);
});

test('federation without a service account gives the function itself a role in the project', () => {
  const call = find(callsFor(ITSELF), 'add-iam-policy-binding');

  expect(call).toEqual([
    'gcloud',
    'projects',
    'add-iam-policy-binding',
    '123456789012',
    '--role=ROLE',
    `--member=principalSet:${POOL}/attribute.aws_role/${SESSION}`,
  ]);
});

const DELEGATE = 'between@example-project.iam.gserviceaccount.com';
const MEMBER = `principalSet:${POOL}/attribute.aws_role/${SESSION}`;

test.each([
  [
    'a federated identity on top of its own service account',
    impersonating(SIGNED_REQUEST),
    [
      [MEMBER, WORKLOAD_IDENTITY_USER, onAccount(EMAIL)],
      [`serviceAccount:${EMAIL}`, TOKEN_CREATOR, onAccount(TARGET)],
    ],
  ],
  [
    'a federated identity alone',
    impersonating(ITSELF),
    [[MEMBER, WORKLOAD_IDENTITY_USER, onAccount(TARGET)]],
  ],
  [
    'a federated identity through a delegate',
    impersonating(ITSELF, { delegates: [`projects/-/serviceAccounts/${DELEGATE}`] }),
    [
      [MEMBER, TOKEN_CREATOR, onAccount(DELEGATE)],
      [`serviceAccount:${DELEGATE}`, TOKEN_CREATOR, onAccount(TARGET)],
    ],
  ],
  [
    'a key in KMS through a delegate',
    impersonating(KMS, { delegates: [DELEGATE] }),
    [
      [`serviceAccount:${EMAIL}`, TOKEN_CREATOR, onAccount(DELEGATE)],
      [`serviceAccount:${DELEGATE}`, TOKEN_CREATOR, onAccount(TARGET)],
    ],
  ],
])('impersonation by %s takes a binding for each step', (_, document, expected) => {
  expect(bindings(callsFor(document))).toEqual(expected);
});

test.each([
  ['a federated identity', SIGNED_REQUEST, EMAIL],
  ['a federated identity alone, impersonating', impersonating(ITSELF), TARGET],
])('%s that has to sign as its account may do so', (_, document, email) => {
  expect(bindings(callsFor(document, { uses: itself(true) }))).toEqual([
    [MEMBER, TOKEN_CREATOR, onAccount(email)],
  ]);
});

test('a federated identity that has another account sign through its own needs no more than tokens of its own', () => {
  expect(bindings(callsFor(impersonating(SIGNED_REQUEST), { uses: itself(true) }))).toEqual([
    [MEMBER, WORKLOAD_IDENTITY_USER, onAccount(EMAIL)],
    [`serviceAccount:${EMAIL}`, TOKEN_CREATOR, onAccount(TARGET)],
  ]);
});

test('a key in KMS takes its certificate and the upload, and the name of the key stands in between', () => {
  const document = parseKeylessDocument({ ...KMS, key_id: KMS_KEY_ARN }, 'document');

  const steps = googleSetup({ document, role: ROLE, uses: itself() });

  expect(steps.map(({ command }) => command)).toEqual([
    `npm run --silent kms-certificate -- --key-id ${KMS_KEY_ARN} --client-email ${EMAIL} > cert.pem`,
    `gcloud iam service-accounts keys upload cert.pem --iam-account=${onAccount(EMAIL)} --format='value(name.basename())'`,
  ]);
  expect(steps.flatMap(({ command }) => callsOf(command))).toEqual([
    ['npm', 'run', '--silent', 'kms-certificate', '--', '--key-id', KMS_KEY_ARN, '--client-email', EMAIL],
    [
      'gcloud',
      'iam',
      'service-accounts',
      'keys',
      'upload',
      'cert.pem',
      `--iam-account=${onAccount(EMAIL)}`,
      '--format=value(name.basename())',
    ],
  ]);
  expect(steps[1]?.does).toContain('private_key_id, and deploy again');
});

/** No program can be called with the first, and the record of the calls parts at the others. */
const UNUSABLE = '\0\x1e\x1f';

test('whatever a value holds is one word to the shell', () => {
  fc.assert(
    fc.property(
      anyText().map((text) =>
        [...text].filter((letter) => !UNUSABLE.includes(letter) && !/\p{Cs}/u.test(letter)).join(''),
      ),
      (text) => {
        expect(callsOf(`gcloud ${shellQuote(text)}`)).toEqual([['gcloud', text]]);
      },
    ),
    { numRuns: 25 },
  );
});

test.each(['$(touch pwned)', '`touch pwned`', "'; touch pwned; '", '"; touch pwned; "', 'a b'])(
  'a service account called %s would run nothing, if it got as far as a command',
  (name) => {
    const email = `${name}@example.iam.gserviceaccount.com`;
    const impersonation = { serviceAccount: email, delegates: [] };
    const document = { ...parseKeylessDocument(ITSELF, 'document'), impersonation };

    const calls = googleSetup({ document, role: ROLE, uses: itself() }).flatMap(({ command }) =>
      callsOf(command),
    );

    expect(calls.map(([program]) => program)).not.toContain('touch');
    expect(bindings(calls)).toEqual([[MEMBER, WORKLOAD_IDENTITY_USER, onAccount(email)]]);
  },
);

const KEYS = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'an-example-secret', sessionToken: 'a-session' };
const REGION = 'eu-west-1';

/** Both clouds, and the function in its role: set up by the commands, and by nothing else. */
async function setUp(document: object, create: 'create-aws' | 'create-oidc') {
  const calls = callsFor(document);
  const provider = find(calls, create);
  const google = await startGoogle();
  const webIdentity = { audiences: [`https:${PROVIDER}`], maxDurationSeconds: 3_600 };
  const credential = { ...KEYS, principalArn: `${SESSION}/function`, webIdentity };
  const sts = await startSts({ region: REGION, accountId: ACCOUNT, credentials: [credential] });
  closing.push(google.close, sts.close);
  const pool = google.createPool({ poolId: 'aws' });
  const options = {
    providerId: 'token-vendor',
    attributeMapping: (assertion: object) =>
      mapAttributes(flagOf(provider, 'attribute-mapping'), assertion as Record<string, string>),
    attributeCondition: (attributes: Readonly<Record<string, string>>) =>
      admits(flagOf(provider, 'attribute-condition'), attributes),
  };
  const created =
    create === 'create-aws'
      ? pool.createAwsProvider({
          ...options,
          accountId: flagOf(provider, 'account-id'),
          verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
        })
      : pool.createOidcProvider({
          ...options,
          issuer: sts.issuer,
          jwksUrl: sts.jwksUrl,
          allowedAudiences: [flagOf(provider, 'allowed-audiences')],
        });
  const account = google.createServiceAccount({ email: EMAIL });
  for (const [member = ''] of bindings(calls)) {
    account.allowImpersonationBy(member);
  }
  const aws = { region: async () => REGION, credentials: async () => KEYS, stsUrl: sts.url };
  return { google, created, aws };
}

test.each([
  ['signed requests', SIGNED_REQUEST, 'create-aws', undefined],
  ["AWS's tokens", WEB_IDENTITY, 'create-oidc', { aws_web_identity_token: {} }],
] as const)(
  'what the commands for federation by %s set up gives the function its tokens',
  async (_, document, create, credentialSource) => {
    const { created, aws } = await setUp(document, create);
    expect(created.audience).toBe(PROVIDER);
    const credential = created.createCredential({
      serviceAccount: EMAIL,
      ...(credentialSource === undefined ? {} : { credentialSource }),
    });
    const vendor = vendorOf(credential, { aws });
    closing.push(async () => vendor.close());

    const answer = await vendor.ask({});

    expect(answer).toMatchObject({ token_type: 'Bearer', access_token: expect.stringMatching(/^ya29\./) });
  },
);

const OTHER = 'invoices@other-project.iam.gserviceaccount.com';

/** A profile that impersonates. */
function as(serviceAccount: string, delegates: readonly string[] = [], signs = false): CredentialUse {
  return { impersonate: { serviceAccount, delegates }, signs };
}

test.each<[string, object, readonly CredentialUse[], readonly (readonly string[])[]]>([
  ['a federated identity alone', ITSELF, [as(TARGET)], [[MEMBER, WORKLOAD_IDENTITY_USER, onAccount(TARGET)]]],
  [
    'a federated identity alone, for a profile that has the account sign and one that has not',
    ITSELF,
    [as(TARGET), as(TARGET, [], true)],
    [[MEMBER, TOKEN_CREATOR, onAccount(TARGET)]],
  ],
  [
    'a federated identity alone, through a delegate',
    ITSELF,
    [as(TARGET, [DELEGATE])],
    [
      [MEMBER, TOKEN_CREATOR, onAccount(DELEGATE)],
      [`serviceAccount:${DELEGATE}`, TOKEN_CREATOR, onAccount(TARGET)],
    ],
  ],
  [
    'a federated identity on top of its own account, for three profiles with two accounts',
    SIGNED_REQUEST,
    [as(TARGET), as(OTHER), as(TARGET, [], true)],
    [
      [MEMBER, WORKLOAD_IDENTITY_USER, onAccount(EMAIL)],
      [`serviceAccount:${EMAIL}`, TOKEN_CREATOR, onAccount(TARGET)],
      [`serviceAccount:${EMAIL}`, TOKEN_CREATOR, onAccount(OTHER)],
    ],
  ],
  [
    "a key in KMS, on top of the document's own impersonation",
    impersonating(KMS),
    [as(OTHER, [DELEGATE])],
    [
      [`serviceAccount:${EMAIL}`, TOKEN_CREATOR, onAccount(TARGET)],
      [`serviceAccount:${TARGET}`, TOKEN_CREATOR, onAccount(DELEGATE)],
      [`serviceAccount:${DELEGATE}`, TOKEN_CREATOR, onAccount(OTHER)],
    ],
  ],
])("a profile's impersonation by %s takes a binding for each step", (_, document, uses, expected) => {
  expect(bindings(callsFor(document, { uses }))).toEqual(expected);
});

test('the function itself is given a role only where a profile has tokens of its own identity', () => {
  const roles = (uses: readonly CredentialUse[]) =>
    callsFor(ITSELF, { uses }).filter((call) => call.includes('projects'));

  expect(roles([as(TARGET)])).toEqual([]);
  expect(roles([as(TARGET), ...itself()])).toHaveLength(1);
});

test.each<[string, object, readonly CredentialUse[], readonly string[]]>([
  ['a key in KMS that impersonates nobody', KMS, itself(), []],
  ['a key in KMS', KMS, [as(OTHER), as(TARGET)], ['example-project']],
  ['a document that impersonates with a key in KMS', impersonating(KMS), itself(), ['example-project']],
  [
    'an account whose address does not say its project',
    { ...KMS, client_email: '123456789012-compute@developer.gserviceaccount.com' },
    [as(TARGET)],
    ['PROJECT'],
  ],
  ['a federated identity alone, which the pool has done it for', ITSELF, [as(TARGET)], []],
  ['a federated identity on top of its own account', SIGNED_REQUEST, [as(TARGET)], ['example-project']],
])(
  'IAM Credentials is turned on in the project of whoever asks it, for %s',
  (_, document, uses, projects) => {
    const calls = callsFor(document, { uses });

    const enabling = calls.filter((call) => call.join(' ').includes('enable iamcredentials.googleapis.com'));
    expect(enabling.map((call) => flagOf(call, 'project'))).toEqual(projects);
  },
);

test('a pool or a provider that is there already is said to be so by ALREADY_EXISTS', () => {
  const steps = googleSetup({
    document: parseKeylessDocument(ITSELF, 'document'),
    role: ROLE,
    uses: itself(),
  });

  const said = steps.filter(({ does }) => does.includes('ALREADY_EXISTS')).map(({ does }) => does);

  expect(said).toEqual([
    expect.stringContaining('which is fine'),
    expect.stringContaining('update-aws in the place of create-aws'),
  ]);
});
