import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { childEnvironment } from '../client/cli/child-environment.ts';
import { fillGcloudFolder, gcloudHome, withoutAccount } from '../client/cli/gcloud-folder.ts';
import { parseLifetime } from '../client/cli/lifetime-flag.ts';

const directory = mkdtempSync(join(tmpdir(), 'cli-surroundings-'));
const AROUND = { metadataHost: '127.0.0.1:4711', gcloudFolder: '/tmp/x', projectId: undefined };

afterAll(() => rmSync(directory, { recursive: true }));

function environmentOf(given: Readonly<Record<string, string>>, around: Partial<typeof AROUND> = {}) {
  return childEnvironment(given, { ...AROUND, ...around });
}

test.each([
  'GOOGLE_APPLICATION_CREDENTIALS',
  'CLOUDSDK_AUTH_ACCESS_TOKEN',
  'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE',
  'CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE',
  'CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT',
  'CLOUDSDK_CORE_ACCOUNT',
  'GOOGLE_OAUTH_ACCESS_TOKEN',
  'GOOGLE_CREDENTIALS',
  'GOOGLE_IMPERSONATE_SERVICE_ACCOUNT',
  'RCLONE_GCS_SERVICE_ACCOUNT_FILE',
  'DEVSHELL_CLIENT_PORT',
  'NO_GCE_CHECK',
])('takes %s away, and tells of it if it says something', (name) => {
  const set = environmentOf({ [name]: 'x', OTHER: 'y' });
  const empty = environmentOf({ [name]: '' });

  expect(set.environment).not.toHaveProperty(name);
  expect(set.environment).toHaveProperty('OTHER', 'y');
  expect(set.removed).toEqual([name]);
  expect(empty.environment).not.toHaveProperty(name);
  expect(empty.removed).toEqual([]);
});

test('leaves the project, the region and the proxy of the user alone', () => {
  const kept = {
    GOOGLE_CLOUD_PROJECT: 'p',
    CLOUDSDK_COMPUTE_REGION: 'europe-west1',
    CLOUDSDK_ACTIVE_CONFIG_NAME: 'work',
    AWS_PROFILE: 'work',
  };

  expect(environmentOf(kept).environment).toMatchObject(kept);
});

test('puts the project that is named before the user’s own', () => {
  const { environment } = environmentOf({ GOOGLE_CLOUD_PROJECT: 'p' }, { projectId: 'q' } as object);

  expect(environment).toMatchObject({ GOOGLE_CLOUD_PROJECT: 'q', CLOUDSDK_CORE_PROJECT: 'q' });
});

test.each([
  [{}, undefined],
  [{ NO_PROXY: 'a' }, 'a'],
  [{ http_proxy: 'http://p' }, '127.0.0.1'],
  [{ ALL_PROXY: 'http://p', NO_PROXY: 'a, b' }, 'a,b,127.0.0.1'],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a', no_proxy: 'b' }, 'a,b,127.0.0.1'],
  [{ HTTPS_PROXY: 'http://p', NO_PROXY: '127.0.0.1' }, '127.0.0.1'],
])('of the proxy settings %o makes the exceptions %s', (given, exceptions) => {
  expect(environmentOf(given as Record<string, string>).environment.NO_PROXY).toBe(exceptions);
});

test('leaves gcloud’s own folder in use where there is no other', () => {
  const { environment } = environmentOf({ CLOUDSDK_CONFIG: '/mine' }, { gcloudFolder: undefined } as object);

  expect(environment.CLOUDSDK_CONFIG).toBe('/mine');
});

test.each([
  ['[core]\naccount = a\nproject = p\n', '[core]\nproject = p\n'],
  ['[core]\nAccount: a\nproject = p', '[core]\nproject = p'],
  ['[compute]\naccount = kept\n', '[compute]\naccount = kept\n'],
  ['[auth]\nimpersonate_service_account = a,\n  b\ntoken_host = t\n', '[auth]\ntoken_host = t\n'],
  ['[auth]\naccess_token_file=/t\n\n# a word\n[core]\nproject=p', '[auth]\n\n# a word\n[core]\nproject=p'],
  ['[core]\nproject = p\n  q\naccount = a', '[core]\nproject = p\n  q'],
  ['[ core ]\naccount = a\n', '[ core ]\n'],
  ['', ''],
])('of the settings %j leaves %j', (settings, left) => {
  expect(withoutAccount(settings)).toBe(left);
});

test('never leaves an account in gcloud’s settings, whatever is around it', () => {
  const line = fc.constantFrom(
    '[core]',
    '[auth]',
    '[compute]',
    'project = p',
    '  more',
    '',
    '# x',
    'account=CANARY',
  );

  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const left = withoutAccount(['[core]', ...lines].join('\n')).split('\n');
      const sections = left.map((_, index) => left.slice(0, index).findLast((one) => one.startsWith('[')));
      expect(left.filter((one, index) => sections[index] === '[core]' && one.includes('CANARY'))).toEqual([]);
    }),
  );
});

test('fills the folder with what is not secret, and with the word that there is a metadata server for good', () => {
  const home = mkdtempSync(join(directory, 'home-'));
  const folder = mkdtempSync(join(directory, 'folder-'));
  mkdirSync(join(home, 'configurations'));
  mkdirSync(join(home, 'legacy_credentials'));
  for (const name of ['credentials.db', 'access_tokens.db', 'application_default_credentials.json']) {
    writeFileSync(join(home, name), 'CANARY');
  }
  writeFileSync(join(home, 'properties'), '[core]\naccount = a\nproject = p\n');
  writeFileSync(join(home, 'configurations', 'config_default'), '[compute]\nregion = r\n');

  fillGcloudFolder(folder, home);

  expect(readdirSync(folder, { recursive: true }).sort()).toEqual([
    'configurations',
    'configurations/config_default',
    'gce',
    'properties',
  ]);
  expect(readFileSync(join(folder, 'properties'), 'utf8')).toBe('[core]\nproject = p\n');
  expect(readFileSync(join(folder, 'gce'), 'utf8')).toBe('True');
  expect(statSync(join(folder, 'gce')).mtimeMs).toBeGreaterThan(Date.parse('2099-01-01'));
});

test('fills the folder of whoever never had gcloud', () => {
  const folder = mkdtempSync(join(directory, 'folder-'));

  fillGcloudFolder(folder, join(directory, 'nowhere'));

  expect(readdirSync(folder).sort()).toEqual(['configurations', 'gce']);
});

test('finds gcloud’s folder as gcloud does', () => {
  expect(gcloudHome({ HOME: '/h' })).toBe('/h/.config/gcloud');
  expect(gcloudHome({ HOME: '/h', CLOUDSDK_CONFIG: '/c' })).toBe('/c');
});

test.each([
  ['600', 600],
  ['1800s', 1800],
  ['30m', 1800],
  ['1h', 3600],
  ['1h30m', 5400],
  ['12h', 43_200],
])('reads the lifetime %s', (text, seconds) => {
  expect(parseLifetime(text)).toBe(seconds);
});

test.each(['', '0', '599', '43201', '13h', '1d', '-600', '600 s', '1e3', '600ms'])(
  'refuses the lifetime %j',
  (text) => {
    expect(() => parseLifetime(text)).toThrow(/^--lifetime: .*600 to 43200/);
  },
);
