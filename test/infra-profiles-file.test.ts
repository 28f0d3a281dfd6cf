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
import { parseProfiles } from '../lambda/profiles.ts';

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

/** What is wrong, the document, and whether a schema can tell. */
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
];

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
