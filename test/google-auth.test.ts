import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { Storage } from '@google-cloud/storage';
import { GoogleAuth, IdTokenClient, OAuth2Client } from 'google-auth-library';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthClient, createIdTokenClient, type GoogleAuthLibrary } from '../client/google-auth.ts';
import { bothHeaders } from '../client/google-auth-headers.ts';
import type { AccessToken, TokenClient } from '../client/token-client.ts';
import { startClientRig } from './make-token-client.ts';
import { thrownBy } from './vendor-rig.ts';

/** The generation that Cloud Storage's library has inside, of plain headers. */
const old = createRequire(createRequire(import.meta.url).resolve('@google-cloud/storage'))(
  'google-auth-library',
) as GoogleAuthLibrary & { readonly GoogleAuth: typeof GoogleAuth };
const young = { OAuth2Client, IdTokenClient, GoogleAuth };
const LIBRARIES = [
  ['9', old],
  ['11', young],
] as const;
/** Which generation the client is built on, and which one uses it. */
const PAIRS = LIBRARIES.flatMap(([built, library]) =>
  LIBRARIES.map(([used, user]) => ({ built, library, used, user })),
);

const rig = await startClientRig();
const google = rig.vendor.google?.url ?? '';
const AUDIENCE = rig.vendor.google?.functionAudience ?? '';

type Echo = { readonly headers: IncomingHttpHeaders };
const refusing = new Set<string>();
const seen: (string | undefined)[] = [];
const echo = createServer((request, response) => {
  const { authorization } = request.headers;
  seen.push(authorization);
  const status = refusing.has(authorization ?? '') ? 401 : 200;
  response.writeHead(status, { 'content-type': 'application/json', location: 'https://example.com/upload' });
  response.end(JSON.stringify({ headers: request.headers }));
});
let echoUrl = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  echoUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
});

afterAll(async () => {
  echo.closeAllConnections();
  await Promise.all([rig.vendor.close(), new Promise((resolve) => echo.close(resolve))]);
});

/** A client whose tokens are numbered. */
function numberedClient(): TokenClient & { readonly asked: readonly unknown[] } {
  const asked: unknown[] = [];
  const accessToken = async (query?: unknown): Promise<AccessToken> => {
    asked.push(query);
    return {
      token: `token-${asked.length}`,
      expiresAtMs: Date.now() + 3_600_000,
      scopes: [],
      principal: 'reports@example-project.iam.gserviceaccount.com',
    };
  };
  return {
    profile: 'default',
    asked,
    accessToken,
    idToken: () => expect.unreachable(),
    headers: () => expect.unreachable(),
  };
}

function storageFor(library: GoogleAuthLibrary): Storage {
  return new Storage({
    authClient: createAuthClient(rig.byUrl(), { library }),
    projectId: 'example-project',
    apiEndpoint: google,
    useAuthWithCustomEndpoint: true,
    retryOptions: { autoRetry: false },
  });
}

test.each(LIBRARIES)(
  'Cloud Storage lists and reads with a client that is built on version %s',
  async (_, library) => {
    const storage = storageFor(library);

    const [buckets] = await storage.getBuckets();
    const bucket = storage.bucket('reports');
    const [files] = await bucket.getFiles();
    const [metadata] = await bucket.file('hello.txt').getMetadata();
    const [content] = await bucket.file('hello.txt').download();

    expect(buckets.map(({ name }) => name)).toEqual(['example-project-data']);
    expect(files.map(({ name }) => name)).toEqual(['hello.txt']);
    expect(metadata).toMatchObject({ size: '6' });
    expect(content.toString()).toBe('hello\n');
  },
);

test('without a token the local Cloud Storage gives nothing', async () => {
  const paths = ['/b?project=x', '/b/reports', '/b/reports/o', '/b/reports/o/hello.txt?alt=media'];

  const answers = await Promise.all(paths.map((path) => fetch(`${google}/storage/v1${path}`)));

  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
});

test.each(PAIRS)(
  'version $used authorizes, asks and reads the answer by a client that is built on $built',
  async ({ library, user }) => {
    const auth = new user.GoogleAuth({
      authClient: createAuthClient(numberedClient(), {
        library,
        quotaProjectId: 'billed',
        projectId: 'mine',
      }),
    });

    const { headers: plain = {} } = await auth.authorizeRequest({ url: echoUrl, headers: { 'x-a': 'b' } });
    const { data, headers } = await auth.request<Echo>({ url: echoUrl });

    const sent = { authorization: 'Bearer token-1', 'x-goog-user-project': 'billed' };
    expect({ ...Object.fromEntries(new Headers(plain as Record<string, string>)) }).toEqual({
      ...sent,
      'x-a': 'b',
    });
    expect(data.headers).toMatchObject(sent);
    expect((headers as unknown as Record<string, string>).location).toBe('https://example.com/upload');
    expect(await auth.getAccessToken()).toBe('token-1');
    expect(await auth.getProjectId()).toBe('mine');
    expect(await auth.getUniverseDomain()).toBe('googleapis.com');
  },
);

