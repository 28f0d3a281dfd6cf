import { afterEach, expect, test } from 'vitest';
import { startMetadataServer } from '../client/metadata/metadata-server.ts';
import { UsageError } from '../infra/usage-error.ts';
import { type ErrorCode, VendError } from '../lambda/errors.ts';
import {
  AUDIENCE,
  CLOUD_PLATFORM,
  EMAIL,
  fakeClient,
  type MetadataRig,
  STORAGE_RO,
  startMetadataRig,
} from './make-metadata.ts';

const REPORTS = 'reports@example-project.iam.gserviceaccount.com';
let rig: MetadataRig | undefined;

async function start(...options: Parameters<typeof startMetadataRig>): Promise<MetadataRig> {
  rig = await startMetadataRig(...options);
  return rig;
}

/** Returns the access token that is had under a name. */
async function tokenOf({ get }: MetadataRig, name: string): Promise<unknown> {
  const { body } = await get(`instance/service-accounts/${name}/token`);
  return JSON.parse(body).access_token;
}

function failing(code: ErrorCode, message = 'In its own words.', retryAfterSeconds?: number) {
  const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return fakeClient({ before: () => Promise.reject(new VendError(code, message, details)) });
}

afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

test('shows the first profile as default, and each other one by its address and by its name', async () => {
  const reports = fakeClient({ profile: 'reports', principal: REPORTS, scopes: [STORAGE_RO] });
  const server = await start({ clients: [fakeClient(), reports] });

  const { body } = await server.get('instance/service-accounts/');

  expect(body).toBe(`default/\n${EMAIL}/\n${REPORTS}/\n`);
  expect(await tokenOf(server, 'default')).toBe('ya29.default.cloud-platform');
  expect(await tokenOf(server, EMAIL)).toBe('ya29.default.cloud-platform');
  expect(await tokenOf(server, REPORTS)).toBe('ya29.reports.devstorage.read_only');
  expect(await tokenOf(server, REPORTS.toUpperCase())).toBe('ya29.reports.devstorage.read_only');
  expect(await tokenOf(server, 'reports')).toBe('ya29.reports.devstorage.read_only');
});

test('tells two profiles of one account apart by their names', async () => {
  const reader = fakeClient({ profile: 'reader', scopes: [STORAGE_RO] });
  const server = await start({ clients: [fakeClient(), reader] });

  const { body } = await server.get('instance/service-accounts/');

  expect(body).toBe(`default/\n${EMAIL}/\nreader/\n`);
  expect(await tokenOf(server, EMAIL)).toBe('ya29.default.cloud-platform');
  expect(await tokenOf(server, 'reader')).toBe('ya29.reader.devstorage.read_only');
});

test('leads a client that goes on with what it read to the very account that it read of', async () => {
  const reader = fakeClient({ profile: 'reader', scopes: [STORAGE_RO] });
  const server = await start({ clients: [fakeClient(), reader] });

  const { body } = await server.get('instance/service-accounts/reader/?recursive=true');
  const email = await server.get('instance/service-accounts/reader/email');

  expect(JSON.parse(body).email).toBe('reader');
  expect(email.body).toBe(EMAIL);
  expect(await tokenOf(server, EMAIL)).toBe('ya29.default.cloud-platform');
});

test('finds an account by its address though one behind it is out of order', async () => {
  const busy = { ...failing('google_unavailable'), profile: 'busy' };
  const server = await start({ clients: [fakeClient(), busy] });

  expect(await tokenOf(server, EMAIL)).toBe('ya29.default.cloud-platform');
});

test('says why in the words beside the status as well, for clients that show nothing else', async () => {
  const message = `The profile has no “${'x'.repeat(400)}\r\nSet-Cookie: no`;
  const { port } = await start({ clients: [failing('access_denied', message)] });

  const answer = await fetch(
    `http://127.0.0.1:${port}/computeMetadata/v1/${'instance/service-accounts/default/token'}`,
    {
      headers: { 'Metadata-Flavor': 'Google' },
    },
  );

  expect(answer.statusText).toMatch(/^access_denied: The profile has no \?x{200,}$/);
  expect(answer.headers.has('set-cookie')).toBe(false);
});

test('serves as default a single profile of another name', async () => {
  const server = await start({ clients: [fakeClient({ profile: 'reports' })] });

  const { body } = await server.get('instance/service-accounts/default/aliases');

  expect(body).toBe('default\nreports\n');
  expect(await tokenOf(server, 'default')).toBe('ya29.reports.cloud-platform');
});

test('says which accounts there are to who asks for another', async () => {
  const { get } = await start({ clients: [fakeClient(), fakeClient({ profile: 'reports' })] });

  const { status, body } = await get('instance/service-accounts/x@example.com/token');

  expect(status).toBe(404);
  expect(body).toBe(
    'There is no service account "x@example.com"; there are default, reports, by these names or by address.\n',
  );
});

test('is told the address that the vendor does not know', async () => {
  const client = fakeClient({ principal: undefined });
  const { get } = await start({ clients: [client], emails: { default: EMAIL } });

  const { body } = await get('instance/service-accounts/default/email');

  expect(body).toBe(EMAIL);
  expect(client.asked).toEqual([]);
});

