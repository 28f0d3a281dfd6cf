import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { profilesJson } from '../infra/function-asset.ts';
import example from '../infra/profiles.json' with { type: 'json' };
import schema from '../infra/profiles.schema.json' with { type: 'json' };
import { readProfilesFile } from '../infra/profiles-file.ts';
import { UsageError } from '../infra/usage-error.ts';
import { parseProfiles } from '../lambda/policy/profiles.ts';

const directory = mkdtempSync(join(tmpdir(), 'profiles-'));
afterAll(() => rmSync(directory, { recursive: true }));

const accepts = new Ajv({
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
  strictTypes: false,
}).compile(schema);

function parserAccepts(document: unknown): boolean {
  try {
    parseProfiles(document);
    return true;
  } catch {
    return false;
  }
}

function faultOf(text: string): string {
  const path = join(directory, 'profiles.json');
  writeFileSync(path, text);
  try {
    readProfilesFile(path);
  } catch (error) {
    return error instanceof UsageError ? error.message.replace(path, 'FILE') : `not ours: ${String(error)}`;
  }
  return 'none';
}

test('the example is read as it is', () => {
  const document = readProfilesFile(join(import.meta.dirname, '../infra/profiles.json'));

  expect(document).toEqual(example);
  expect(accepts(example)).toBe(true);
});

test('a missing file is one clear line', () => {
  expect(() => readProfilesFile('/nowhere/p.json')).toThrow(
    /^\/nowhere\/p\.json: the profiles file cannot be read \(ENOENT\)$/,
  );
});

test('a directory is one clear line', () => {
  expect(() => readProfilesFile(directory)).toThrow(/the profiles file cannot be read \(EISDIR\)$/);
});

test('what is no JSON is one clear line', () => {
  expect(faultOf('{\n  "default": {,}\n}')).toMatch(/^FILE: the profiles file is not JSON: .+$/);
});

test.each([
  ['a profile', '{\n "a": {"scopes": ["email"]},\n "a": {"scopes": ["cloud-platform"]}\n}'],
  ['a field', '{\n "a": {"scopes": ["email"],\n "scopes": ["cloud-platform"]}\n}'],
])('%s that is there twice is one clear line', (_what, text) => {
  expect(faultOf(text)).toBe('FILE: a name is there twice (line 3)');
});

test('every fault of the profiles is reported at once', () => {
  const fault = faultOf(
    '{"Bad": {"scopes": ["nope"]}, "b": {}, "c": {"scopes": ["email"], "x": 1, "audiences": ["*"]}}',
  );

  expect(fault).toMatch(/^FILE: The profiles have 5 faults:\n/);
  expect(fault.split('\n')).toHaveLength(6);
});

const ACCOUNT = 'reader@example-project.iam.gserviceaccount.com';
const BUCKET = '//storage.googleapis.com/projects/_/buckets/reports';
const VIEWER = 'inRole:roles/storage.objectViewer';
const RULE = { availableResource: BUCKET, availablePermissions: [VIEWER] };
const EXPRESSION = "resource.name.startsWith('projects/_/buckets/reports/objects/2026/')";

/** A document of one profile that has a scope, and `fields`. */
function withScope(fields: object): unknown {
  return { default: { scopes: ['email'], ...fields } };
}

