import { AwsV4Signer } from 'aws4fetch';
import { AwsClient } from 'google-auth-library';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalSts, startSts } from '../local/aws/sts.ts';
import { type Google, startGoogle } from '../local/google/server.ts';
import type { Pool, Provider } from '../local/google/workload-pools.ts';

const COMPUTE = 'https://www.googleapis.com/auth/compute.readonly';
const STS_URL = 'https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15';
const ACCOUNT = '123456789012';
const ROLE = `arn:aws:sts::${ACCOUNT}:assumed-role/vendor`;
const KEYS = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'an-example-secret', sessionToken: 'a-session' };

let google: Google;
let sts: LocalSts;
let pool: Pool;
let provider: Provider;

beforeAll(async () => {
  google = await startGoogle();
  sts = await startSts({
    region: 'eu-west-1',
    accountId: ACCOUNT,
    credentials: [{ ...KEYS, principalArn: `${ROLE}/session` }],
  });
  pool = google.createPool();
  provider = pool.createAwsProvider({
    accountId: ACCOUNT,
    verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
    attributeCondition: ({ 'attribute.aws_role': role }) => role === ROLE,
  });
});

afterAll(() => Promise.all([google.close(), sts.close()]));

type Header = { readonly key: string; readonly value: string };
type Request = { readonly url: string; readonly method: string; readonly headers: readonly Header[] };

/** The request for GetCallerIdentity, signed with the target among the headers. */
async function signRequest(target = provider.audience): Promise<Request> {
  const signer = new AwsV4Signer({
    ...KEYS,
    url: STS_URL,
    method: 'POST',
    service: 'sts',
    region: 'eu-west-1',
    headers: { 'x-goog-cloud-target-resource': target },
  });
  const { headers, method, url } = await signer.sign();
  const list = [...headers].map(([key, value]) => ({ key, value }));
  return { url: url.href, method, headers: [...list, { key: 'host', value: url.host }] };
}

type Answered = { readonly status: number; readonly body: Record<string, unknown> };