test('says how to give an address that nobody knows, and has the name in its place where all is listed', async () => {
  const clients = [undefined, 'reports'].map((profile) =>
    fakeClient({ principal: undefined, ...(profile && { profile }) }),
  );
  const { get } = await start({ clients });

  const email = await get('instance/service-accounts/default/email');
  const listing = await get('instance/service-accounts/');
  const whole = await get('instance/service-accounts/reports/?recursive=true');

  expect(email.status).toBe(404);
  expect(email.body).toContain('--email default=ADDRESS');
  expect(listing.body).toBe('default/\nreports/\n');
  expect(JSON.parse(whole.body)).toEqual({
    aliases: ['reports'],
    email: 'reports',
    scopes: [CLOUD_PLATFORM],
  });
});

test('learns the address of a profile without access tokens from an ID token', async () => {
  const { get } = await start({ clients: [fakeClient({ scopes: [] })] });
  const before = await get('instance/service-accounts/default/email');

  await get(`instance/service-accounts/default/identity?audience=${AUDIENCE}`);
  const after = await get('instance/service-accounts/default/email');
  const scopes = await get('instance/service-accounts/default/scopes');

  expect(before.status).toBe(404);
  expect(after.body).toBe(EMAIL);
  expect(scopes).toMatchObject({ status: 200, body: '' });
});

test('says why a profile gives no access token, and why no ID token', async () => {
  const { get } = await start({ clients: [fakeClient({ scopes: [], audiences: [] })] });

  const access = await get('instance/service-accounts/default/token');
  const scoped = await get('instance/service-accounts/default/token?scopes=storage-ro');
  const identity = await get(`instance/service-accounts/default/identity?audience=${AUDIENCE}`);

  expect(access).toMatchObject({
    status: 400,
    body: 'access_denied: The profile "default" does not allow access tokens.\n',
  });
  expect(scoped.body).toBe(access.body);
  expect(identity.status).toBe(400);
  expect(identity.body).toContain(`does not allow the audience "${AUDIENCE}"`);
});

test('asks the vendor once in a while for what it has denied', async () => {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const client = fakeClient({ now, audiences: [] });
  const { get } = await start({ clients: [client] }, { now });
  const askBoth = async (count: number) => {
    await get(`instance/service-accounts/default/token?scopes=storage-ro&count=${count}`);
    await get(`instance/service-accounts/default/identity?audience=${AUDIENCE}`);
  };

  await askBoth(1);
  await askBoth(2);
  nowMs += 10_000;
  await askBoth(3);
  nowMs -= 60_000;
  await askBoth(4);

  const denied = client.asked.filter((question) => question !== 'access');
  expect(denied).toEqual(
    Array(3)
      .fill([`access ${STORAGE_RO}`, `identity ${AUDIENCE}`])
      .flat(),
  );
});

