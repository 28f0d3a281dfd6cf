import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ProfileDocument, ProfilesDocument } from '../lambda/policy/profiles.ts';
import { type Clouds, type DocumentName, startClouds, TARGET, USER } from './make-clouds.ts';
import { type VendorOfDocument, vendorOf } from './make-vendor.ts';

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const INSTANCES = '/compute/v1/projects/example-project/zones/europe-west1-b/instances';
const BUCKET = '//storage.googleapis.com/projects/_/buckets/reports';
const IMPERSONATE = { serviceAccount: TARGET };
const WITH_IMPERSONATE = 'any of them, with `impersonate` in the profile';

const ACCESS: ProfileDocument = { scopes: ['cloud-platform', 'userinfo-email'] };

/** What a capability is asked for with, by the heading of its column. */
const CAPABILITIES: Readonly<Record<string, { readonly profile: ProfileDocument; readonly event: object }>> =
  {
    'access token': { profile: ACCESS, event: {} },
    'ID token': { profile: { audiences: [AUDIENCE] }, event: { audience: AUDIENCE } },
    'self-signed': { profile: { ...ACCESS, selfSigned: true }, event: {} },
    subject: { profile: { ...ACCESS, subjects: ['*@example.com'] }, event: { subject: USER } },
    lifetime: { profile: { ...ACCESS, maxLifetime: 7_200 }, event: { lifetime: 7_200 } },
    boundary: {
      profile: {
        ...ACCESS,
        boundary: [
          { availableResource: BUCKET, availablePermissions: ['inRole:roles/storage.objectViewer'] },
        ],
      },
      event: {},
    },
  };

type Answer = Readonly<Record<string, unknown>>;

let clouds: Clouds;
let vendors: ReadonlyMap<string, VendorOfDocument>;

/** `self-signed` is a profile's name as it is; the others get one that has no spaces and capitals. */
function profileName(capability: string, impersonated: boolean): string {
  return `${capability.toLowerCase().replaceAll(' ', '-')}${impersonated ? '-as-target' : ''}`;
}

function profilesOf(): ProfilesDocument {
  return Object.fromEntries(
    Object.entries(CAPABILITIES).flatMap(([name, { profile }]) => [
      [profileName(name, false), profile],
      [profileName(name, true), { ...profile, impersonate: IMPERSONATE }],
    ]),
  );
}

beforeAll(async () => {
  clouds = await startClouds();
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', clouds.kms.url);
  const documents = Object.entries(await clouds.documents());
  const options = { profiles: profilesOf(), aws: clouds.aws };
  vendors = new Map(documents.map(([name, document]) => [name, vendorOf(document, options)]));
});

afterAll(async () => {
  for (const vendor of vendors.values()) {
    vendor.close();
  }
  vi.unstubAllEnvs();
  await clouds.close();
});

