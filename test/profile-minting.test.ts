import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMinting } from '../lambda/policy/profile-minting.ts';
import { ProfilesError, parseProfiles } from '../lambda/policy/profiles.ts';

const ACCOUNT = 'reader@example-project.iam.gserviceaccount.com';
const DELEGATE = 'delegate@example-project.iam.gserviceaccount.com';
const RULE = {
  availableResource: '//storage.googleapis.com/projects/_/buckets/reports',
  availablePermissions: ['inRole:roles/storage.objectViewer'],
};
const ACCESS = { scopes: ['storage-ro'] };

type Fields = Readonly<Record<string, unknown>>;

function parse(fields: Fields) {
  const faults: string[] = [];
  return { minting: parseMinting(fields, 'p', (fault) => faults.push(fault)), faults };
}

/** The faults of a profile that has scopes, and `fields`. */
function faultsOf(fields: Fields): readonly string[] {
  return parse({ ...ACCESS, ...fields }).faults;
}

test('asks for nothing in particular if nothing is said', () => {
  const { minting, faults } = parse(ACCESS);

  expect(faults).toEqual([]);
  expect(minting).toMatchObject({
    impersonate: undefined,
    subjects: [],
    maxLifetimeSeconds: undefined,
    selfSigned: false,
    boundary: undefined,
  });
  expect(minting.allowsSubject('alice@example.com')).toBe(false);
});

test('takes all that goes together', () => {
  const { minting, faults } = parse({
    ...ACCESS,
    impersonate: { serviceAccount: ACCOUNT, delegates: [DELEGATE] },
    subjects: ['robot-*@example.com'],
    maxLifetime: 43_200,
    selfSigned: false,
    boundary: [RULE],
  });

  expect(faults).toEqual([]);
  expect(minting).toMatchObject({
    impersonate: { serviceAccount: ACCOUNT, delegates: [DELEGATE] },
    subjects: ['robot-*@example.com'],
    maxLifetimeSeconds: 43_200,
    selfSigned: false,
    boundary: JSON.stringify({ accessBoundary: { accessBoundaryRules: [RULE] } }),
  });
  expect(minting.allowsSubject('robot-1@example.com')).toBe(true);
  expect(minting.allowsSubject('alice@example.com')).toBe(false);
});

test('a profile as the function uses it has all of it', () => {
  const profile = parseProfiles({
    default: { ...ACCESS, impersonate: { serviceAccount: ACCOUNT }, selfSigned: true, maxLifetime: 600 },
  }).get('default');

  expect(profile).toMatchObject({
    impersonate: { serviceAccount: ACCOUNT, delegates: [] },
    selfSigned: true,
    maxLifetimeSeconds: 600,
  });
});

test.each([
  ACCOUNT,
  'a@b.iam.gserviceaccount.com',
  'example-project@appspot.gserviceaccount.com',
  '123456789012-compute@developer.gserviceaccount.com',
  'reader@example-project.example.com.iam.gserviceaccount.com',
])('impersonates %s', (serviceAccount) => {
  const { minting, faults } = parse({ impersonate: { serviceAccount } });

  expect(faults).toEqual([]);
  expect(minting.impersonate).toEqual({ serviceAccount, delegates: [] });
});

const NO_ACCOUNTS = [
  undefined,
  null,
  7,
  '',
  [ACCOUNT],
  'reader',
  '@example.com',
  'reader@',
  'reader@localhost',
  ACCOUNT.toUpperCase(),
  'Reader@example-project.iam.gserviceaccount.com',
  `${ACCOUNT} `,
  ` ${ACCOUNT}`,
  `${ACCOUNT}\n`,
  `${ACCOUNT}@evil.example`,
  `${ACCOUNT}:generateAccessToken`,
  `${ACCOUNT}/../other`,
  `${ACCOUNT}?x`,
  `${ACCOUNT}#x`,
  `x%2f@example.com`,
  `../x@example.com`,
  '*@example-project.iam.gserviceaccount.com',
  `projects/-/serviceAccounts/${ACCOUNT}`,
  `serviceAccount:${ACCOUNT}`,
  '103456789012345678901',
  'réader@example-project.iam.gserviceaccount.com',
  `${'a'.repeat(64)}@example.com`,
];