test.each<[ErrorCode, number]>([
  ['invalid_request', 400],
  ['access_denied', 400],
  ['credential_invalid', 400],
  ['google_refused', 400],
  ['credential_unavailable', 503],
  ['google_unavailable', 503],
  ['timeout', 503],
  ['server_error', 500],
])('passes on what the vendor says of %s with %i', async (code, status) => {
  const { get } = await start({ clients: [failing(code)] });

  const token = await get('instance/service-accounts/default/token');
  const identity = await get(`instance/service-accounts/default/identity?audience=${AUDIENCE}`);

  const body = `${code}: In its own words.\n`;
  expect([token, identity]).toMatchObject(Array(2).fill({ status, body }));
  expect(token.headers['metadata-flavor']).toBe('Google');
  expect(token.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
});

test('says when to try again as the vendor does', async () => {
  const { get } = await start({ clients: [failing('google_unavailable', 'Busy.', 7)] });

  const { headers } = await get('instance/service-accounts/default/token');

  expect(headers['retry-after']).toBe('7');
});

test('says of an error that was not foreseen its name alone', async () => {
  const client = fakeClient({ before: () => Promise.reject(new RangeError('swordfish')) });
  const { get, lines } = await start({ clients: [client] });

  const { status, body } = await get('instance/service-accounts/default/token');

  expect({ status, body }).toEqual({
    status: 500,
    body: 'The metadata server failed unexpectedly (RangeError).\n',
  });
  expect(lines.join()).not.toContain('swordfish');
});

test('passes on the words of a person’s fault, such as a login that is missing', async () => {
  const client = fakeClient({ before: () => Promise.reject(new UsageError('Log in to AWS first.')) });
  const { get } = await start({ clients: [client] });

  const { status, body } = await get('instance/service-accounts/default/token');

  expect({ status, body }).toEqual({ status: 400, body: 'Log in to AWS first.\n' });
});

test('lists the other accounts where one has failed for good, and asks to try again where it may pass', async () => {
  const broken = { ...failing('google_refused'), profile: 'broken' };
  const busy = { ...failing('google_unavailable'), profile: 'busy' };
  const first = await startMetadataRig({ clients: [fakeClient(), broken] });
  const second = await startMetadataRig({ clients: [fakeClient(), busy] });

  const without = await first.get('instance/service-accounts/');
  const later = await second.get('instance/service-accounts/');

  await Promise.all([first.close(), second.close()]);
  expect(without.body).toBe(`default/\n${EMAIL}/\nbroken/\n`);
  expect(later.status).toBe(503);
});

test.each([
  ['vendor@my-project.iam.gserviceaccount.com', 'my-project'],
  ['vendor@my-project.example.com.iam.gserviceaccount.com', 'example.com:my-project'],
  ['my-project@appspot.gserviceaccount.com', 'my-project'],
])('takes from the address %s the project %s', async (principal, project) => {
  const { get } = await start({ clients: [fakeClient({ principal })] });

  const { body } = await get('project/project-id');

  expect(body).toBe(project);
});

test('takes from the address of Compute Engine’s own account the number of the project', async () => {
  const emails = { default: '123456-compute@developer.gserviceaccount.com' };
  const { get } = await start({ emails });

  const number = await get('project/numeric-project-id');
  const zone = await get('instance/zone');
  const id = await get('project/project-id');

  expect(number.body).toBe('123456');
  expect(zone.body).toBe('projects/123456/zones/unknown');
  expect(id.status).toBe(404);
});

test('has a number for the project at once, by which gcloud knows where it runs', async () => {
  const client = fakeClient({ before: () => new Promise(() => {}) });
  const { get } = await start({ clients: [client] });

  const { status, body } = await get('project/numeric-project-id');

  expect({ status, body }).toEqual({ status: 200, body: '0' });
  expect(client.asked).toEqual([]);
});

test('says which flag gives the id of a project that no address tells, and leaves it out of the whole', async () => {
  const { get } = await start({ clients: [fakeClient({ principal: 'someone@example.com' })] });

  const { status, body } = await get('project/project-id');
  const whole = await get('project/?recursive=true');

  expect(status).toBe(404);
  expect(body).toContain('--project (option projectId)');
  expect(JSON.parse(whole.body)).toEqual({ attributes: {}, numericProjectId: 0 });
});

test('says what it was told of project and universe', async () => {
  const options = { projectId: 'told', numericProjectId: '42', universeDomain: 'example.goog' };
  const { get } = await start(options);

  const all = await Promise.all(
    ['project/project-id', 'project/numeric-project-id', 'universe/universe-domain'].map((path) => get(path)),
  );

  expect(all.map(({ body }) => body)).toEqual(['told', '42', 'example.goog']);
});

test('serves a token from memory for seconds only, and not when the token client would renew it', async () => {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const client = fakeClient({ now });
  const brief = fakeClient({ profile: 'brief', now, lifeMs: 600_000 });
  const server = await start({ clients: [client, brief] }, { now });
  const askBoth = async () => {
    await tokenOf(server, 'default');
    await tokenOf(server, 'brief');
  };

  await askBoth();
  nowMs += 29_999;
  await askBoth();
  const within = [client.asked.length, brief.asked.length];
  nowMs += 1;
  await askBoth();

  expect(within).toEqual([1, 2]);
  expect(client.asked).toHaveLength(2);
});

test('says what is left of a token that it has in memory, and trusts no clock that was put back', async () => {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const client = fakeClient({ now });
  const { get } = await start({ clients: [client] }, { now });
  const left = async () => JSON.parse((await get('instance/service-accounts/default/token')).body).expires_in;

  const first = await left();
  nowMs += 20_000;
  const second = await left();
  nowMs -= 60_000;
  await left();

  expect([first, second]).toEqual([3_600, 3_580]);
  expect(client.asked).toHaveLength(2);
});

test.each([
  ['no client', { clients: [] }, /^clients: give one/],
  ['a profile twice', { clients: [fakeClient(), fakeClient()] }, /default is there twice/],
  [
    'the profile default behind another',
    { clients: [fakeClient({ profile: 'reports' }), fakeClient()] },
    /must be the first/,
  ],
  ['a name for an address', { clients: [fakeClient()], host: 'example.com' }, /^host: "example.com"/],
  ['a port that there is not', { clients: [fakeClient()], port: 70_000 }, /^port: 70000/],
  ['a project for its number', { clients: [fakeClient()], numericProjectId: 'p' }, /^numericProjectId: "p"/],
])('does not start with %s', async (_, options, message) => {
  const starting = startMetadataServer(options);

  await expect(starting).rejects.toThrow(UsageError);
  await expect(starting).rejects.toThrow(message);
});

test('says that a port is taken', async () => {
  const { port } = await start();

  const starting = startMetadataServer({ clients: [fakeClient()], port });

  await expect(starting).rejects.toMatchObject({ code: 'EADDRINUSE', port });
});

test('knows no address of a profile that is named as what every object has', async () => {
  const server = await start({ clients: [fakeClient({ profile: 'constructor', principal: undefined })] });

  const { status, body } = await server.get('instance/service-accounts/default/email');

  expect({ status, body }).toMatchObject({
    status: 404,
    body: expect.stringContaining('--email constructor='),
  });
});
