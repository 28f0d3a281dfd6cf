import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expandScopes, isScope } from '../lambda/policy/scopes.ts';
import { anyText } from './any-text.ts';

const AUTH = 'https://www.googleapis.com/auth/';

/** Google's own table, from the source of gcloud (`compute/constants.py`), written out a second time on purpose. */
const GCLOUD_ALIASES: Readonly<Record<string, string>> = {
  bigquery: 'bigquery',
  'cloud-platform': 'cloud-platform',
  'cloud-source-repos': 'source.full_control',
  'cloud-source-repos-ro': 'source.read_only',
  'compute-ro': 'compute.readonly',
  'compute-rw': 'compute',
  datastore: 'datastore',
  default:
    'devstorage.read_only logging.write monitoring.write pubsub service.management.readonly servicecontrol trace.append',
  'gke-default':
    'devstorage.read_only logging.write monitoring service.management.readonly servicecontrol trace.append',
  'logging-write': 'logging.write',
  monitoring: 'monitoring',
  'monitoring-read': 'monitoring.read',
  'monitoring-write': 'monitoring.write',
  pubsub: 'pubsub',
  'service-control': 'servicecontrol',
  'service-management': 'service.management.readonly',
  sql: 'sqlservice',
  'sql-admin': 'sqlservice.admin',
  'storage-full': 'devstorage.full_control',
  'storage-ro': 'devstorage.read_only',
  'storage-rw': 'devstorage.read_write',
  taskqueue: 'taskqueue',
  trace: 'trace.append',
  'userinfo-email': 'userinfo.email',
};

test.each(Object.entries(GCLOUD_ALIASES))('expands gcloud’s alias %s to %s', (alias, suffixes) => {
  expect(isScope(alias)).toBe(true);
  expect(expandScopes([alias])).toEqual(suffixes.split(' ').map((suffix) => AUTH + suffix));
});

test.each([
  'openid',
  'email',
  'profile',
  'https://www.googleapis.com/auth/drive.readonly',
  'https://www.googleapis.com/auth/sdm/v1~x_y-z',
  'https://mail.google.com/',
  'https://www.google.com/m8/feeds',
  'https://adwords.google.com/api/adwords',
])('knows %s for a scope', (scope) => {
  expect(isScope(scope)).toBe(true);
  expect(expandScopes([scope])).toEqual([scope]);
});

test.each([
  '',
  ' ',
  'storage',
  'OPENID',
  'Storage-RO',
  'constructor',
  '__proto__',
  'toString',
  'http://www.googleapis.com/auth/drive',
  'https://www.googleapis.com',
  'https://googleapis.com/auth/drive',
  'https://www.googleapis.com.evil.example/auth/drive',
  'https://evilgoogleapis.com/auth/drive',
  'https://www.googleapis.com@evil.example/auth/drive',
  'https://WWW.googleapis.com/auth/drive',
  'https://www.googleapis.com/auth/drive?x=1',
  'https://www.googleapis.com/auth/drive#x',
  'https://www.googleapis.com/auth/%64rive',
  'https://www.googleapis.com/auth/a b',
  'https://www.googleapis.com/auth/a,b',
  'https://www.googleapis.com/auth/drive\n',
  '\nopenid',
  'openid\n',
  'openid email',
  'https://www.googleapis.com/auth/dr\u0131ve',
])('does not know %j for a scope', (scope) => {
  expect(isScope(scope)).toBe(false);
});

test('a scope has at most 256 characters', () => {
  const longest = AUTH + 'a'.repeat(256 - AUTH.length);

  expect([isScope(longest), isScope(`${longest}a`)]).toEqual([true, false]);
});

const scope = fc.oneof(
  fc.constantFrom(...Object.keys(GCLOUD_ALIASES), 'openid', 'email', 'profile'),
  fc.stringMatching(/^[\w.~/-]{1,20}$/).map((suffix) => AUTH + suffix),
);

test('order, repetition and further expansion change nothing', () => {
  fc.assert(
    fc.property(fc.array(scope, { maxLength: 12 }), fc.integer(), (scopes, turn) => {
      const turned = [...scopes.slice(turn % 13), ...scopes].reverse();

      const expanded = expandScopes(scopes);

      expect(expandScopes(turned)).toEqual(expanded);
      expect(expandScopes(expanded)).toEqual(expanded);
    }),
  );
});

test('an alias and its URIs are one and the same set', () => {
  fc.assert(
    fc.property(fc.array(scope, { maxLength: 12 }), (scopes) => {
      const written = scopes.flatMap(
        (name) => GCLOUD_ALIASES[name]?.split(' ').map((end) => AUTH + end) ?? [name],
      );

      expect(expandScopes(scopes)).toEqual([...new Set(written)].sort());
    }),
  );
});

test('what is a scope has no space, control character or comma, so that a set of them can be written as one string', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText(30),
        fc.string().map((suffix) => AUTH + suffix),
        fc.string().map((end) => `openid${end}`),
      ),
      (text) => {
        expect(isScope(text) && /[\s,\p{Cc}]/u.test(text)).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});