test.each(NO_ACCOUNTS)('does not impersonate %j', (serviceAccount) => {
  expect(faultsOf({ impersonate: { serviceAccount } })).toEqual([
    expect.stringMatching(/^p\.impersonate\.serviceAccount: must be the e-mail address of a service account/),
  ]);
});

test.each(NO_ACCOUNTS.filter((account) => typeof account === 'string'))(
  'does not impersonate through %j, and says which delegate it is',
  (delegate) => {
    const { faults } = parse({ impersonate: { serviceAccount: ACCOUNT, delegates: [DELEGATE, delegate] } });

    expect(faults).toEqual([expect.stringMatching(/^p\.impersonate\.delegates\[1\]: must be the e-mail/)]);
  },
);

test('says of each delegate where it stands, also behind one that is no string', () => {
  const { faults } = parse({
    impersonate: { serviceAccount: ACCOUNT, delegates: [7, 'a', null, DELEGATE, 'b', DELEGATE] },
  });

  expect(faults.toSorted()).toEqual([
    expect.stringMatching(/^p\.impersonate\.delegates\[0\]: must be a string/),
    expect.stringMatching(/^p\.impersonate\.delegates\[1\]: must be the e-mail/),
    expect.stringMatching(/^p\.impersonate\.delegates\[2\]: must be a string/),
    expect.stringMatching(/^p\.impersonate\.delegates\[4\]: must be the e-mail/),
    expect.stringMatching(/^p\.impersonate\.delegates\[5\]: .* is there twice/),
  ]);
});

test('keeps the delegates in their order, and takes 10 of them', () => {
  const delegates = Array.from({ length: 11 }, (_, index) => `d${10 - index}@example-project.example.com`);
  const ten = parse({ impersonate: { serviceAccount: ACCOUNT, delegates: delegates.slice(0, 10) } });
  const eleven = parse({ impersonate: { serviceAccount: ACCOUNT, delegates } });

  expect(ten.faults).toEqual([]);
  expect(ten.minting.impersonate?.delegates).toEqual(delegates.slice(0, 10));
  expect(eleven.faults).toEqual(['p.impersonate.delegates: has 11 accounts; 10 are the most']);
});

test.each([null, 7, ACCOUNT, [], [ACCOUNT], true])('refuses %j for an impersonation', (impersonate) => {
  expect(faultsOf({ impersonate })).toEqual([
    'p.impersonate: must be an object with "serviceAccount" and, for a chain, "delegates"',
  ]);
});

test.each([null, 7, DELEGATE, [], {}, true])('refuses %j for delegates', (delegates) => {
  expect(faultsOf({ impersonate: { serviceAccount: ACCOUNT, delegates } })).toEqual([
    'p.impersonate.delegates: must be a list of one or more strings; leave it out to allow none',
  ]);
});

test('refuses what an impersonation does not know', () => {
  const impersonate: unknown = JSON.parse(
    `{"serviceAccount": "${ACCOUNT}", "subject": "alice@example.com", "__proto__": {"delegates": ["x"]}}`,
  );

  expect(faultsOf({ impersonate })).toEqual([
    'p.impersonate.subject: is not a field here (serviceAccount, delegates)',
    'p.impersonate.__proto__: is not a field here (serviceAccount, delegates)',
  ]);
});

test.each([null, 7, 'alice@example.com', [], {}, true])('refuses %j for a list of subjects', (subjects) => {
  expect(faultsOf({ subjects })).toEqual([
    'p.subjects: must be a list of one or more strings; leave it out to allow none',
  ]);
});

