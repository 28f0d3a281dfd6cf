import { afterEach, expect, test } from 'vitest';
import {
  AUDIENCE,
  CLOUD_PLATFORM,
  EMAIL,
  fakeClient,
  type MetadataRig,
  STORAGE_RO,
  startMetadataRig,
} from './make-metadata.ts';

const ACCOUNT = 'instance/service-accounts/default';
let rig: MetadataRig | undefined;

async function start(...options: Parameters<typeof startMetadataRig>): Promise<MetadataRig> {
  rig = await startMetadataRig(...options);
  return rig;
}

afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

test('gives an access token in the form of Compute Engine', async () => {
  const { get } = await start();

  const { status, headers, body } = await get(`${ACCOUNT}/token`);

  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json');
  const { expires_in, ...token } = JSON.parse(body);
  expect(token).toEqual({ access_token: 'ya29.default.cloud-platform', token_type: 'Bearer' });
  expect(expires_in).toBeGreaterThan(3_500);
  expect(expires_in).toBeLessThanOrEqual(3_600);
});

test('takes scopes by URI and by alias, in any order, and ignores parameters that it does not know', async () => {
  const client = fakeClient({ scopes: [CLOUD_PLATFORM, STORAGE_RO] });
  const { get } = await start({ clients: [client] });

  await get(`${ACCOUNT}/token?scopes=storage-ro,${CLOUD_PLATFORM}`);
  await get(
    `${ACCOUNT}/token?transport=mtls&scopes=${encodeURIComponent(`${CLOUD_PLATFORM},${STORAGE_RO}`)}`,
  );

  expect(client.asked).toEqual(Array(2).fill(`access ${CLOUD_PLATFORM} ${STORAGE_RO}`));
});

test('gives a token for what the profile has where more was asked, as Compute Engine does', async () => {
  const { get, lines } = await start();

  const { status, body } = await get(`${ACCOUNT}/token?scopes=storage-ro,bigquery`);

  expect(status).toBe(200);
  expect(JSON.parse(body).access_token).toBe('ya29.default.cloud-platform');
  expect(lines.join('\n')).toContain('does not allow all of the scopes');
});

test('never says that a token has no time left', async () => {
  const { get } = await start({ clients: [fakeClient({ lifeMs: 300 })] });

  const { body } = await get(`${ACCOUNT}/token`);

  expect(JSON.parse(body).expires_in).toBe(1);
});

test.each([
  ['encoded', encodeURIComponent(AUDIENCE)],
  ['unencoded', AUDIENCE],
])('gives an ID token for an audience that came %s', async (_, audience) => {
  const client = fakeClient();
  const { get } = await start({ clients: [client] });

  const { status, headers, body } = await get(
    `${ACCOUNT}/identity?audience=${audience}&format=full&licenses=TRUE`,
  );

  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/html');
  expect(body).toBe(`eyJ.default.${AUDIENCE.length}`);
  expect(client.asked).toEqual([`identity ${AUDIENCE}`]);
});

test.each(['identity', 'identity?audience=', 'identity?format=full'])(
  'refuses %s for want of an audience',
  async (path) => {
    const { get } = await start();

    const { status, body } = await get(`${ACCOUNT}/${path}`);

    expect(status).toBe(400);
    expect(body).toBe('non-empty audience parameter required\n');
  },
);

test.each([
  ['', 'instance/\nproject/\nuniverse/\n'],
  ['instance/', 'attributes/\nid\nname\nservice-accounts/\nzone\n'],
  ['instance/attributes/', ''],
  ['instance/name', 'gcp-token'],
  ['instance/zone', 'projects/123/zones/unknown'],
  ['instance/service-accounts/', `default/\n${EMAIL}/\n`],
  [`${ACCOUNT}/`, 'aliases\nemail\nidentity\nscopes\ntoken\n'],
  [`${ACCOUNT}/aliases`, 'default\n'],
  [`${ACCOUNT}/email`, EMAIL],
  [`${ACCOUNT}/scopes`, `${CLOUD_PLATFORM}\n`],
  [`instance/service-accounts/${EMAIL}/email`, EMAIL],
  [`instance/service-accounts/${encodeURIComponent(EMAIL)}/email`, EMAIL],
  ['project/', 'attributes/\nnumeric-project-id\nproject-id\n'],
  ['project/attributes/', ''],
  ['project/project-id', 'example-project'],
  ['project/numeric-project-id', '123'],
  ['universe/universe-domain', 'googleapis.com'],
  ['universe/universe_domain', 'googleapis.com'],
])('answers %s', async (path, expected) => {
  const { get } = await start({ numericProjectId: '123' });

  const { status, headers, body } = await get(path);

  expect({ status, body }).toEqual({ status: 200, body: expected });
  expect(headers['content-type']).toBe('application/text');
  expect(headers.etag).toMatch(/^[0-9a-f]{16}$/);
});