/** What is wrong, and the document. */
const FAULTY: readonly (readonly [string, unknown])[] = [
  ['a list', []],
  ['no profile', {}],
  ['no profile but a schema', { $schema: './profiles.schema.json' }],
  ['a profile that is null', { default: null }],
  ['a name with a capital', { Default: { scopes: ['email'] } }],
  ['a name that is a number', { 1: { scopes: ['email'] } }],
  ['a name that is too long', { [`a${'b'.repeat(63)}`]: { scopes: ['email'] } }],
  ['neither scopes nor audiences', { default: { credential: 'x' } }],
  ['an unknown field', { default: { scopes: ['email'], scope: 'email' } }],
  ['a list of no scopes', { default: { scopes: [] } }],
  ['a scope that is there twice', { default: { scopes: ['email', 'email'] } }],
  ['a scope that is no string', { default: { scopes: [1] } }],
  ['scopes in a string', { default: { scopes: 'email' } }],
  ['a scope of a stranger', { default: { scopes: ['https://www.googleapis.com.evil.example/auth/x'] } }],
  ['an audience on plain http', { default: { audiences: ['http://a.example'] } }],
  ['an audience with an upper-case host', { default: { audiences: ['https://A.example'] } }],
  ['an audience with the default port', { default: { audiences: ['https://a.example:443/'] } }],
  ['an audience with a dot segment', { default: { audiences: ['https://a.example/b/../c'] } }],
  ['an audience with a broken escape', { default: { audiences: ['https://a.example/%zz'] } }],
  ['an audience with a user', { default: { audiences: ['https://user@a.example'] } }],
  ['an audience with a fragment', { default: { audiences: ['https://a.example#b'] } }],
  ['a pattern over everything', { default: { audiences: ['*'] } }],
  ['a pattern over a top-level domain', { default: { audiences: ['https://*.app'] } }],
  ['a pattern over the domain itself', { default: { audiences: ['https://a.*.app'] } }],
  ['two stars in a segment', { default: { audiences: ['https://a.example/b*c*'] } }],
  ['two stars in a label', { default: { audiences: ['https://a*b*.c.example'] } }],
  ['a credential with a capital', { default: { credential: 'X', scopes: ['email'] } }],
  ['a description that is no string', { default: { description: 1, scopes: ['email'] } }],
  ['an account to impersonate in a string', withScope({ impersonate: ACCOUNT })],
  ['an impersonation of nobody', withScope({ impersonate: {} })],
  ['an impersonation that is null', withScope({ impersonate: null })],
  [
    'an unknown field of an impersonation',
    withScope({ impersonate: { serviceAccount: ACCOUNT, lifetime: 600 } }),
  ],
  ['an account with a capital', withScope({ impersonate: { serviceAccount: ACCOUNT.replace('r', 'R') } })],
  ['an account with a path', withScope({ impersonate: { serviceAccount: `${ACCOUNT}/x` } })],
  ['an account by its number', withScope({ impersonate: { serviceAccount: '103456789012345678901' } })],
  ['no delegates', withScope({ impersonate: { serviceAccount: ACCOUNT, delegates: [] } })],
  ['a delegate in a string', withScope({ impersonate: { serviceAccount: ACCOUNT, delegates: ACCOUNT } })],
  ['a delegate that is none', withScope({ impersonate: { serviceAccount: ACCOUNT, delegates: ['x'] } })],
  [
    'a delegate that is there twice',
    withScope({ impersonate: { serviceAccount: ACCOUNT, delegates: [ACCOUNT, ACCOUNT] } }),
  ],
  [
    'eleven delegates',
    withScope({
      impersonate: {
        serviceAccount: ACCOUNT,
        delegates: Array.from({ length: 11 }, (_, index) => `d${index}@example.com`),
      },
    }),
  ],
  ['subjects in a string', withScope({ subjects: '*@example.com' })],
  ['no subjects', withScope({ subjects: [] })],
  ['a subject that is there twice', withScope({ subjects: ['*@example.com', '*@example.com'] })],
  ['a subject with a capital', withScope({ subjects: ['Alice@example.com'] })],
  ['a subject without a domain', withScope({ subjects: ['alice'] })],
  ['a subject with a second @', withScope({ subjects: ['alice@evil.example@example.com'] })],
  ['a subject with two dots', withScope({ subjects: ['alice..b@example.com'] })],
  ['a subject with a long name', withScope({ subjects: [`${'a'.repeat(65)}@example.com`] })],
  ['a subject with a long domain', withScope({ subjects: [`a@${'b.'.repeat(125)}com`] })],
  ['a pattern over every user', withScope({ subjects: ['*'] })],
  ['a pattern over domains', withScope({ subjects: ['alice@*.com'] })],
  ['two stars in a subject', withScope({ subjects: ['*a*@example.com'] })],
  ['a lifetime of less than ten minutes', withScope({ maxLifetime: 599 })],
  ['a lifetime of more than twelve hours', withScope({ maxLifetime: 43_201 })],
  ['a lifetime with half a second', withScope({ maxLifetime: 600.5 })],
  ['a lifetime in a string', withScope({ maxLifetime: '600' })],
  ['a lifetime that is null', withScope({ maxLifetime: null })],
  ['selfSigned in a string', withScope({ selfSigned: 'true' })],
  ['selfSigned as a number', withScope({ selfSigned: 1 })],
  ['a boundary of one rule, and no list', withScope({ boundary: RULE })],
  ['a boundary of no rules', withScope({ boundary: [] })],
  ['a boundary of eleven rules', withScope({ boundary: Array(11).fill(RULE) })],
  ['a rule that is null', withScope({ boundary: [null] })],
  ['a rule without a resource', withScope({ boundary: [{ availablePermissions: [VIEWER] }] })],
  ['a rule without permissions', withScope({ boundary: [{ availableResource: BUCKET }] })],
  ['a rule of no permissions', withScope({ boundary: [{ ...RULE, availablePermissions: [] }] })],
  ['a rule of another service', withScope({ boundary: [{ ...RULE, availableResource: '//x.example' }] })],
  ['a rule for objects', withScope({ boundary: [{ ...RULE, availableResource: `${BUCKET}/objects/x` }] })],
  ['a permission that is no role', withScope({ boundary: [{ ...RULE, availablePermissions: ['x'] }] })],
  ['an unknown field of a rule', withScope({ boundary: [{ ...RULE, condition: {} }] })],
  ['a condition in a string', withScope({ boundary: [{ ...RULE, availabilityCondition: EXPRESSION }] })],
  ['a condition that is null', withScope({ boundary: [{ ...RULE, availabilityCondition: null }] })],
  ['a condition of nothing', withScope({ boundary: [{ ...RULE, availabilityCondition: {} }] })],
  ['an empty condition', withScope({ boundary: [{ ...RULE, availabilityCondition: { expression: '' } }] })],
  [
    'a title that is no string',
    withScope({ boundary: [{ ...RULE, availabilityCondition: { expression: EXPRESSION, title: 1 } }] }),
  ],
  [
    'an unknown field of a condition',
    withScope({ boundary: [{ ...RULE, availabilityCondition: { expression: EXPRESSION, x: '' } }] }),
  ],
  ['subjects without scopes', { default: { audiences: ['https://a.example'], subjects: ['a@b.example'] } }],
  ['a lifetime without scopes', { default: { audiences: ['https://a.example'], maxLifetime: 600 } }],
  ['selfSigned without scopes', { default: { audiences: ['https://a.example'], selfSigned: false } }],
  ['a boundary without scopes', { default: { audiences: ['https://a.example'], boundary: [RULE] } }],
  ['a self-signed token for a user', withScope({ selfSigned: true, subjects: ['a@b.example'] })],
  ['a self-signed token with a boundary', withScope({ selfSigned: true, boundary: [RULE] })],
  ['a self-signed token for over an hour', withScope({ selfSigned: true, maxLifetime: 3_601 })],
  ['a user’s token for less than an hour', withScope({ subjects: ['a@b.example'], maxLifetime: 3_599 })],
];

