import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Google, startGoogle } from '../local/google/server.ts';
import { type VendorOfDocument, vendorOf } from './make-vendor.ts';

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const INSTANCES = '/compute/v1/projects/example-project/zones/europe-west1-b/instances';
const TARGET = 'target@example-project.iam.gserviceaccount.com';
const MIDDLE = 'middle@example-project.iam.gserviceaccount.com';
const SOURCE = 'vendor@example-project.iam.gserviceaccount.com';

let google: Google;
let target: ReturnType<Google['createServiceAccount']>;
let middle: ReturnType<Google['createServiceAccount']>;
let open: VendorOfDocument[];

beforeEach(async () => {
  google = await startGoogle();
  target = google.createServiceAccount({ email: TARGET });
  middle = google.createServiceAccount({ email: MIDDLE });
  open = [];
});

afterEach(async () => {
  for (const vendor of open) {
    vendor.close();
  }
  await google.close();
});

function sourceKey(): Promise<object> {
  return google.createServiceAccount({ email: SOURCE }).createKey();
}

async function documentOf(changes: object = {}): Promise<object> {
  return {
    type: 'impersonated_service_account',
    service_account_impersonation_url: `${google.url}/v1/projects/-/serviceAccounts/${TARGET}:generateAccessToken`,
    delegates: [],
    ...('source_credentials' in changes ? {} : { source_credentials: await sourceKey() }),
    ...changes,
  };
}

async function start(changes: object = {}): Promise<VendorOfDocument> {
  const vendor = vendorOf(await documentOf(changes));
  open.push(vendor);
  return vendor;
}

test('vends an access token of the service account that it impersonates', async () => {
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  const vendor = await start();

  const answer = await vendor.ask({ scopes: ['cloud-platform'] });
  const headers = { authorization: `Bearer ${answer.access_token}` };
  const instances = await fetch(google.url + INSTANCES, { headers });
  const info = await (await fetch(`${google.url}/tokeninfo?access_token=${answer.access_token}`)).json();

  expect(instances.status).toBe(200);
  expect(info).toMatchObject({ email: TARGET });
  expect(answer.expires_in).toBeGreaterThan(3500);
});

test('vends an ID token with the e-mail address of the service account, which the function accepts', async () => {
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  const vendor = await start();

  const { id_token } = await vendor.ask({ audience: AUDIENCE });
  const answer = await fetch(google.functionUrl, { headers: { authorization: `Bearer ${id_token}` } });

  expect(await answer.json()).toMatchObject({ caller: { email: TARGET } });
});

test('takes a user for the source, who alone could have no ID token', async () => {
  const user = google.createUser();
  target.allowImpersonationBy(`user:${user.email}`);
  const vendor = await start({ source_credentials: { ...user.document, token_uri: google.tokenUri } });

  const { id_token } = await vendor.ask({ audience: AUDIENCE });

  expect(id_token).toMatch(/^eyJ/);
});

test('goes through the chain of delegates', async () => {
  middle.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  target.allowImpersonationBy(`serviceAccount:${MIDDLE}`);
  const vendor = await start({ delegates: [`projects/-/serviceAccounts/${MIDDLE}`] });

  const answer = await vendor.ask({ scopes: ['storage-ro'] });

  expect(answer.access_token).toMatch(/^ya29\./);
});

test('takes delegates by their e-mail addresses too', async () => {
  middle.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  target.allowImpersonationBy(`serviceAccount:${MIDDLE}`);
  const vendor = await start({ delegates: [MIDDLE] });

  expect(await vendor.ask({ audience: AUDIENCE })).toHaveProperty('id_token');
});

test('asks for one source token, whatever it is used for', async () => {
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  const vendor = await start();

  await Promise.all([
    vendor.ask({ scopes: ['storage-ro'] }),
    vendor.ask({ scopes: ['cloud-platform'] }),
    vendor.ask({ audience: AUDIENCE }),
  ]);
  await vendor.ask({ audience: `${AUDIENCE}2` });

  expect(google.exchanges.filter(({ grantType }) => grantType?.includes('jwt-bearer'))).toHaveLength(1);
});

test('says of an impersonation that is not allowed which binding is missing', async () => {
  const vendor = await start();

  const error = await vendor.refused({ scopes: ['cloud-platform'] });

  expect(error).toMatch(/^GoogleRefused: Google answered 403 "PERMISSION_DENIED".*add-iam-policy-binding/);
});

test('recovers by itself once the impersonation is allowed', async () => {
  let nowMs = Date.now();
  const vendor = vendorOf(await documentOf(), { now: () => nowMs });
  open.push(vendor);
  await vendor.refused({ scopes: ['cloud-platform'] });
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  nowMs += 5_001;

  expect(await vendor.ask({ scopes: ['cloud-platform'] })).toHaveProperty('access_token');
});

test('says of a key that was deleted what it says of one without impersonation', async () => {
  const account = google.createServiceAccount({ email: SOURCE });
  const key = await account.createKey();
  account.deleteKey(key.private_key_id);
  const vendor = await start({ source_credentials: key });

  const error = await vendor.refused({ scopes: ['cloud-platform'] });

  expect(error).toMatch(/^GoogleRefused: .*Invalid JWT Signature.*keys list/);
});

