import { createRemoteJWKSet, importPKCS8, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCertificate } from '../local/google/certificate.ts';
import type { KeyFile } from '../local/google/key-file.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { type Google, startGoogle } from '../local/google/server.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const AUTH = 'https://www.googleapis.com/auth/';
const START_MS = Date.now();
const HOUR_MS = 3_600_000;

let nowMs = START_MS;
let google: Google;
let key: KeyFile;

beforeAll(async () => {
  google = await startGoogle({ now: () => nowMs });
  key = await google.createServiceAccount({ projectId: 'acme' }).createKey();
});

afterAll(() => google.close());

type Wanted = { readonly scope: string } | { readonly target_audience: string };

/** Returns the one token of the answer, of whichever kind. */
async function mint(wanted: Wanted, from: Google = google, keyFile: KeyFile = key): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  const claims = { ...wanted, iss: keyFile.client_email, aud: from.tokenUri, iat, exp: iat + 60 };
  const assertion = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: keyFile.private_key_id })
    .sign(await importPKCS8(keyFile.private_key, 'RS256'));
  const body = new URLSearchParams({ grant_type: JWT_BEARER, assertion });
  const response = await fetch(from.tokenUri, { method: 'POST', body });
  const answer: Record<string, unknown> = JSON.parse(await response.text());
  return String(answer.access_token ?? answer.id_token);
}

type Answered = { readonly status: number; readonly headers: Headers; readonly text: string };

async function get(path: string, authorization?: string, method = 'GET'): Promise<Answered> {
  const headers = authorization === undefined ? {} : { authorization };
  const response = await fetch(google.url + path, { method, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Runs `act` with the stand-in's clock `ms` ahead. */
async function later<T>(ms: number, act: () => Promise<T>): Promise<T> {
  nowMs = START_MS + ms;
  try {
    return await act();
  } finally {
    nowMs = START_MS;
  }
}

function withOtherClaims(token: string, change: object): string {
  const [header, payload = '', signature] = token.split('.');
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), ...change };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

test.each(['GET', 'POST'])('answers a %s of the private function with the caller’s name', async (method) => {
  const token = await mint({ target_audience: google.functionAudience });

  const { status, text } = await get('/functions/hello', `Bearer ${token}`, method);

  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({
    message: 'Hello, vendor@acme.iam.gserviceaccount.com',
    caller: { email: 'vendor@acme.iam.gserviceaccount.com', uniqueId: key.client_id },
    audience: 'https://europe-west1-example.cloudfunctions.net/hello',
  });
});

test('keeps the function from callers without a token', async () => {
  const { status, headers, text } = await get('/functions/hello');

  expect(status).toBe(403);
  expect(headers.get('www-authenticate')).toBe('Bearer');
  expect(headers.get('content-type')).toMatch('text/html');
  expect(text).toContain('403 Forbidden');
});

test('keeps the function from tokens that were not made for it', async () => {
  const good = await mint({ target_audience: google.functionAudience });
  const expired = await later(-2 * HOUR_MS, () => mint({ target_audience: google.functionAudience }));
  const tokens = {
    'for another audience': await mint({ target_audience: `${google.functionAudience}/` }),
    'an access token': await mint({ scope: `${AUTH}cloud-platform` }),
    'with changed claims': withOtherClaims(good, { email: 'root@example.com' }),
    expired,
    nonsense: 'nonsense',
  };

  for (const [what, token] of Object.entries(tokens)) {
    const { status, headers } = await get('/functions/hello', `Bearer ${token}`);
    expect(status, what).toBe(401);
    expect(headers.get('www-authenticate')).toContain('error="invalid_token"');
  }
  expect((await get('/functions/hello', `Basic ${good}`)).status).toBe(401);
});

test('accepts an ID token to its last second and not beyond', async () => {
  const token = await mint({ target_audience: google.functionAudience });
  const issuedMs = Math.floor(START_MS / 1000) * 1000 - START_MS;
  const call = () => get('/functions/hello', `Bearer ${token}`);

  const last = await later(issuedMs + HOUR_MS - 1000, call);
  const beyond = await later(issuedMs + HOUR_MS, call);

  expect([last.status, beyond.status]).toEqual([200, 401]);
});

test('takes the function’s audience from its options', async () => {
  const other = await startGoogle({ functionAudience: 'https://hello-xyz.a.run.app', now: () => nowMs });
  const otherKey = await other.createServiceAccount().createKey();
  const call = async (target_audience: string) => {
    const authorization = `Bearer ${await mint({ target_audience }, other, otherKey)}`;
    return (await fetch(other.functionUrl, { headers: { authorization } })).status;
  };

  const statuses = [await call('https://hello-xyz.a.run.app'), await call(google.functionAudience)];

  expect(statuses).toEqual([200, 401]);
  await other.close();
});

const INSTANCES = '/compute/v1/projects/acme/zones/europe-west1-b/instances';

test.each(['compute', 'compute.readonly', 'cloud-platform'])(
  'lists the instances to the scope %s',
  async (scope) => {
    const token = await mint({ scope: `${AUTH}${scope}` });

    const { status, text } = await get(`${INSTANCES}?maxResults=10`, `Bearer ${token}`);

    expect(status).toBe(200);
    const zone = 'https://www.googleapis.com/compute/v1/projects/acme/zones/europe-west1-b';
    const instance = {
      kind: 'compute#instance',
      id: expect.stringMatching(/^\d{19}$/),
      zone,
      selfLink: expect.stringContaining(`${zone}/instances/`),
    };
    expect(JSON.parse(text)).toEqual({
      kind: 'compute#instanceList',
      id: 'projects/acme/zones/europe-west1-b/instances',
      items: [
        expect.objectContaining({ ...instance, name: 'web-1', status: 'RUNNING' }),
        expect.objectContaining({ ...instance, name: 'batch-1', status: 'TERMINATED' }),
      ],
      selfLink: `${zone}/instances`,
    });
  },
);

test('refuses to list the instances to a scope that does not reach them', async () => {
  const token = await mint({ scope: `${AUTH}devstorage.read_only openid` });

  const { status, headers, text } = await get(INSTANCES, `Bearer ${token}`);

  expect(status).toBe(403);
  expect(headers.get('www-authenticate')).toContain('error="insufficient_scope"');
  expect(JSON.parse(text)).toMatchObject({
    error: {
      code: 403,
      message: 'Request had insufficient authentication scopes.',
      errors: [{ domain: 'global', reason: 'insufficientPermissions' }],
      status: 'PERMISSION_DENIED',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
          domain: 'googleapis.com',
        },
      ],
    },
  });
});