const SOUND: readonly (readonly [string, unknown])[] = [
  [
    'an impersonation through ten delegates',
    withScope({
      impersonate: {
        serviceAccount: ACCOUNT,
        delegates: Array.from({ length: 10 }, (_, index) => `d${index}@example.com`),
      },
    }),
  ],
  [
    'an impersonation for ID tokens',
    { default: { audiences: ['https://a.example'], impersonate: { serviceAccount: ACCOUNT } } },
  ],
  [
    'subjects of every kind',
    withScope({ subjects: ["o'neill@example.com", 'a.*@b.example', '*@c.example'] }),
  ],
  [
    'a subject of 64 and 254 characters',
    withScope({ subjects: [`${'a'.repeat(64)}@${'b.'.repeat(93)}com`] }),
  ],
  ['a lifetime of ten minutes', withScope({ maxLifetime: 600 })],
  ['a lifetime of twelve hours', withScope({ maxLifetime: 43_200 })],
  ['a self-signed token for an hour', withScope({ selfSigned: true, maxLifetime: 3_600 })],
  [
    'a token that is not self-signed, for a user',
    withScope({ selfSigned: false, subjects: ['a@b.example'], maxLifetime: 7_200 }),
  ],
  ['a user’s token for an hour', withScope({ subjects: ['a@b.example'], maxLifetime: 3_600 })],
  ['a boundary of ten rules', withScope({ boundary: Array(10).fill(RULE) })],
  [
    'a rule with a condition',
    withScope({
      boundary: [{ ...RULE, availabilityCondition: { expression: EXPRESSION, title: '', description: 'x' } }],
    }),
  ],
  [
    'roles of a project and of an organisation',
    withScope({
      boundary: [
        { ...RULE, availablePermissions: ['inRole:projects/p/roles/r', 'inRole:organizations/1/roles/r'] },
      ],
    }),
  ],
];

