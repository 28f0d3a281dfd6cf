import { UserRefreshClient } from 'google-auth-library';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Google, startGoogle } from '../local/google/server.ts';
import type { User } from '../local/google/users.ts';

const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const COMPUTE = 'https://www.googleapis.com/auth/compute.readonly';

let google: Google;

beforeAll(async () => {
  google = await startGoogle();
});

afterAll(() => google.close());

type Answered = { readonly status: number; readonly body: Record<string, unknown> };

/** A good request for `user`, but for what `change` says; `undefined` leaves a field out. */
async function refresh(
  user: User,
  change: Readonly<Record<string, string | undefined>> = {},
): Promise<Answered> {
  const { client_id, client_secret, refresh_token } = user.document;
  const fields = { grant_type: 'refresh_token', client_id, client_secret, refresh_token, ...change };
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) {
      body.set(name, value);
    }
  }
  const response = await fetch(google.tokenUri, { method: 'POST', body });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

async function listInstances(token: unknown): Promise<number> {
  const url = `${google.url}/compute/v1/projects/acme/zones/europe-west1-b/instances`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

test('writes the document that gcloud writes', () => {
  const { document } = google.createUser();

  expect(document).toEqual({
    account: '',
    client_id: expect.stringMatching(/\.apps\.googleusercontent\.com$/),
    client_secret: expect.any(String),
    refresh_token: expect.stringMatching(/^1\/\//),
    type: 'authorized_user',
    universe_domain: 'googleapis.com',
  });
});

test('turns a refresh token into an access token for all that was granted', async () => {
  const user = google.createUser({ email: 'eve@example.com', scopes: [COMPUTE, CLOUD_PLATFORM] });

  const { status, body } = await refresh(user);

  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.stringMatching(/^ya29\.a0/),
    expires_in: 3599,
    scope: `${COMPUTE} ${CLOUD_PLATFORM}`,
    token_type: 'Bearer',
  });
  expect(await listInstances(body.access_token)).toBe(200);
  const info = await fetch(`${google.url}/tokeninfo?access_token=${body.access_token}`);
  expect(await info.json()).toMatchObject({ email: 'eve@example.com', aud: user.document.client_id });
});

test('narrows the access token to the scopes asked for', async () => {
  const { body } = await refresh(google.createUser(), { scope: 'openid' });

  expect(body.scope).toBe('openid');
  expect(await listInstances(body.access_token)).toBe(403);
});

test('makes the ID token out to the OAuth client, whatever audience is asked for', async () => {
  const user = google.createUser();
  const jwks = createRemoteJWKSet(new URL(`${google.url}/oauth2/v3/certs`));

  const { body } = await refresh(user, { target_audience: google.functionAudience });

  const { payload } = await jwtVerify(String(body.id_token), jwks, { audience: user.document.client_id });
  expect(payload).toMatchObject({ azp: user.document.client_id, email: user.email, sub: user.uniqueId });
  const headers = { authorization: `Bearer ${body.id_token}` };
  expect((await fetch(google.functionUrl, { headers })).status).toBe(401);
});

test.each([
  [{ scope: COMPUTE }, 400, 'invalid_scope', 'Bad Request'],
  [{ refresh_token: '1//unknown' }, 400, 'invalid_grant', 'Bad Request'],
  [{ refresh_token: undefined }, 400, 'invalid_request', 'Required parameter is missing: refresh_token'],
  [{ client_id: undefined }, 400, 'invalid_request', 'Could not determine client ID from request.'],
  [{ client_id: 'x.apps.googleusercontent.com' }, 401, 'invalid_client', 'The OAuth client was not found.'],
  [{ client_secret: 'wrong' }, 401, 'invalid_client', 'Unauthorized'],
  [{ client_secret: undefined }, 401, 'invalid_client', 'Unauthorized'],
])('refuses %o with %i %s', async (change, status, error, error_description) => {
  const answered = await refresh(google.createUser(), change);

  expect(answered).toEqual({ status, body: { error, error_description } });
});

test('refuses a refresh token once it is revoked, and honours what came of it before', async () => {
  const user = google.createUser();
  const { body } = await refresh(user);

  user.revoke();
  const answered = await refresh(user);

  expect(answered).toEqual({
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' },
  });
  expect(await listInstances(body.access_token)).toBe(200);
});

test('records the exchange without its secrets', async () => {
  const user = google.createUser();

  await refresh(user, { scope: 'openid' });

  const recorded = JSON.stringify(google.exchanges.at(-1));
  expect(google.exchanges.at(-1)).toMatchObject({ grantType: 'refresh_token', scope: 'openid', status: 200 });
  expect(recorded).not.toContain(user.document.refresh_token);
  expect(recorded).not.toContain(user.document.client_secret);
});

function nodeClient(user: User): UserRefreshClient {
  const { client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken } = user.document;
  const endpoints = { oauth2TokenUrl: google.tokenUri };
  return new UserRefreshClient({ clientId, clientSecret, refreshToken, endpoints });
}

test('google-auth-library for Node gets an access token that lists the instances', async () => {
  const { token } = await nodeClient(google.createUser()).getAccessToken();

  expect(await listInstances(token)).toBe(200);
});

test('google-auth-library for Node passes the refusal of a revoked token on', async () => {
  const user = google.createUser();
  user.revoke();

  await expect(nodeClient(user).getAccessToken()).rejects.toThrow('invalid_grant');
});