test.each([
  ['/', 'computeMetadata/\n'],
  ['/computeMetadata/', 'v1/\n'],
])('answers the probe of %s without the flavour header', async (target, expected) => {
  const { ask } = await start();

  const { status, headers, body } = await ask({ target, flavor: false });

  expect({ status, body }).toEqual({ status: 200, body: expected });
  expect(headers['metadata-flavor']).toBe('Google');
});

test('gives the instance a number for an id', async () => {
  const { get } = await start();

  const { body } = await get('instance/id');

  expect(body).toMatch(/^[1-9]\d{0,15}$/);
});

test('is given the older header in the place of the flavour', async () => {
  const { get } = await start();

  const { status } = await get('instance/name', {
    flavor: false,
    headers: { 'X-Google-Metadata-Request': 'True' },
  });

  expect(status).toBe(200);
});

test.each([
  ['instance', '/computeMetadata/v1/instance/'],
  [`${ACCOUNT}?recursive=true`, `/computeMetadata/v1/${ACCOUNT}/?recursive=true`],
])('leads %s to the directory of its name', async (path, location) => {
  const { get } = await start();

  const { status, headers } = await get(path);

  expect(status).toBe(301);
  expect(headers.location).toBe(location);
});

test.each([
  'instance/nothing',
  'instance/name/',
  'instance/name/more',
  `${ACCOUNT}/token/`,
  '../',
  '/',
  'instance//name',
])('has nothing at %s', async (path) => {
  const { get } = await start();

  const { status, headers } = await get(path);

  expect(status).toBe(404);
  expect(headers['metadata-flavor']).toBe('Google');
});

test('gives a whole directory as JSON with names in camel case, and no token', async () => {
  const { get } = await start({ numericProjectId: '123' });

  const { headers, body } = await get('?recursive=true');

  const account = { aliases: ['default'], email: EMAIL, scopes: [CLOUD_PLATFORM] };
  expect(headers['content-type']).toBe('application/json');
  expect(JSON.parse(body)).toEqual({
    instance: {
      attributes: {},
      id: expect.any(Number),
      name: 'gcp-token',
      serviceAccounts: { default: account, [EMAIL]: account },
      zone: 'projects/123/zones/unknown',
    },
    project: { attributes: {}, numericProjectId: 123, projectId: 'example-project' },
    universe: { universeDomain: 'googleapis.com' },
  });
  expect(body).not.toMatch(/ya29|eyJ/);
});

test('gives a whole directory as lines of text if that is asked for', async () => {
  const { get } = await start();

  const { headers, body } = await get(`${ACCOUNT}/?recursive=true&alt=text`);

  expect(headers['content-type']).toBe('application/text');
  expect(body).toBe(`aliases default\nemail ${EMAIL}\nscopes ${CLOUD_PLATFORM}\n`);
});

test('gives a value as JSON if that is asked for', async () => {
  const { get } = await start();

  const scopes = await get(`${ACCOUNT}/scopes?alt=json`);
  const name = await get('instance/name?alt=json');

  expect(JSON.parse(scopes.body)).toEqual([CLOUD_PLATFORM]);
  expect(name.body).toBe('"gcp-token"');
});

test('answers HEAD with what GET has, but for the body', async () => {
  const { get } = await start();

  const { status, headers, body } = await get('instance/name', { method: 'HEAD' });

  expect({ status, body }).toEqual({ status: 200, body: '' });
  expect(headers['content-length']).toBe('9');
});

test('asks the vendor for nothing before it is asked, and for nothing that it can say itself', async () => {
  const client = fakeClient();
  const { get, ask } = await start({ clients: [client], projectId: 'my-project' });

  await ask({ target: '/', flavor: false });
  await get('project/project-id');
  await get('universe/universe-domain');
  await get('instance/');

  expect(client.asked).toEqual([]);
});

test('answers at once who waits for a change of what has changed', async () => {
  const { get } = await start();

  const { status, body } = await get('instance/name?wait_for_change=true&last_etag=0000000000000000');

  expect({ status, body }).toEqual({ status: 200, body: 'gcp-token' });
});

test('keeps waiting who knows the value, for as long as was asked, and then says it again', async () => {
  const { get } = await start();
  const { headers } = await get('instance/name');

  const first = await Promise.race([
    get(`instance/name?wait_for_change=true&timeout_sec=1&last_etag=${headers.etag}`).then(() => 'waited'),
    get('instance/name').then(() => 'another'),
  ]);
  const { status, headers: later } = await get('instance/name?wait_for_change=true&timeout_sec=0');

  expect(first).toBe('another');
  expect(status).toBe(200);
  expect(later.etag).toBe(headers.etag);
});

test('ends while clients wait for a change', async () => {
  const { get, close } = await start();
  const waiting = get('instance/name?wait_for_change=true').then(
    () => 'answered',
    () => 'ended',
  );
  await get('instance/name');

  await close();

  expect(['answered', 'ended']).toContain(await waiting);
});

test('may be closed twice', async () => {
  const { close } = await start();

  await close();

  await expect(close()).resolves.toBeUndefined();
});