test.each(SOUND)('the parser and the schema both accept %s', (_, document) => {
  expect(faultOf(JSON.stringify(document))).toBe('none');
  expect(accepts(document)).toBe(true);
});

test('only the parser counts the characters of a boundary', () => {
  const rule = { ...RULE, availabilityCondition: { expression: 'x'.repeat(2_048) } };

  expect(faultOf(JSON.stringify(withScope({ boundary: [rule] })))).toContain('characters long as JSON');
  expect(accepts(withScope({ boundary: [rule] }))).toBe(true);
});

test('the schema has each field of a profile that the parser has, described', () => {
  const { properties } = schema.definitions.profile;
  const described = { ...properties, impersonate: schema.definitions.impersonate };
  const faults = faultOf('{"default": {"scopes": ["email"], "x": 1}}');
  const fields = /is not a field of a profile \((.*)\)/.exec(faults)?.[1]?.split(', ') ?? [];

  expect(Object.keys(properties).toSorted()).toEqual(fields.toSorted());
  expect(fields).toContain('boundary');
  expect(Object.values(described).filter(({ description }) => description === '')).toEqual([]);
});

test.each(FAULTY)('the parser and the schema both refuse %s', (_, document) => {
  expect(faultOf(JSON.stringify(document))).toMatch(/^FILE: The profiles have /);
  expect(accepts(document)).toBe(false);
});

/** Mostly what is right, so that several parts together are still an audience now and then. */
function mostly(right: readonly string[], wrong: readonly string[]) {
  return fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: fc.constantFrom(...wrong) },
  );
}

const LABEL = mostly(['a', 'b-1', 'run', 'app', '*', 'x*', '*-y', 'x*y'], ['A', '', '*b*', '-c', 'd-', 'é']);
const SEGMENT = mostly(
  ['', 'a', '*', 'b*', '%2F', 'x.y'],
  ['%2e', '%zz', '..', '.', '*a*', 'c d', 'é', 'x?y=1'],
);
const AUDIENCE = fc
  .record({
    scheme: mostly(['https://'], ['http://', '']),
    host: fc.array(LABEL, { maxLength: 3 }),
    domain: mostly(['example.com'], ['*.com', 'example.*', 'com', '']),
    port: mostly(['', ':8080'], [':443', ':', ':999999']),
    path: fc.array(SEGMENT, { maxLength: 3 }),
    end: mostly([''], ['?a=b', '?*', '#f']),
  })
  .map(
    ({ scheme, host, domain, port, path, end }) =>
      scheme + [...host, domain].join('.') + port + path.map((part) => `/${part}`).join('') + end,
  );
const SCOPE = fc.constantFrom(
  'email',
  'storage-ro',
  'https://www.googleapis.com/auth/x',
  'https://google.com/m8',
  'no',
  '',
);

const EMAIL = fc
  .record({
    local: mostly(
      ['a', 'a.b', 'reader-1', "o'neill", '_a', 'a+b', '*', 'a*', '*-b'],
      ['A', '', '.a', '*b*', 'é'],
    ),
    at: mostly(['@'], ['', '@x@', '＠']),
    domain: mostly(
      ['example.com', 'a-b.example', 'p.iam.gserviceaccount.com'],
      ['com', '*.com', '-a.com', 'a.1', 'Example.com', ''],
    ),
  })
  .map(({ local, at, domain }) => local + at + domain);

/** Mostly what a field may be, now and then anything. */
function field(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) });
}

const RULES = fc.array(
  field(
    fc.record(
      {
        availableResource: field(mostly([BUCKET, `${BUCKET}-2`], ['gs://reports', `${BUCKET}/`])),
        availablePermissions: field(fc.array(mostly([VIEWER], ['viewer']), { minLength: 1, maxLength: 2 })),
        availabilityCondition: field(
          fc.record(
            { expression: field(fc.string({ maxLength: 4 })), title: field(fc.string({ maxLength: 3 })) },
            { requiredKeys: ['expression'] },
          ),
        ),
      },
      { requiredKeys: ['availableResource', 'availablePermissions'] },
    ),
  ),
  { minLength: 1, maxLength: 2 },
);