test.each([
  '*',
  '*@*',
  '**@example.com',
  'alice@*.com',
  'Alice@example.com',
  'alice',
  '',
  '(*@example.com',
  '[*@example.com',
  '\\*@example.com',
  'a{1,*@example.com',
])('refuses the subject %j', (subject) => {
  expect(faultsOf({ subjects: ['bob@example.com', subject] })).toEqual([
    expect.stringMatching(/^p\.subjects: ".*" is no e-mail address in lower case/),
  ]);
});

test('refuses a subject that is no string, and one that is there twice', () => {
  expect(faultsOf({ subjects: [7, '*@example.com', null, '*@example.com'] })).toEqual([
    'p.subjects[0]: must be a string',
    'p.subjects[2]: must be a string',
    'p.subjects[3]: "*@example.com" is there twice',
  ]);
});

test.each([600, 601, 3_599, 3_600, 3_601, 43_199, 43_200])(
  'takes %d seconds for a lifetime',
  (maxLifetime) => {
    const { minting, faults } = parse({ ...ACCESS, maxLifetime });

    expect(faults).toEqual([]);
    expect(minting.maxLifetimeSeconds).toBe(maxLifetime);
  },
);

test.each([
  599,
  43_201,
  0,
  -600,
  600.5,
  1e9,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '3600',
  '3600s',
  '1h',
  null,
  true,
  [3_600],
  {},
])('refuses %j for a lifetime', (maxLifetime) => {
  const { minting, faults } = parse({ ...ACCESS, maxLifetime });

  expect(faults).toEqual(['p.maxLifetime: must be a whole number of seconds from 600 to 43200']);
  expect(minting.maxLifetimeSeconds).toBeUndefined();
});

test('refuses an object for a lifetime that cannot even be shown, beside all that a lifetime may conflict with', () => {
  const maxLifetime = JSON.parse('{"valueOf": 3600, "toString": 3600}');

  for (const fields of [{ selfSigned: true }, { subjects: ['alice@example.com'] }]) {
    expect(faultsOf({ ...fields, maxLifetime })).toEqual([
      'p.maxLifetime: must be a whole number of seconds from 600 to 43200',
    ]);
  }
});

test.each([null, 0, 1, '', 'true', 'false', [], {}])('refuses %j for selfSigned', (selfSigned) => {
  const { minting, faults } = parse({ ...ACCESS, selfSigned });

  expect(faults).toEqual(['p.selfSigned: must be true or false']);
  expect(minting.selfSigned).toBe(false);
});

test('refuses a boundary that is none, with the place of each fault', () => {
  expect(faultsOf({ boundary: [{ ...RULE, extra: 1 }, {}] })).toEqual([
    expect.stringMatching(/^p\.boundary\[0\]\.extra: /),
    expect.stringMatching(/^p\.boundary\[1\]\.availableResource: /),
    expect.stringMatching(/^p\.boundary\[1\]\.availablePermissions: /),
  ]);
});

test.each([
  ['subjects', ['alice@example.com']],
  ['maxLifetime', 3_600],
  ['selfSigned', true],
  ['selfSigned', false],
  ['boundary', [RULE]],
])('refuses %s (%j) without scopes, which it is about', (field, value) => {
  const { faults } = parse({ audiences: ['https://example.com'], [field]: value });

  expect(faults).toEqual([`p.${field}: is about access tokens, and without "scopes" the profile has none`]);
});

test('impersonates for ID tokens alone', () => {
  expect(
    parse({ audiences: ['https://example.com'], impersonate: { serviceAccount: ACCOUNT } }).faults,
  ).toEqual([]);
});

