import { expect, test } from 'vitest';
import { ProfilesError, parseProfiles } from '../lambda/policy/profiles.ts';

function faultsOf(document: unknown): readonly string[] {
  try {
    parseProfiles(document);
  } catch (error) {
    if (error instanceof ProfilesError) {
      return error.faults;
    }
    throw error;
  }
  return [];
}

const GOOD = { scopes: ['storage-ro'] };

test('parses profiles: scopes expanded and sorted, credential by name, audiences as a policy', () => {
  const profiles = parseProfiles({
    $schema: './profiles.schema.json',
    default: {
      description: 'For all.',
      scopes: ['storage-ro', 'openid'],
      audiences: ['https://*.a.run.app'],
    },
    reports: { credential: 'bigquery', scopes: ['bigquery'] },
  });

  expect([...profiles.keys()]).toEqual(['default', 'reports']);
  expect(profiles.get('default')).toMatchObject({
    name: 'default',
    credential: 'default',
    scopes: ['https://www.googleapis.com/auth/devstorage.read_only', 'openid'],
    audiences: ['https://*.a.run.app'],
  });
  expect(profiles.get('default')?.allowsAudience('https://x.a.run.app')).toBe(true);
  expect(profiles.get('reports')).toMatchObject({ credential: 'bigquery', audiences: [] });
  expect(profiles.get('reports')?.allowsAudience('https://x.a.run.app')).toBe(false);
});

test('reports every fault of a document at once, each with its place', () => {
  const faults = faultsOf({
    Bad: GOOD,
    empty: {},
    list: [],
    unknown: { ...GOOD, scope: ['openid'], subject: 'a@example.com' },
    wrong: { description: 7, credential: 'Not A Name', scopes: 'openid', audiences: [] },
    mixed: {
      scopes: ['openid', 7, 'storage', 'openid'],
      audiences: ['http://example.com', 'https://*.com', null],
    },
  });

  expect(faults).toEqual([
    expect.stringMatching(/^"Bad": is no name for a profile/),
    expect.stringMatching(/^empty: names neither "scopes" nor "audiences"/),
    expect.stringMatching(/^list: must be an object/),
    expect.stringMatching(
      /^unknown\.scope: is not a field of a profile \(description, credential, scopes, audiences, impersonate, subjects, maxLifetime, selfSigned, boundary\)/,
    ),
    expect.stringMatching(/^unknown\.subject: is not a field/),
    expect.stringMatching(/^wrong\.description: must be a string/),
    expect.stringMatching(/^wrong\.audiences: must be a list of one or more strings/),
    expect.stringMatching(/^wrong\.credential: /),
    expect.stringMatching(/^wrong\.scopes: must be a list of one or more strings/),
    expect.stringMatching(/^mixed\.audiences\[2\]: must be a string/),
    expect.stringMatching(/^mixed\.audiences: "http:\/\/example\.com" is neither/),
    expect.stringMatching(/^mixed\.audiences: "https:\/\/\*\.com" has a `\*` in the last two labels/),
    expect.stringMatching(/^mixed\.scopes\[1\]: must be a string/),
    expect.stringMatching(/^mixed\.scopes\[3\]: "openid" is there twice/),
    expect.stringMatching(/^mixed\.scopes: "storage" is neither/),
  ]);
});

test('names the number of faults, and each of them, in its message', () => {
  const error = new ProfilesError(['a: x', 'b: y']);

  expect(error.message).toBe('The profiles have 2 faults:\n  - a: x\n  - b: y');
  expect(new ProfilesError(['a: x']).message).toBe('The profiles have a fault:\n  - a: x');
});

test.each([null, undefined, 7, 'default', [], [GOOD], true])('refuses %j for a document', (document) => {
  expect(faultsOf(document)).toEqual(['the document must be an object of profiles by name']);
});

test.each([{}, { $schema: 'x' }])('refuses %j, which has no profile', (document) => {
  expect(faultsOf(document)).toEqual(['the document has no profile']);
});

test.each(['default', 'a', 'a-b_c9', 'constructor', `a${'b'.repeat(62)}`])('accepts the name %s', (name) => {
  expect(parseProfiles({ [name]: GOOD }).get(name)?.name).toBe(name);
});

test.each([
  '',
  'A',
  '9a',
  '-a',
  '_a',
  'a b',
  'a.b',
  'a/b',
  'a:b',
  'ä',
  '$LATEST',
  'a\n',
  `a${'b'.repeat(63)}`,
])('refuses the name %j', (name) => {
  expect(faultsOf({ [name]: GOOD })).toEqual([expect.stringContaining('is no name for a profile')]);
});

test('refuses the name __proto__, and takes nothing from what stands there', () => {
  const document: unknown = JSON.parse('{"__proto__": {"scopes": ["openid"]}, "default": {}}');

  expect(faultsOf(document)).toEqual([
    expect.stringMatching(/^"__proto__": is no name/),
    expect.stringMatching(/^default: names neither/),
  ]);
});

test('refuses the field __proto__, and takes nothing from what stands there', () => {
  const document: unknown = JSON.parse('{"default": {"__proto__": {"scopes": ["openid"]}}}');

  expect(faultsOf(document)).toEqual([
    expect.stringMatching(/^default: names neither/),
    expect.stringMatching(/^default\.__proto__: is not a field/),
  ]);
});

test.each([7, '', null, [], 'a b', 'arn:aws:secretsmanager:x'])(
  'refuses the credential name %j',
  (credential) => {
    expect(faultsOf({ default: { ...GOOD, credential } })).toEqual([
      expect.stringMatching(/^default\.credential: /),
    ]);
  },
);

test.each(['scopes', 'audiences'])('refuses a list of %s that is none or empty', (field) => {
  for (const value of [null, 'openid', {}, 7, []]) {
    expect(faultsOf({ default: { [field]: value } })).toEqual([
      `default.${field}: must be a list of one or more strings; leave it out to allow none`,
    ]);
  }
});

test('refuses an alias inside a scope of the wrong spelling', () => {
  expect(faultsOf({ default: { scopes: ['Storage-RO', 'storage-ro '] } })).toHaveLength(2);
});

test('parses a profile of 1,000 audiences, and finds each of them', () => {
  const audiences = Array.from({ length: 1_000 }, (_, index) =>
    index % 2 === 0 ? `https://s${index}.example.com/f` : `https://s${index}.example.com/*`,
  );

  const profile = parseProfiles({ default: { audiences } }).get('default');
  const asked = audiences.map((pattern) => pattern.replace('*', 'f'));

  expect(asked.filter((audience) => profile?.allowsAudience(audience))).toHaveLength(1_000);
  expect(profile?.allowsAudience('https://s1000.example.com/f')).toBe(false);
  expect(profile?.allowsAudience('https://s0.example.com/g')).toBe(false);
});
