import { afterAll, beforeAll, expect, test } from 'vitest';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { basic, FORM, type OAuthRig, STORAGE, startOAuthRig } from './oauth-rig.ts';
import { CLOUD_PLATFORM } from './vendor-rig.ts';

const GRANT = 'grant_type=client_credentials';

let rig: OAuthRig;

beforeAll(async () => {
  rig = await startOAuthRig();
});

afterAll(() => rig.close());

function asBasic(name: 'caller' | 'reader' | 'reports'): Record<string, string> {
  return { ...FORM, authorization: basic(name, rig.secretOf(name)) };
}

async function statusAtFunction(token: unknown): Promise<number> {
  const response = await fetch(rig.vendor.google.functionUrl, {
    headers: { authorization: `Bearer ${token}` },
  });
  return response.status;
}

test.each(['basic', 'form'] as const)(
  'a client that authenticates by %s gets the ID token of its audience as access_token',
  async (method) => {
    const reply =
      method === 'basic'
        ? await rig.post(GRANT, asBasic('caller'))
        : await rig.ask('caller', rig.secretOf('caller'));

    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
    });
    expect(await statusAtFunction(reply.body.access_token)).toBe(200);
  },
);

test('a client that is bound to scopes gets an access token for them, and is told which', async () => {
  const { status, body } = await rig.ask('reader', rig.secretOf('reader'));

  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.stringMatching(/^ya29\./),
    token_type: 'Bearer',
    expires_in: expect.any(Number),
    scope: `${CLOUD_PLATFORM} ${STORAGE}`,
  });
});

test.each(['caller', 'nobody'] as const)('no answer to %s may be kept by a cache', async (name) => {
  const { headers } = await rig.ask(name, name === 'caller' ? rig.secretOf('caller') : 'x');

  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('pragma')).toBe('no-cache');
  expect(headers.get('content-type')).toBe('application/json');
});

test.each([
  ['its own scopes', `${STORAGE} ${CLOUD_PLATFORM}`, `${CLOUD_PLATFORM} ${STORAGE}`],
  ['one of them', STORAGE, STORAGE],
  ['one of them by an alias', 'storage-ro', STORAGE],
])('a request may ask for %s', async (_, scope, granted) => {
  const { status, body } = await rig.ask('reader', rig.secretOf('reader'), { scope });

  expect([status, body.scope]).toEqual([200, granted]);
});

test('a request may repeat the audience of its client', async () => {
  const { status } = await rig.ask('caller', rig.secretOf('caller'), { audience: FUNCTION_AUDIENCE });

  expect(status).toBe(200);
});

test('parameters that are unknown or without a value are ignored, as OAuth has it', async () => {
  const { status } = await rig.ask('caller', rig.secretOf('caller'), { resource: 'x', scope: '' });

  expect(status).toBe(200);
});

test.each([
  'Application/X-WWW-Form-URLencoded',
  'application/x-www-form-urlencoded;charset=UTF-8',
  'application/x-www-form-urlencoded; charset="utf-8"',
  'application/x-www-form-urlencoded ;\tcharset=utf-8',
  'application/x-www-form-urlencoded;charset=utf-8;',
])('a form may be called %j, as HTTP has it', async (type) => {
  const { status } = await rig.post(GRANT, { ...asBasic('caller'), 'content-type': type });

  expect(status).toBe(200);
});

test.each(['iso-8859-1', '"utf-8', 'utf-8 x'])('a form in the charset %s is refused', async (charset) => {
  const type = `application/x-www-form-urlencoded; charset=${charset}`;

  const { status, body } = await rig.post(GRANT, { ...asBasic('caller'), 'content-type': type });

  expect([status, body.error]).toEqual([400, 'invalid_request']);
});

test('a client id beside the header may repeat it', async () => {
  const { status } = await rig.post(`${GRANT}&client_id=caller`, asBasic('caller'));

  expect(status).toBe(200);
});

test('the two parts of Basic are form-decoded', async () => {
  const escaped = rig.secretOf('caller').replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`);

  const { status } = await rig.post(GRANT, { ...FORM, authorization: basic('c%61ller', escaped) });

  expect(status).toBe(200);
});

test.each<[string, number, string, string, string]>([
  ['no grant_type', 400, 'invalid_request', 'caller', ''],
  ['an empty grant_type', 400, 'invalid_request', 'caller', 'grant_type='],
  ['another grant', 400, 'unsupported_grant_type', 'caller', 'grant_type=password'],
  ['a scope that it may not have', 400, 'invalid_scope', 'reports', `${GRANT}&scope=cloud-platform`],
  ['what is no scope', 400, 'invalid_scope', 'reader', `${GRANT}&scope=everything`],
  ['a scope beside its own', 400, 'invalid_scope', 'reports', `${GRANT}&scope=storage-ro+cloud-platform`],
  ['a scope of spaces', 400, 'invalid_scope', 'reports', `${GRANT}&scope=+`],
  ['a scope, as the client of an audience', 400, 'invalid_scope', 'caller', `${GRANT}&scope=storage-ro`],
  ['another audience', 400, 'invalid_target', 'caller', `${GRANT}&audience=https://a.run.app`],
  [
    'an audience, as the client of scopes',
    400,
    'invalid_target',
    'reader',
    `${GRANT}&audience=${FUNCTION_AUDIENCE}`,
  ],
])('a client that asks with %s gets %i %s', async (_, status, error, client, body) => {
  const reply = await rig.post(body, asBasic(client as 'caller'));

  expect(reply.status).toBe(status);
  expect(reply.body).toEqual({
    error,
    error_description: expect.any(String),
    request_id: expect.any(String),
  });
});

test('a client that is refused is asked for Basic, whichever way it authenticated', async () => {
  const replies = [
    await rig.ask('caller', 'wrong'),
    await rig.post(GRANT, { ...FORM, authorization: basic('caller', 'wrong') }),
    await rig.post(GRANT),
  ];

  for (const { status, headers, body } of replies) {
    expect([status, body.error]).toEqual([401, 'invalid_client']);
    expect(headers.get('www-authenticate')).toMatch(/^Basic realm=/);
  }
});

test('what may pass by itself is 503 with Retry-After, and what may not 500; neither says why', async () => {
  // No other test's, and so in no cache.
  const scope = { scope: 'cloud-platform' };
  rig.vendor.google.interfere(() => ({ status: 503, body: '' }));
  const away = await rig.ask('reader', rig.secretOf('reader'), scope);
  rig.vendor.google.interfere(() => ({ status: 400, body: '{"error":"invalid_grant"}' }));
  rig.vendor.advance(10_000);
  const refused = await rig.ask('reader', rig.secretOf('reader'), scope);
  rig.vendor.google.interfere(undefined);

  expect([away.status, away.body.error]).toEqual([503, 'temporarily_unavailable']);
  expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
  expect([refused.status, refused.body.error]).toEqual([500, 'server_error']);
  expect(refused.text).not.toMatch(/invalid_grant|Google|google/);
});

test('only POST is served, and the routes of profiles still demand a signature', async () => {
  const get = await fetch(rig.tokenUrl);
  const unsigned = await fetch(rig.tokenUrl.replace('/oauth', ''), { method: 'POST' });

  expect([get.status, unsigned.status]).toEqual([404, 403]);
});