test.each<[string, Fields, string]>([
  [
    'a self-signed token for a user',
    { selfSigned: true, subjects: ['alice@example.com'] },
    'p.selfSigned: a self-signed JWT cannot act for a user; leave out one of it and "subjects"',
  ],
  [
    'a self-signed token that is downscoped',
    { selfSigned: true, boundary: [RULE] },
    'p.selfSigned: a self-signed JWT cannot be downscoped; leave out one of it and "boundary"',
  ],
  [
    'a self-signed token for more than an hour',
    { selfSigned: true, maxLifetime: 3_601 },
    'p.maxLifetime: a self-signed JWT lives for 3600 seconds at the most',
  ],
  [
    'a token for a user for less than an hour',
    { subjects: ['alice@example.com'], maxLifetime: 3_599 },
    'p.maxLifetime: a token for a user always lives for 3600 seconds, so with "subjects" it cannot be less',
  ],
])('refuses %s', (_what, fields, fault) => {
  expect(faultsOf(fields)).toEqual([fault]);
});

test.each<[string, Fields]>([
  ['a self-signed token for an hour', { selfSigned: true, maxLifetime: 3_600 }],
  ['a self-signed token for ten minutes', { selfSigned: true, maxLifetime: 600 }],
  [
    'what is not self-signed, for a user',
    { selfSigned: false, subjects: ['alice@example.com'], boundary: [RULE], maxLifetime: 7_200 },
  ],
  ['a token for a user for an hour', { subjects: ['alice@example.com'], maxLifetime: 3_600 }],
  ['a downscoped token for a user', { subjects: ['alice@example.com'], boundary: [RULE] }],
  ['a downscoped token for ten minutes', { boundary: [RULE], maxLifetime: 600 }],
])('allows %s', (_what, fields) => {
  expect(faultsOf(fields)).toEqual([]);
});

test('reports every fault and every conflict at once', () => {
  const { faults } = parse({
    audiences: ['https://example.com'],
    impersonate: { serviceAccount: 'x', delegates: [], extra: 1 },
    subjects: ['Alice@example.com', '(*@example.com'],
    maxLifetime: 43_201,
    selfSigned: true,
    boundary: [{}],
  });

  expect(faults.map((fault) => fault.split(':')[0]).toSorted()).toEqual(
    [
      'p.boundary',
      'p.boundary[0].availablePermissions',
      'p.boundary[0].availableResource',
      'p.impersonate.delegates',
      'p.impersonate.extra',
      'p.impersonate.serviceAccount',
      'p.maxLifetime',
      'p.maxLifetime',
      'p.maxLifetime',
      'p.selfSigned',
      'p.selfSigned',
      'p.selfSigned',
      'p.subjects',
      'p.subjects',
      'p.subjects',
    ].toSorted(),
  );
});

test('the faults of several profiles are told together, with those of scopes and audiences', () => {
  const document = {
    one: { scopes: ['nope'], subjects: ['[*@example.com'] },
    two: { ...ACCESS, maxLifetime: 1, lifetime: 600 },
  };

  expect(() => parseProfiles(document)).toThrow(
    expect.objectContaining({
      faults: [
        expect.stringMatching(/^one\.scopes: /),
        expect.stringMatching(/^one\.subjects: /),
        expect.stringMatching(/^two\.lifetime: is not a field of a profile/),
        expect.stringMatching(/^two\.maxLifetime: /),
      ],
    }),
  );
});

test('whatever a profile says, it is a profile, or all that is wrong with it is told', () => {
  const junk = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(undefined, [RULE], [ACCOUNT], ['*@example.com'], 600, true, {
      serviceAccount: ACCOUNT,
    }),
  );
  const fields = {
    scopes: fc.constant(['email']),
    impersonate: junk,
    subjects: junk,
    maxLifetime: junk,
    selfSigned: junk,
    boundary: junk,
  };
  fc.assert(
    fc.property(fc.record(fields, { requiredKeys: [] }), (profile) => {
      const { faults } = parse(profile);
      const hasProfile = (() => {
        try {
          return parseProfiles({ default: { audiences: ['https://example.com'], ...profile } }).size === 1;
        } catch (error) {
          expect(error).toBeInstanceOf(ProfilesError);
          return false;
        }
      })();

      expect(hasProfile).toBe(faults.length === 0);
    }),
    { numRuns: 2_000 },
  );
});
