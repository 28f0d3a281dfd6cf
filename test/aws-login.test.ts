import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createAwsLogin } from '../client/aws-login.ts';
import { createTokenClient, VendError } from '../client/token-client.ts';
import { thrownBy } from './vendor-rig.ts';

const ROOT = join(import.meta.dirname, '..');
const directory = mkdtempSync(join(tmpdir(), 'aws-login-'));
const CONFIG = join(directory, 'config');
const servers: Server[] = [];

afterAll(() => rmSync(directory, { recursive: true }));

/** Nothing of the user's own AWS configuration, and no instance metadata. */
beforeEach(() => {
  for (const name of Object.keys(process.env).filter((key) => key.startsWith('AWS_'))) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_CONFIG_FILE', CONFIG);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  writeFileSync(CONFIG, '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
});

type Reply = { readonly status?: number; readonly body: string | object };

/** Serves on loopback in the place of one of AWS's endpoints. */
async function serve(answer: (request: IncomingMessage) => Reply): Promise<string> {
  const server = createServer((request, response) => {
    const { status = 200, body } = answer(request);
    response.writeHead(status, {
      'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
    });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

function expiring(serial: number, lifeMs: number): object {
  return {
    Code: 'Success',
    Type: 'AWS-HMAC',
    AccessKeyId: `ASIA${serial}`,
    SecretAccessKey: 'secret',
    Token: `session-${serial}`,
    Expiration: new Date(Date.now() + lifeMs).toISOString().replace(/\.\d+/, ''),
  };
}

test('takes the keys of the environment, as Lambda has them', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAENV');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', 'session');

  expect(await createAwsLogin().credentials()).toEqual({
    accessKeyId: 'ASIAENV',
    secretAccessKey: 'secret',
    sessionToken: 'session',
  });
});

const LOADED = `
  import { registerHooks } from 'node:module';
  const loaded = new Set();
  registerHooks({ resolve: (specifier, context, next) => { loaded.add(specifier); return next(specifier, context); } });
  const { createAwsLogin } = await import('./client/aws-login.ts');
  await createAwsLogin().credentials().catch(() => {});
  console.log([...loaded].includes('@aws-sdk/credential-provider-node'));
`;

test.each([
  [
    'not at all where the environment has keys',
    { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    'false',
  ],
  ['where it has none', { AWS_EC2_METADATA_DISABLED: 'true' }, 'true'],
])('loads the SDK’s chain %s', (_, environment, expected) => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', LOADED], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', ...environment },
  });

  expect(stdout.trim(), stderr).toBe(expected);
});

