import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { examineHere } from '../local/doctor-here.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import type { StartOptions } from '../local/start-options.ts';

const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const MANUAL = readFileSync(join(import.meta.dirname, '../docs/profiles.md'), 'utf8');
const ACCESS = { scopes: ['cloud-platform'] };

const folder = mkdtempSync(join(tmpdir(), 'stand-in-google-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The manual's examples: whole profiles, and fields of one. */
function examples(): readonly object[] {
  const blocks = [...MANUAL.matchAll(/^```json\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.map((block): object => {
    const isWhole = block.startsWith('{');
    return isWhole
      ? JSON.parse(block)
      : { example: { ...ACCESS, audiences: ['https://api.example.com'], ...JSON.parse(`{${block}}`) } };
  });
}

/** The manual's patterns for users, each with the first user that it admits. */
function subjectPatterns(): readonly (readonly [pattern: string, user: string])[] {
  const section = /## Acting for a user\n(.*?)\n## /s.exec(MANUAL)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)];
  return rows.map(([, pattern = '', admits = '']) => [
    pattern,
    /^`([^`]+)`/.exec(admits)?.[1] ?? pattern.replace('*', 'anybody'),
  ]);
}

function profilesFile(profiles: object): string {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  writeFileSync(path, JSON.stringify(profiles));
  return path;
}

async function examine(profiles: object, event: Readonly<Record<string, string>> = {}) {
  const examination = {
    credential: { kind: 'stand-in' },
    profilesFile: profilesFile(profiles),
    event,
  } as const;
  const answer = (await examineHere(examination, QUIET.audit)) as {
    readonly ok: boolean;
    readonly checks: readonly {
      readonly links: readonly { readonly outcome: string; readonly detail: string }[];
    }[];
  };
  const failed = answer.checks.flatMap(({ links }) => links.filter(({ outcome }) => outcome === 'failed'));
  return { ok: answer.ok, failed, details: answer.checks.map(({ links }) => links.at(-1)?.detail) };
}

test('finds the manual’s examples where they are', () => {
  expect(examples().length).toBeGreaterThanOrEqual(3);
  expect(JSON.stringify(examples())).toMatch(/delegates.*boundary/);
  expect(subjectPatterns().length).toBeGreaterThanOrEqual(3);
});

test.each(examples())('gives all that the manual’s profiles allow: %j', async (profiles) => {
  const { ok, failed } = await examine(profiles);

  expect(failed).toEqual([]);
  expect(ok).toBe(true);
});

test('gives all that the manual’s fields allow together', async () => {
  const fields = examples().map((profiles) => ('example' in profiles ? profiles.example : {}));

  const { failed } = await examine({ example: Object.assign({}, ...fields, { maxLifetime: 43_200 }) });

  expect(failed).toEqual([]);
});

const TARGET = 'reader@example.iam.gserviceaccount.com';

test.each(
  subjectPatterns().flatMap(([pattern, user]) => [
    [pattern, user, 'the key’s account', {}] as const,
    [pattern, user, 'an impersonated one', { impersonate: { serviceAccount: TARGET } }] as const,
  ]),
)('acts by the manual’s %s for %s: %s', async (pattern, user, _, more) => {
  const profiles = { example: { ...ACCESS, ...more, subjects: [pattern] } };

  const { failed, details } = await examine(profiles, { profile: 'example', subject: user });

  expect(failed).toEqual([]);
  expect(details).toEqual([expect.stringContaining(`acting for ${user}`)]);
});

test('gives an impersonated account’s token for twelve hours, and its self-signed one', async () => {
  const impersonate = { serviceAccount: TARGET };
  const profiles = {
    long: { ...ACCESS, impersonate, maxLifetime: 43_200 },
    signed: { ...ACCESS, impersonate, selfSigned: true },
  };

  const long = await examine(profiles, { profile: 'long', lifetime: '43200' });
  const signed = await examine(profiles, { profile: 'signed' });

  expect([...long.failed, ...signed.failed]).toEqual([]);
  expect(long.details).toEqual([expect.stringMatching(/431\d\d s left|43200 s left/)]);
});

test('takes profiles that share accounts, and one that names the key’s own', async () => {
  const VENDOR = 'vendor@example-project.iam.gserviceaccount.com';
  const delegates = ['middle@example.iam.gserviceaccount.com'];
  const profiles = {
    one: { ...ACCESS, impersonate: { serviceAccount: TARGET, delegates } },
    two: { ...ACCESS, impersonate: { serviceAccount: TARGET } },
    own: { ...ACCESS, impersonate: { serviceAccount: VENDOR } },
  };

  const { failed } = await examine(profiles);

  expect(failed).toEqual([]);
});

function optionsFor(profiles: object): StartOptions {
  return {
    help: false,
    port: 0,
    profilesFile: profilesFile(profiles),
    credential: { kind: 'stand-in' },
    requireSignature: false,
  };
}

test('npm start vends what the profiles name, and nothing for another user', async () => {
  const impersonate = { serviceAccount: TARGET };
  const profiles = { default: { ...ACCESS, impersonate, subjects: ['robot-*@example.com'] } };
  const vendor = await startLocalVendor(optionsFor(profiles), QUIET);

  const answers = await Promise.all(
    ['', '?subject=robot-1@example.com', '?subject=alice@example.com'].map((query) =>
      fetch(`${vendor.url}/token${query}`),
    ),
  );
  await vendor.close();

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 403]);
});

test.each([
  [['https://a.example.com'], 'https://a.example.com'],
  [['https://*.example.com/x'], 'https://europe-west1-example.cloudfunctions.net/hello'],
  [
    ['https://a.example.com', 'https://europe-west1-example.cloudfunctions.net/*'],
    'https://europe-west1-example.cloudfunctions.net/hello',
  ],
])('has the private function expect, with the audiences %j, %s', async (audiences, expected) => {
  const vendor = await startLocalVendor(optionsFor({ default: { audiences } }), QUIET);
  await vendor.close();

  expect(vendor.google?.functionAudience).toBe(expected);
});
