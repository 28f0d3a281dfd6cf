import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { startMetadataServer } from '../client/metadata/metadata-server.ts';
import { fieldsOf } from '../lambda/fields.ts';
import { startClientRig } from './make-token-client.ts';

/** Google's own libraries for Node.js, each in a process that knows where the metadata server is and nothing else. */
const rig = await startClientRig();
const server = await startMetadataServer({
  clients: [rig.byUrl(), rig.byFunction({ profile: 'reports' })],
  numericProjectId: '123456789012',
});
const google = rig.vendor.google?.url ?? '';
const audience = rig.vendor.google?.functionAudience ?? '';
const exchanges = () => rig.vendor.google?.exchanges.length ?? 0;

const EMAIL = 'vendor@example-project.iam.gserviceaccount.com';
const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const STORAGE_RO = 'https://www.googleapis.com/auth/devstorage.read_only';
const TOKEN_INFO = '/oauth2/v3/tokeninfo';

afterAll(async () => {
  await server.close();
  await rig.vendor.close();
});

/** Asks a library; by default it is to probe for the server as it would on any machine. */
async function ask(question: string, argument = '', detection = 'ping-only'): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'metadata-client-program.ts'), question, argument],
    {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: '/nonexistent',
        GCE_METADATA_HOST: server.host,
        GCE_METADATA_IP: server.host,
        METADATA_SERVER_DETECTION: detection,
      },
      timeout: 60_000,
    },
  );
  return JSON.parse(stdout);
}

/** What Google says that a bearer token is for. */
async function scopesOf(authorization: string): Promise<unknown> {
  const token = authorization.replace('Bearer ', '');
  const answer = await fetch(`${google}${TOKEN_INFO}?access_token=${token}`);
  return fieldsOf(await answer.json()).scope;
}

test('gcp-metadata finds a server, accounts, project and universe', async () => {
  const found = await ask('gcp-metadata');

  const account = { aliases: ['default'], email: EMAIL, scopes: [CLOUD_PLATFORM] };
  expect(found).toEqual({
    available: true,
    email: EMAIL,
    id: 'number',
    accounts: `default/\n${EMAIL}/\nreports/\n`,
    whole: {
      default: account,
      [EMAIL]: account,
      reports: { aliases: ['reports'], email: 'reports', scopes: [STORAGE_RO] },
    },
    project: 'example-project',
    number: 123_456_789_012,
    universe: 'googleapis.com',
    missing: expect.stringContaining('There is nothing at this path.'),
  });
});

test('google-auth-library takes this machine for Compute Engine and has its token', async () => {
  const found = await ask('google-auth-library', '', 'assume-present');

  expect(found).toEqual({
    kind: 'Compute',
    authorization: expect.stringMatching(/^Bearer ya29\./),
    project: 'example-project',
    universe: 'googleapis.com',
    credentials: { client_email: EMAIL, universe_domain: 'googleapis.com' },
  });
});

test('google-auth-library has a token for scopes, and for what the profile has where it asks for more', async () => {
  const found = (await ask('scopes')) as Record<'all' | 'one' | 'more', string>;

  const scopes = await Promise.all([found.all, found.one, found.more].map(scopesOf));
  expect(scopes).toEqual([CLOUD_PLATFORM, CLOUD_PLATFORM, CLOUD_PLATFORM]);
});

test('google-auth-library has the token of another profile by its name', async () => {
  const authorization = (await ask('account', 'reports')) as string;

  expect(await scopesOf(authorization)).toBe(STORAGE_RO);
});

test('google-auth-library has an ID token that the private function admits', async () => {
  const authorization = (await ask('identity', audience)) as string;

  const answer = await fetch(rig.vendor.google?.functionUrl ?? '', { headers: { authorization } });
  expect(answer.status).toBe(200);
});

test('google-auth-library says in the vendor’s words why there is no ID token', async () => {
  const message = await ask('identity-refused', 'https://elsewhere.example.com');

  expect(message).toContain('access_denied: ');
  expect(message).toContain('"https://elsewhere.example.com"');
});

test('google-auth-library says which accounts there are', async () => {
  const message = await ask('access-refused', 'nobody');

  expect(message).toContain('There is no service account "nobody"; there are default, reports');
});

test('Cloud Storage lists buckets and reads an object with no key and no project', async () => {
  const found = await ask('storage', google);

  expect(found).toEqual({ buckets: ['example-project-data'], content: 'hello\n' });
});

test('all of them together cost one exchange for a token', async () => {
  const before = exchanges();

  await Promise.all([ask('google-auth-library', '', 'assume-present'), ask('storage', google)]);

  expect(exchanges()).toBe(before);
});