test('takes a container’s credentials with the token of its file, as EKS Pod Identity and ECS have them', async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve(({ headers }) => {
    seen.push(headers.authorization);
    return { body: expiring(seen.length, 3_600_000) };
  });
  const file = join(directory, 'pod-token');
  writeFileSync(file, 'pod-token');
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${url}/v1/credentials`);
  vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', file);
  const login = createAwsLogin();

  const all = [await login.credentials(), await login.credentials()];

  expect(all).toEqual([
    expect.objectContaining({ accessKeyId: 'ASIA1', sessionToken: 'session-1' }),
    expect.objectContaining({ accessKeyId: 'ASIA1' }),
  ]);
  expect(seen).toEqual(['pod-token']);
});

test('credentials that are over are loaded anew, and so are those that are refused', async () => {
  let served = 0;
  const url = await serve(() => {
    served += 1;
    return { body: expiring(served, served === 1 ? -1_000 : 3_600_000) };
  });
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', url);
  const login = createAwsLogin();

  const first = await login.credentials();
  const second = await login.credentials();
  const changed = await login.renew();
  const third = await login.credentials();

  expect([first, second, third].map(({ accessKeyId }) => accessKeyId)).toEqual(['ASIA1', 'ASIA2', 'ASIA3']);
  expect(changed).toBe(true);
});

test('takes the role of an EC2 instance, and its region, by the second version of the metadata service', async () => {
  const unproven: string[] = [];
  const url = await serve(({ method, url: path, headers }) => {
    if (method === 'PUT') {
      return { body: 'metadata-token' };
    }
    if (headers['x-aws-ec2-metadata-token'] !== 'metadata-token') {
      unproven.push(path ?? '');
      return { status: 401, body: '' };
    }
    if (path === '/latest/meta-data/placement/region') {
      return { body: 'eu-north-1' };
    }
    return path?.endsWith('/role') ? { body: expiring(1, 3_600_000) } : { body: 'role' };
  });
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', undefined);
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', url);
  const login = createAwsLogin();

  expect(await login.credentials()).toMatchObject({ accessKeyId: 'ASIA1' });
  expect(await login.region()).toBe('eu-north-1');
  expect(unproven).toEqual([]);
});

test('takes the role of a web identity, as EKS has them for service accounts', async () => {
  const bodies: string[] = [];
  const url = await serve((request) => {
    request.on('data', (chunk) => bodies.push(String(chunk)));
    return {
      body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/pod/1</Arn><AssumedRoleId>AROA:1</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
    };
  });
  const file = join(directory, 'web-token');
  writeFileSync(file, 'web-token');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', file);
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/pod');
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', url);

  expect(await createAwsLogin().credentials()).toMatchObject({
    accessKeyId: 'ASIAWEB',
    sessionToken: 'session',
  });
  expect(new URLSearchParams(bodies.join('')).get('WebIdentityToken')).toBe('web-token');
});

test('takes what a profile of the configuration says, and what it says later', async () => {
  const profile = (key: string) =>
    `[profile work]\nregion = eu-central-1\naws_access_key_id = ${key}\naws_secret_access_key = secret\n`;
  writeFileSync(CONFIG, profile('AKIAFIRST'));
  vi.stubEnv('AWS_PROFILE', 'work');
  const login = createAwsLogin();

  const first = await login.credentials();
  writeFileSync(CONFIG, profile('AKIASECOND'));
  const changed = await login.renew();

  expect(first).toMatchObject({ accessKeyId: 'AKIAFIRST' });
  expect(changed).toBe(true);
  expect(await login.credentials()).toMatchObject({ accessKeyId: 'AKIASECOND' });
  expect(await login.region()).toBe('eu-central-1');
});

test('a profile that is named comes before the keys of the environment, and nothing is said of it', async () => {
  writeFileSync(CONFIG, '[profile work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n');
  vi.stubEnv('AWS_PROFILE', 'work');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAENV');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 's');
  const warn = vi.spyOn(console, 'warn');

  expect(await createAwsLogin().credentials()).toMatchObject({ accessKeyId: 'AKIAWORK' });
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

test('without AWS credentials it says how to have some', async () => {
  const client = createTokenClient(
    { url: 'https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com' },
    { post: () => expect.unreachable() },
  );

  const error = await thrownBy(client.accessToken());

  expect(error).toBeInstanceOf(VendError);
  expect(error).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringMatching(/no AWS credentials.*role.*aws sso login.*AWS_PROFILE/),
  });
});

test('without AWS credentials it names the profile that was to have some', async () => {
  vi.stubEnv('AWS_PROFILE', 'wrok');

  const error = await thrownBy(createAwsLogin().credentials());

  expect(error).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringMatching(/AWS_PROFILE names "wrok".*aws configure list-profiles/),
  });
});

test('a container’s endpoint that is away is worth another try', async () => {
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:9/credentials');

  expect(await thrownBy(createAwsLogin().credentials())).toMatchObject({
    code: 'credential_unavailable',
    message: expect.stringContaining('AWS_CONTAINER_CREDENTIALS_FULL_URI'),
  });
});

test('a single sign-on that is over says to log in again', async () => {
  writeFileSync(
    CONFIG,
    '[profile work]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = job\n',
  );
  vi.stubEnv('AWS_PROFILE', 'work');
  vi.stubEnv('HOME', directory);

  expect(await thrownBy(createAwsLogin().credentials())).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringContaining('aws sso login'),
  });
});

test('what a process is called with, and what it says, is in no error', async () => {
  writeFileSync(
    CONFIG,
    '[profile work]\ncredential_process = sh -c "echo canary-output >&2; exit 1" --password canary\n',
  );
  vi.stubEnv('AWS_PROFILE', 'work');

  const error = await thrownBy(createAwsLogin().credentials());

  expect(error).toMatchObject({ code: 'credential_invalid' });
  expect(`${error?.message}${error?.stack}${inspect(error)}`).not.toContain('canary');
});

test.each([
  [{ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-1'],
  [{ AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-2'],
])('the region of %j is %s', async (environment, region) => {
  expect(await createAwsLogin({ environment }).region()).toBe(region);
});

test('without a region it says how to give one', async () => {
  expect(await thrownBy(createAwsLogin().region())).toMatchObject({
    code: 'credential_invalid',
    message: expect.stringContaining('AWS_REGION'),
  });
});