test.each(LIBRARIES)('has the fetch that younger libraries call, built on version %s', async (_, library) => {
  const auth = new GoogleAuth({ authClient: createAuthClient(numberedClient(), { library }) });
  const from = seen.length;

  const response = await auth.fetch(echoUrl, {
    method: 'POST',
    body: 'x',
    headers: new Headers({ 'x-a': 'b' }),
  });

  expect(response.status).toBe(200);
  expect(seen.slice(from)).toEqual(['Bearer token-1']);
});

test.each(LIBRARIES)('gRPC finds each header once, built on version %s', async (_, library) => {
  const client = createAuthClient<OAuth2Client>(numberedClient(), { library, quotaProjectId: 'billed' });

  const headers = await client.getRequestHeaders('https://pubsub.googleapis.com');

  expect(Object.entries(headers)).toEqual([
    ['authorization', 'Bearer token-1'],
    ['x-goog-user-project', 'billed'],
  ]);
  expect((headers as unknown as Record<string, string>).Authorization).toBe('Bearer token-1');
});

test.each(LIBRARIES)(
  'a request that is refused is sent once more, with a new token, built on version %s',
  async (_, library) => {
    const client = createAuthClient<OAuth2Client>(numberedClient(), { library });
    const from = seen.length;
    refusing.clear();
    refusing.add('Bearer token-1');

    const { data } = await client.request<Echo>({ url: echoUrl });

    expect(data.headers.authorization).toBe('Bearer token-2');
    expect(seen.slice(from)).toEqual(['Bearer token-1', 'Bearer token-2']);
  },
);

test.each(LIBRARIES)(
  'a request that is refused again is refused, built on version %s',
  async (_, library) => {
    const client = createAuthClient<OAuth2Client>(numberedClient(), { library });
    const from = seen.length;
    for (const serial of [1, 2, 3]) {
      refusing.add(`Bearer token-${serial}`);
    }

    const error = await thrownBy(client.request({ url: echoUrl }));

    expect(error).toMatchObject({ response: { status: 401 } });
    expect(seen.slice(from)).toEqual(['Bearer token-1', 'Bearer token-2']);
  },
);

test.each(LIBRARIES)(
  'a callback is told of the answer and of the failure, built on version %s',
  async (_, library) => {
    const client = createAuthClient<OAuth2Client>(numberedClient(), { library });
    refusing.clear();
    const call = () =>
      new Promise((resolve) =>
        client.request({ url: echoUrl }, (error, response) => resolve([error, response?.status])),
      );

    const answered = await call();
    for (const serial of [1, 2]) {
      refusing.add(`Bearer token-${serial}`);
    }
    const failed = await call();
    refusing.clear();

    expect(answered).toEqual([null, 200]);
    expect(failed).toEqual([expect.objectContaining({ status: 401 }), 401]);
  },
);

test('asks for what it is told to, and learns its project from the first token', async () => {
  const client = numberedClient();
  const authClient = createAuthClient<OAuth2Client>(client, {
    scopes: ['storage-ro'],
    universeDomain: 'example.goog',
  });

  const before = authClient.projectId;
  await authClient.getAccessToken();

  expect(before ?? null).toBeNull();
  expect(client.asked).toEqual([{ scopes: ['storage-ro'] }]);
  expect(authClient.projectId).toBe('example-project');
  expect(authClient.universeDomain).toBe('example.goog');
});

test.each(LIBRARIES)(
  'an ID token opens a private Cloud Function, built on version %s',
  async (_, library) => {
    const client = createIdTokenClient(rig.byUrl(), AUDIENCE, { library });

    const { status } = await client.request({ url: rig.vendor.google?.functionUrl ?? '' });

    expect(status).toBe(200);
    expect((await client.getRequestHeaders()).get('authorization')).toBe(
      `Bearer ${await client.fetchIdToken()}`,
    );
  },
);

test.each(PAIRS)(
  'version $used has ID tokens by a client that is built on $built',
  async ({ library, user }) => {
    const auth = new user.GoogleAuth({ authClient: createAuthClient(rig.byFunction(), { library }) });

    const client = await auth.getIdTokenClient(AUDIENCE);
    const { status } = await client.request({ url: rig.vendor.google?.functionUrl ?? '' });

    expect(status).toBe(200);
  },
);

test('what the vendor refuses comes out of the libraries as what it is', async () => {
  const auth = new GoogleAuth({
    authClient: createAuthClient(rig.byUrl({ profile: 'reports' }), { scopes: 'cloud-platform' }),
  });

  expect(await thrownBy(auth.getRequestHeaders())).toMatchObject({
    name: 'AccessDenied',
    code: 'access_denied',
  });
});

test('a header that is named as a method of headers does not take its place', () => {
  const headers = bothHeaders({ Authorization: 'Bearer x', get: 'trap', 'for-each': 'y' });

  expect(headers.get('authorization')).toBe('Bearer x');
  expect(headers.get('get')).toBe('trap');
  expect(Object.keys(headers)).toEqual(['authorization', 'for-each']);
});