test('refuses to list the instances to no token, an ID token, and an unknown one', async () => {
  const idToken = await mint({ target_audience: google.functionAudience });

  for (const authorization of [undefined, `Bearer ${idToken}`, 'Bearer ya29.c.unknown', 'Basic YTpi']) {
    const { status, text } = await get(INSTANCES, authorization);
    expect(status).toBe(401);
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 401, status: 'UNAUTHENTICATED', errors: [{ reason: 'authError' }] },
    });
  }
});

test('honours an access token until its time is over, and not from then on', async () => {
  const token = await mint({ scope: `${AUTH}compute` });
  const call = () => get(INSTANCES, `Bearer ${token}`);

  const last = await later(3_598_999, call);
  const beyond = await later(3_599_000, call);

  expect([last.status, beyond.status]).toEqual([200, 401]);
});

test('issues access tokens of the lifetime that it is told', async () => {
  const other = await startGoogle({ accessTokenSeconds: 2, now: () => nowMs });
  const otherKey = await other.createServiceAccount().createKey();
  const authorization = `Bearer ${await mint({ scope: `${AUTH}compute` }, other, otherKey)}`;
  const call = () => fetch(other.url + INSTANCES, { headers: { authorization } });

  const last = await later(1999, call);
  const beyond = await later(2000, call);

  expect([last.status, beyond.status]).toEqual([200, 401]);
  await other.close();
});

test('publishes the key that its ID tokens verify with, where the discovery document says', async () => {
  const discovery: { issuer: string; jwks_uri: string } = JSON.parse(
    (await get('/.well-known/openid-configuration')).text,
  );
  const token = await mint({ target_audience: 'https://any.example' });

  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
    issuer: discovery.issuer,
    audience: 'https://any.example',
  });

  expect(payload.email).toBe(key.client_email);
});

test('publishes only public members of its key, to be kept for a while', async () => {
  const { headers, text } = await get('/oauth2/v3/certs');

  expect(Object.keys(JSON.parse(text).keys[0]).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  expect(headers.get('cache-control')).toContain('max-age=3600');
});

test('publishes the certificates of a service account’s keys where its key file says', async () => {
  const response = await fetch(key.client_x509_cert_url);

  expect(await response.json()).toEqual({
    [key.private_key_id]: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/),
  });
  expect((await get('/robot/v1/metadata/x509/nobody@example.com')).status).toBe(404);
  expect((await get('/robot/v1/metadata/x509/%ff')).status).toBe(400);
});

test('says where an object is downloaded from, and gives it there to who may read it', async () => {
  const authorization = `Bearer ${await mint({ scope: `${AUTH}devstorage.read_only` })}`;
  const { mediaLink } = JSON.parse((await get('/storage/v1/b/reports/o/hello.txt', authorization)).text);

  const download = await fetch(mediaLink, { headers: { authorization } });

  expect(mediaLink).toMatch(`${google.url}/download/storage/v1/b/reports/o/hello.txt?`);
  expect(await download.text()).toBe('hello\n');
  expect((await fetch(mediaLink)).status).toBe(401);
});

test('tells what a token stands for', async () => {
  const accessToken = await mint({ scope: `${AUTH}compute openid` });
  const idToken = await mint({ target_audience: 'https://any.example' });

  const access = await get(`/tokeninfo?access_token=${accessToken}`);
  const id = await get(`/tokeninfo?id_token=${idToken}`);
  const unknown = await get('/tokeninfo?access_token=unknown');

  expect(JSON.parse(access.text)).toMatchObject({
    email: key.client_email,
    scope: `${AUTH}compute openid`,
    expires_in: '3599',
  });
  expect(JSON.parse(id.text)).toMatchObject({ email: key.client_email, aud: 'https://any.example' });
  expect(unknown.status).toBe(400);
  expect(JSON.parse(unknown.text).error).toBe('invalid_token');
});

test('speaks TLS with the certificate that it is given', async () => {
  const rsa = await createRsaKey();
  const tls = {
    key: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: createCertificate(rsa, { commonName: 'google', nowMs: Date.now(), hosts: ['127.0.0.1'] }),
  };
  const secure = await startGoogle({ tls });
  const { get: httpsGet } = await import('node:https');

  const status = await new Promise((resolve, reject) => {
    const request = httpsGet(`${secure.url}/oauth2/v3/certs`, { ca: tls.cert, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
  });

  expect(secure.url).toMatch(/^https:/);
  expect(status).toBe(200);
  await secure.close();
});