const MEMBER = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(ACCOUNT, 'a-1@b.example', '2@appspot.gserviceaccount.com') },
  { weight: 1, arbitrary: EMAIL },
);

const MINTING_FIELDS = {
  scopes: fc.constant(['email']),
  audiences: fc.constant(['https://a.example']),
  impersonate: field(
    fc.record(
      { serviceAccount: field(MEMBER), delegates: field(fc.array(MEMBER, { minLength: 1, maxLength: 2 })) },
      { requiredKeys: ['serviceAccount'] },
    ),
  ),
  subjects: field(fc.array(EMAIL, { minLength: 1, maxLength: 2 })),
  maxLifetime: field(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(600, 3_599, 3_600, 3_601, 43_200) },
      { weight: 1, arbitrary: fc.constantFrom(599, 43_201, 600.5, '600') },
    ),
  ),
  selfSigned: field(fc.boolean()),
  boundary: field(RULES),
};
const MINTING = fc.oneof(
  { weight: 6, arbitrary: fc.record(MINTING_FIELDS, { requiredKeys: ['scopes'] }) },
  { weight: 1, arbitrary: fc.record(MINTING_FIELDS, { requiredKeys: [] }) },
);

test('the schema accepts exactly the ways of minting that the parser accepts', () => {
  const verdicts = { true: 0, false: 0 };

  fc.assert(
    fc.property(MINTING, (profile) => {
      const accepted = parserAccepts({ default: profile });
      verdicts[`${accepted}`] += 1;
      expect(accepts({ default: profile })).toBe(accepted);
    }),
    { numRuns: 5000 },
  );

  expect(Math.min(verdicts.true, verdicts.false)).toBeGreaterThan(200);
});

test('the schema accepts exactly the subjects that the parser accepts', () => {
  let good = 0;

  fc.assert(
    fc.property(fc.oneof(EMAIL, fc.string({ maxLength: 20 })), (subject) => {
      const document = withScope({ subjects: [subject] });
      good += parserAccepts(document) ? 1 : 0;
      expect(accepts(document)).toBe(parserAccepts(document));
    }),
    { numRuns: 5000 },
  );

  expect(good).toBeGreaterThan(500);
});

const DOCUMENT = fc.record(
  {
    $schema: fc.string(),
    default: fc.oneof(
      fc.record(
        {
          scopes: fc.array(SCOPE, { maxLength: 2 }),
          audiences: fc.array(fc.oneof(AUDIENCE, fc.constant('1-a.apps.googleusercontent.com')), {
            maxLength: 2,
          }),
          credential: fc.constantFrom('default', 'x', 'X', ''),
          description: fc.oneof(fc.string(), fc.integer()),
          other: fc.string(),
        },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    ),
    named: fc.record({ audiences: fc.array(AUDIENCE, { minLength: 1, maxLength: 1 }) }),
  },
  { requiredKeys: [] },
);

test('the schema accepts exactly what the parser accepts', () => {
  fc.assert(
    fc.property(DOCUMENT, (document) => {
      expect(accepts(document)).toBe(parserAccepts(document));
    }),
    { numRuns: 3000 },
  );
});

test('the schema accepts exactly the audiences that the parser accepts', () => {
  let good = 0;

  fc.assert(
    fc.property(AUDIENCE, (audience) => {
      const document = { default: { audiences: [audience] } };
      good += parserAccepts(document) ? 1 : 0;
      expect(accepts(document)).toBe(parserAccepts(document));
    }),
    { numRuns: 5000 },
  );

  expect(good).toBeGreaterThan(500);
});

test('profiles travel without $schema and in one order, whatever order they were written in', () => {
  const one = profilesJson({
    $schema: 's',
    b: { scopes: ['email'], credential: 'c' },
    a: { scopes: ['b', 'a'] },
  } as never);
  const two = profilesJson({ a: { scopes: ['b', 'a'] }, b: { credential: 'c', scopes: ['email'] } });

  expect(one).toBe(two);
  expect(JSON.parse(one)).toEqual({ a: { scopes: ['b', 'a'] }, b: { credential: 'c', scopes: ['email'] } });
});
