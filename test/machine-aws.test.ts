import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UsageError } from '../infra/usage-error.ts';
import { listen } from '../local/aws/listen.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import { demandLogin, machineAws } from '../local/machine-aws.ts';
import { needsAws } from '../local/needs-aws.ts';
import type { StartOptions } from '../local/start-options.ts';
import { type Clouds, type DocumentName, REGION, startClouds } from './make-clouds.ts';

const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const INSTANCES = '/compute/v1/projects/example-project/zones/europe-west1-b/instances';
const VARIABLES = [
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_STS',
  'AWS_EC2_METADATA_DISABLED',
] as const;

const folder = mkdtempSync(join(tmpdir(), 'machine-aws-'));

/** Nothing of the configuration of whoever runs this. */
beforeEach(() => {
  for (const name of VARIABLES) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('takes the region and the credentials of the environment', async () => {
  vi.stubEnv('AWS_REGION', 'eu-north-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret');
  vi.stubEnv('AWS_SESSION_TOKEN', 'a-session');

  const aws = machineAws();

  expect(await aws.region()).toBe('eu-north-1');
  expect(await aws.credentials()).toMatchObject({
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: 'a-secret',
    sessionToken: 'a-session',
  });
  expect(aws).not.toHaveProperty('stsUrl');
});

test('takes them of a profile in the configuration files too, and of the process that it names', async () => {
  const program = file('login.sh', 'echo \'{"Version": 1, "AccessKeyId": "AKIAP", "SecretAccessKey": "s"}\'');
  const config = `[profile team]\nregion = us-east-2\ncredential_process = sh ${program}\n`;
  vi.stubEnv('AWS_CONFIG_FILE', file('config', config));
  vi.stubEnv('AWS_PROFILE', 'team');

  const aws = machineAws();

  expect(await aws.region()).toBe('us-east-2');
  expect(await aws.credentials()).toMatchObject({ accessKeyId: 'AKIAP', secretAccessKey: 's' });
});

test.each([
  ['AWS_DEFAULT_REGION, as the AWS CLI does', { AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-west-3'],
  ['AWS_REGION before it', { AWS_DEFAULT_REGION: 'eu-west-3', AWS_REGION: 'eu-west-2' }, 'eu-west-2'],
  ['no empty variable', { AWS_DEFAULT_REGION: 'eu-west-3', AWS_REGION: '' }, 'eu-west-3'],
])('takes the region of %s', async (_, variables, expected) => {
  for (const [name, value] of Object.entries(variables)) {
    vi.stubEnv(name, value);
  }

  expect(await machineAws().region()).toBe(expected);
});

test.each([
  [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'http://127.0.0.1:1'],
  [
    { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:2' },
    'http://127.0.0.1:2',
  ],
])('finds another STS where the SDK would: %o', (variables, expected) => {
  for (const [name, value] of Object.entries(variables)) {
    vi.stubEnv(name, value);
  }

  expect(machineAws().stsUrl).toBe(expected);
});

test('fails without credentials, and does not ask an instance metadata service for them', async () => {
  let asked = 0;
  const metadata = await listen(
    createServer((_, response) => {
      asked += 1;
      response.writeHead(404).end();
    }),
    0,
  );
  vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', metadata.url);
  const aws = machineAws();

  await expect(aws.credentials()).rejects.toThrow('credentials');
  await expect(aws.region()).rejects.toThrow('Region');
  await metadata.close();

  expect(asked).toBe(0);
});

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'a-secret' };

function stub(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    vi.stubEnv(name, value);
  }
}

test('demands a login, and gives what there is', async () => {
  stub({ ...KEYS, AWS_REGION: 'eu-north-1' });

  const login = await demandLogin({ what: '--secret' });

  expect(login).toMatchObject({ region: 'eu-north-1', credentials: { accessKeyId: 'AKIAEXAMPLE' } });
});

test('takes a region that is known already before that of the environment', async () => {
  stub({ ...KEYS, AWS_REGION: 'eu-north-1' });

  const { region } = await demandLogin({ what: '--function', region: 'us-east-1' });

  expect(region).toBe('us-east-1');
});

const WHOLE =
  /^--secret needs your AWS login: there is no AWS region \(set AWS_REGION, or run `aws configure`\), and there are no AWS credentials \(run `aws configure` or `aws sso login`, or choose a profile with AWS_PROFILE=NAME; on EC2, AWS_EC2_METADATA_DISABLED=false lets the instance’s role be used\)\.$/;

type Lack = readonly [what: string, variables: Readonly<Record<string, string>>, says: RegExp, not: RegExp];

const LACKS: readonly Lack[] = [
  ['both', {}, WHOLE, /--region/],
  ['a region', KEYS, /no AWS region/, /credentials/],
  ['credentials', { AWS_REGION: 'eu-north-1' }, /no AWS credentials/, /no AWS region/],
  [
    'the profile that is named',
    { AWS_REGION: 'eu-north-1', AWS_PROFILE: 'nope' },
    /AWS_PROFILE names the profile "nope", which does not exist.*aws configure list-profiles/,
    /no AWS credentials/,
  ],
  [
    'a region, though the profile that is named is for nothing',
    { ...KEYS, AWS_PROFILE: 'nope' },
    /the profile "nope", which does not exist/,
    /no AWS region/,
  ],
];

test.each(LACKS)('says in one line who lacks %s what to do', async (_, variables, says, not) => {
  stub(variables);

  const error: unknown = await demandLogin({ what: '--secret' }).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(UsageError);
  expect(String(error).replace('UsageError: ', '')).toMatch(says);
  expect(String(error)).not.toMatch(not);
  expect(String(error)).not.toMatch(/\n/);
});

test('says which profile has no credentials, and that a flag gives the region', async () => {
  stub({ AWS_CONFIG_FILE: file('empty-profile', '[profile team]\noutput = json\n'), AWS_PROFILE: 'team' });

  const login = demandLogin({ what: '--function', regionFlag: '--region' });

  await expect(login).rejects.toThrow(/\(give --region, or set AWS_REGION.*from the profile "team"/);
});

test('does not advise to allow the metadata service where it is allowed', async () => {
  stub({ AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' });

  const login = demandLogin({ what: '--secret' });

  await expect(login).rejects.toThrow(/no AWS credentials/);
  await expect(login).rejects.not.toThrow(/METADATA/);
});

test.each([
  [{ type: 'service_account' }, false],
  [{ type: 'authorized_user' }, false],
  [{ type: 'external_account' }, true],
  [{ type: 'aws_kms' }, true],
  [{ type: 'impersonated_service_account', source_credentials: { type: 'authorized_user' } }, false],
  [{ type: 'impersonated_service_account', source_credentials: { type: 'external_account' } }, true],
  ['no document', false],
])('knows whether a document needs AWS: %j', (document, expected) => {
  expect(needsAws(JSON.stringify(document))).toBe(expected);
});

test('npm start fails at once, with nothing up, if a document needs AWS and there is no login', async () => {
  const document = await withClouds(async ({ documents }) => (await documents())['federation, OIDC token']);
  vi.unstubAllEnvs();
  stub({ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_PROFILE: '' });
  stub({ AWS_REGION: '', AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });

  const started = startLocalVendor(optionsFor(document), QUIET);

  await expect(started).rejects.toThrow(/credential\.json needs your AWS login: there is no AWS region/);
});

function optionsFor(document: object): StartOptions {
  return {
    help: false,
    port: 0,
    profilesFile: 'infra/profiles.json',
    credential: { kind: 'key', file: file('credential.json', JSON.stringify(document)) },
    requireSignature: false,
  };
}

/** The stand-ins for both clouds, which the environment leads to, as it leads to the real ones. */
async function withClouds<Result>(work: (clouds: Clouds) => Promise<Result>): Promise<Result> {
  const clouds = await startClouds();
  const { accessKeyId, secretAccessKey, sessionToken } = await clouds.aws.credentials();
  const login = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\n`;
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file('credentials', login));
  vi.stubEnv('AWS_REGION', REGION);
  vi.stubEnv('AWS_ENDPOINT_URL_STS', clouds.sts.url);
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', clouds.kms.url);
  try {
    return await work(clouds);
  } finally {
    await clouds.close();
  }
}

test.each<[DocumentName]>([
  ['federation, signed request'],
  ['federation, OIDC token'],
  ['federation with impersonation'],
  ['AWS KMS key'],
])('npm start vends from a file as this machine’s user: %s', async (name) => {
  const { token, instances } = await withClouds(async ({ documents, google }) => {
    const vendor = await startLocalVendor(optionsFor((await documents())[name]), QUIET);
    const answer = await fetch(`${vendor.url}/token`);
    const { access_token: token } = (await answer.json()) as { access_token?: string };
    await vendor.close();
    const headers = { authorization: `Bearer ${token}` };
    return { token, instances: await fetch(google.url + INSTANCES, { headers }) };
  });

  expect(token).toMatch(/^ya29\./);
  expect(instances.status).toBe(200);
});