const isImpersonation = ({ path }: { readonly path: string }) => path.includes('serviceAccounts');

test.each([
  ['is down', { status: 503, body: '' }, 'GoogleUnavailable'],
  ['resets', 'reset', 'GoogleUnavailable'],
  ['answers garbage', { status: 200, body: '<html>' }, 'GoogleUnavailable'],
  ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }, 'GoogleRefused'],
  ['answers without a token', { status: 200, body: { expireTime: '2099-01-01T00:00:00Z' } }, 'GoogleRefused'],
  ['answers a token without an end', { status: 200, body: { accessToken: 'ya29.x' } }, 'GoogleRefused'],
] as const)('says so while IAM Credentials %s, and vends again by itself', async (_what, answer, name) => {
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  let nowMs = Date.now();
  const vendor = vendorOf(await documentOf(), { now: () => nowMs });
  open.push(vendor);
  google.interfere((asked) => (isImpersonation(asked) ? answer : undefined));

  const error = await vendor.refused({ scopes: ['cloud-platform'] });
  google.interfere(undefined);
  nowMs += 5_001;

  expect(error).toMatch(new RegExp(`^${name}: `));
  expect(await vendor.ask({ scopes: ['cloud-platform'] })).toHaveProperty('access_token');
});

const UNAUTHENTICATED = {
  status: 401,
  body: { error: { code: 401, status: 'UNAUTHENTICATED', message: 'Request had invalid credentials.' } },
};

test('takes a new source token when Google no longer accepts the one that is kept, without a failed request', async () => {
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  const vendor = await start();
  await vendor.ask({ scopes: ['cloud-platform'] });
  let refusals = 1;
  google.interfere((asked) => (isImpersonation(asked) && refusals-- > 0 ? UNAUTHENTICATED : undefined));

  const answer = await vendor.ask({ scopes: ['storage-ro'] });

  expect(answer).toHaveProperty('access_token');
  expect(google.exchanges.filter(({ path }) => path === '/token')).toHaveLength(2);
});

test('passes on that Google accepts no token of the source, a new one neither, and reads the secret again', async () => {
  const vendor = await start();
  google.interfere((asked) => (isImpersonation(asked) ? UNAUTHENTICATED : undefined));

  const error = await vendor.refused({ scopes: ['storage-ro'] });

  expect(error).toMatch(/^GoogleRefused: .*UNAUTHENTICATED/);
  expect(vendor.reads()).toBe(2);
});

test('keeps the source token when one of its targets is refused', async () => {
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  const vendor = await start();
  await vendor.ask({ scopes: ['cloud-platform'] });
  target.denyImpersonationBy(`serviceAccount:${SOURCE}`);

  const error = await vendor.refused({ scopes: ['storage-ro'] });
  target.allowImpersonationBy(`serviceAccount:${SOURCE}`);
  await vendor.ask({ audience: AUDIENCE });

  expect(error).toMatch(/^GoogleRefused: .*PERMISSION_DENIED/);
  expect(google.exchanges.filter(({ path }) => path === '/token')).toHaveLength(1);
});

test('shows nothing of the source’s key or token, whatever fails', async () => {
  const key = await google.createServiceAccount({ email: SOURCE }).createKey();
  const vendor = await start({ source_credentials: key });
  const message = `no ya29.canary and ${key.private_key.slice(0, 200)}`;
  google.interfere((asked) =>
    isImpersonation(asked)
      ? { status: 403, body: { error: { status: 'PERMISSION_DENIED', message } } }
      : undefined,
  );

  const error = await vendor.refused({ scopes: ['cloud-platform'] });

  expect(error).not.toContain('canary');
  expect(error).not.toContain(key.private_key.slice(40, 80));
});

test.each<[string, object, RegExp]>([
  [
    'an address elsewhere',
    {
      service_account_impersonation_url:
        'https://evil.example/v1/projects/-/serviceAccounts/a@b:generateAccessToken',
    },
    /field service_account_impersonation_url is no https address of Google's/,
  ],
  [
    'an address of something else',
    {
      service_account_impersonation_url:
        'https://iamcredentials.googleapis.com/v1/projects/p/serviceAccounts/a@b:generateAccessToken',
    },
    /field service_account_impersonation_url does not end in/,
  ],
  ['no source', { source_credentials: undefined }, /field source_credentials must be a credential/],
  [
    'a source that impersonates',
    { source_credentials: { type: 'impersonated_service_account' } },
    /delegates are the way/,
  ],
  [
    'a source of an unknown type',
    { source_credentials: { type: 'canary' } },
    /field source_credentials\.type is none that the vendor knows/,
  ],
  [
    'a broken source',
    { source_credentials: { type: 'authorized_user' } },
    /field source_credentials\.client_id is missing/,
  ],
  ['delegates that are no list', { delegates: 'a@b' }, /field delegates is no list/],
  [
    'a delegate that is no account',
    { delegates: ['nobody'] },
    /field delegates must be a list of service accounts/,
  ],
])('says what is wrong with a document that has %s', async (_what, changes, fault) => {
  const vendor = await start(changes);

  const error = await vendor.refused({ scopes: ['cloud-platform'] });

  expect(error).toMatch(/^CredentialInvalid: The secret the-secret cannot be used: its /);
  expect(error).toMatch(fault);
  expect(error).not.toContain('canary');
});