async function get(path: string, token: unknown): Promise<number> {
  const url = path.startsWith('http') ? path : clouds.google.url + path;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

async function emailOf(token: unknown): Promise<unknown> {
  const response = await fetch(`${clouds.google.url}/tokeninfo?access_token=${token}`);
  return ((await response.json()) as { email?: unknown }).email;
}

/** What a token of each capability must be good for, and for nothing more. */
const PROOFS: Readonly<Record<string, (answer: Answer) => Promise<void>>> = {
  'access token': async ({ access_token: token }) => {
    expect(await get(INSTANCES, token)).toBe(200);
  },
  'ID token': async ({ id_token: token }) => {
    expect(await get(clouds.google.functionUrl, token)).toBe(200);
  },
  'self-signed': async ({ access_token: token, expires_in: seconds }) => {
    expect(token).toMatch(/^eyJ/);
    expect(seconds).toBeGreaterThan(3_500);
    expect(await get(INSTANCES, token)).toBe(200);
    expect(await get(clouds.google.functionUrl, token)).not.toBe(200);
  },
  subject: async ({ access_token: token }) => {
    expect(await emailOf(token)).toBe(USER);
  },
  lifetime: async ({ access_token: token, expires_in: seconds }) => {
    expect(seconds).toBeGreaterThan(7_100);
    expect(await get(INSTANCES, token)).toBe(200);
  },
  boundary: async ({ access_token: token }) => {
    expect(await get('/storage/v1/b/reports/o', token)).toBe(200);
    expect(await get('/storage/v1/b/other/o', token)).toBe(403);
    expect(await get(INSTANCES, token)).not.toBe(200);
  },
};

/** The table as people read it: a row a credential, a column a capability. */
function readTable(): readonly (readonly [credential: string, capability: string, cell: string])[] {
  const text = readFileSync(join(import.meta.dirname, '../docs/credentials.md'), 'utf8');
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  const start = lines.findIndex((line) => line.includes('| access token |'));
  const cellsOf = (line = '') =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const [, ...capabilities] = cellsOf(lines[start]);
  return lines.slice(start + 2).flatMap((line) => {
    const [credential = '', ...cells] = cellsOf(line);
    return cells.map((cell, index) => [credential, capabilities[index] ?? '', cell] as const);
  });
}

const TABLE = readTable();
const NAMES: readonly DocumentName[] = [
  'service account key',
  'AWS KMS key',
  'federation, signed request',
  'federation, OIDC token',
  'federation with impersonation',
  'impersonated service account',
  'user',
];

test('the table has a row for each credential, and a column for each capability', () => {
  expect([...new Set(TABLE.map(([credential]) => credential))]).toEqual([...NAMES, WITH_IMPERSONATE]);
  expect([...new Set(TABLE.map(([, capability]) => capability))]).toEqual(Object.keys(CAPABILITIES));
  expect(TABLE.filter(([, , cell]) => cell !== 'yes' && cell !== 'no')).toEqual([]);
});

function vendorFor(credential: string): VendorOfDocument {
  const vendor = vendors.get(credential);
  if (vendor === undefined) {
    throw new Error(`There is no vendor with ${credential}`);
  }
  return vendor;
}

type Row = readonly [credential: string, capability: string, cell: string, impersonated: boolean];

const ROWS: readonly Row[] = TABLE.flatMap(([credential, capability, cell]): readonly Row[] =>
  credential === WITH_IMPERSONATE
    ? NAMES.map((name): Row => [name, capability, cell, true])
    : [[credential, capability, cell, false]],
);

/** The accounts that impersonate the target; it may not impersonate itself. */
const IS_TARGET: readonly string[] = ['federation with impersonation', 'impersonated service account'];

test.each(ROWS.filter(([, , cell]) => cell === 'yes'))(
  '%s: %s, %s (impersonate: %s)',
  async (name, capability, _, impersonated) => {
    if (impersonated && IS_TARGET.includes(name)) {
      clouds.target.allowImpersonationBy(`serviceAccount:${TARGET}`);
    }
    const vendor = vendorFor(name);
    const profile = profileName(capability, impersonated);

    const answer = await vendor.ask(CAPABILITIES[capability]?.event ?? {}, profile);
    const again = await vendor.ask(CAPABILITIES[capability]?.event ?? {}, profile);

    await PROOFS[capability]?.(answer);
    expect(again.access_token ?? again.id_token).toBe(answer.access_token ?? answer.id_token);
  },
);

test.each(ROWS.filter(([, , cell]) => cell === 'no'))(
  '%s: %s, %s (impersonate: %s): the error names the way',
  async (name, capability, _, impersonated) => {
    const before = clouds.google.exchanges.length;

    const error = await vendorFor(name).refused(
      CAPABILITIES[capability]?.event ?? {},
      profileName(capability, impersonated),
    );

    expect(error).toMatch(/^CredentialInvalid: .*impersonat/i);
    expect(clouds.google.exchanges).toHaveLength(before);
  },
);