async function exchange(request: Request | string, audience = provider.audience): Promise<Answered> {
  const text = typeof request === 'string' ? request : JSON.stringify(request);
  const response = await fetch(google.stsUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience,
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: encodeURIComponent(text),
      subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
    }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

async function listInstances(token: unknown): Promise<number> {
  const url = `${google.url}/compute/v1/projects/acme/zones/europe-west1-b/instances`;
  return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
}

test('turns a signed GetCallerIdentity into a federated access token that lists the instances', async () => {
  const { status, body } = await exchange(await signRequest());

  expect(status).toBe(200);
  expect(await listInstances(body.access_token)).toBe(200);
});

const without = (name: string) => (request: Request) => ({
  ...request,
  headers: request.headers.filter(({ key }) => key !== name),
});

test.each([
  ['without the target', without('x-goog-cloud-target-resource'), 'x-goog-cloud-target-resource is missing'],
  ['without a signature', without('authorization'), 'authorization is missing'],
  ['without a date', without('x-amz-date'), 'x-amz-date is missing'],
  ['without the session token', without('x-amz-security-token'), 'InvalidClientTokenId'],
  ['for another method', (request: Request) => ({ ...request, method: 'GET' }), 'method must be POST'],
  [
    'to another server',
    (request: Request) => ({ ...request, url: STS_URL.replace('amazonaws.com', 'example.com') }),
    'Security Token Service',
  ],
  [
    'to a server whose name begins like AWS’s',
    (request: Request) => ({ ...request, url: STS_URL.replace('.com/', '.com.example.com/') }),
    'Security Token Service',
  ],
  [
    'for another action',
    (request: Request) => ({ ...request, url: STS_URL.replace('GetCallerIdentity', 'AssumeRole') }),
    'Action=GetCallerIdentity',
  ],
  [
    'to another region than the host header says',
    (request: Request) => ({ ...request, url: STS_URL.replace('eu-west-1', 'us-east-1') }),
    'host',
  ],
  [
    'with a header twice',
    (request: Request) => ({
      ...request,
      headers: [...request.headers, { key: 'Host', value: 'sts.amazonaws.com' }],
    }),
    'twice',
  ],
])('refuses a request %s', async (_, change, words) => {
  const { status, body } = await exchange(change(await signRequest()));

  expect([status, body.error]).toEqual([400, 'invalid_grant']);
  expect(body.error_description).toContain(words);
});

test.each(['[]', '{"url": 1}', 'nonsense', '{"headers": [null]}'])(
  'refuses %s for a request',
  async (text) => {
    const { status, body } = await exchange(text);

    expect([status, body.error]).toEqual([400, 'invalid_grant']);
  },
);

test('refuses a request that was signed for another provider, and one whose target was changed since', async () => {
  const other = await signRequest(`${provider.audience}-2`);
  const changed = {
    ...other,
    headers: other.headers.map((header) =>
      header.key === 'x-goog-cloud-target-resource' ? { ...header, value: provider.audience } : header,
    ),
  };

  const [forOther, afterChange] = await Promise.all([exchange(other), exchange(changed)]);

  expect(forOther.body.error_description).toContain('x-goog-cloud-target-resource');
  expect(afterChange.body.error_description).toContain('SignatureDoesNotMatch');
});

test('refuses another AWS account, another role, and a subject of 128 bytes, and takes one of 127', async () => {
  const audienceOf = (providerId: string, accountId: string, arn: string) =>
    pool.createAwsProvider({
      providerId,
      accountId: ACCOUNT,
      verifyAwsIdentity: async () => ({ arn, account: accountId, userId: 'AROA' }),
      attributeCondition: ({ 'attribute.aws_role': role }) => role === ROLE,
    }).audience;
  const ofBytes = (bytes: number) => `${ROLE}/${'s'.repeat(bytes - ROLE.length - 1)}`;
  const audiences = [
    audienceOf('account', '999999999999', `${ROLE}/session`),
    audienceOf('role', ACCOUNT, `${ROLE}2/session`),
    audienceOf('long', ACCOUNT, ofBytes(128)),
    audienceOf('good', ACCOUNT, ofBytes(127)),
  ];

  const answers = await Promise.all(
    audiences.map(async (audience) => exchange(await signRequest(audience), audience)),
  );

  expect(answers.map(({ body }) => body.error)).toEqual([
    'invalid_grant',
    'unauthorized_client',
    'invalid_request',
    undefined,
  ]);
});

test('takes a request to an STS elsewhere only if the provider names it', async () => {
  const local = pool.createAwsProvider({
    providerId: 'local',
    accountId: ACCOUNT,
    verifyAwsIdentity: async () => ({ arn: ROLE, account: ACCOUNT, userId: 'AROA' }),
    stsOrigins: ['http://127.0.0.1:4566'],
  });
  const toLocal = async (audience: string) => {
    const { headers } = await signRequest(audience);
    return exchange(
      {
        url: STS_URL.replace('https://sts.eu-west-1.amazonaws.com', 'http://127.0.0.1:4566'),
        method: 'POST',
        headers: headers.map(({ key, value }) => ({ key, value: key === 'host' ? '127.0.0.1:4566' : value })),
      },
      audience,
    );
  };

  const [named, unnamed] = await Promise.all([toLocal(local.audience), toLocal(provider.audience)]);

  expect([named.status, unnamed.status]).toEqual([200, 400]);
});

/** Google's library, with its keys handed to it: it would ask the instance metadata service otherwise. */
function nodeClient(options: { serviceAccount?: string } = {}, keys = KEYS): AwsClient {
  const { credential_source: _, ...document } = provider.createCredential(options);
  return new AwsClient({
    ...document,
    scopes: [COMPUTE],
    aws_security_credentials_supplier: {
      getAwsRegion: async () => 'eu-west-1',
      getAwsSecurityCredentials: async () => ({ ...keys, token: keys.sessionToken }),
    },
  });
}

test('google-auth-library for Node gets a federated token with a target that it does not sign', async () => {
  const { token } = await nodeClient().getAccessToken();

  expect(token).toMatch(/^ya29\.d\./);
  expect(await listInstances(token)).toBe(200);
});

test('google-auth-library for Node impersonates by the name of its role', async () => {
  const account = google.createServiceAccount();
  account.allowImpersonationBy(pool.attribute('aws_role', ROLE));

  const { token } = await nodeClient({ serviceAccount: account.email }).getAccessToken();

  const info = await fetch(`${google.url}/tokeninfo?access_token=${token}`);
  expect(await info.json()).toMatchObject({ email: account.email, scope: COMPUTE });
});

test('google-auth-library for Node passes AWS’s refusal on', async () => {
  const client = nodeClient({}, { ...KEYS, secretAccessKey: 'another-secret' });

  await expect(client.getAccessToken()).rejects.toThrow(
    'Received invalid AWS response of type SignatureDoesNotMatch with error message: The request signature we calculated',
  );
});
