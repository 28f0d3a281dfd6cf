import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { examineCaller } from '../client/doctor/caller-doctor.ts';
import { examineIdentity, sourceOf } from '../client/doctor/caller-identity.ts';
import type { Reported, ReportedLink } from '../client/doctor/doctor-report.ts';
import { examineVendor } from '../client/doctor/vendor-doctor.ts';
import { judgeClock } from '../client/doctor/vendor-reach.ts';
import { VendError } from '../lambda/errors.ts';
import { type LocalSts, startSts } from '../local/aws/sts.ts';
import { ACCOUNT_ID, FUNCTION_NAME, REGION } from '../local/place.ts';
import { AUDIENCE, CLOUD_PLATFORM, type CliRig, openCli, PRINCIPAL } from './cli-rig.ts';

const ARN = `arn:aws:iam::${ACCOUNT_ID}:user/local`;
const NOW_MS = Date.parse('2026-11-22T06:00:00Z');

let cli: CliRig;
let sts: LocalSts;
/** What a function's caller has. */
let login: Readonly<Record<string, string>>;

beforeAll(async () => {
  cli = await openCli({ requireSignature: true });
  const { accessKeyId, secretAccessKey } = cli.vendor.credential;
  sts = await startSts({
    region: REGION,
    accountId: ACCOUNT_ID,
    credentials: [{ ...cli.vendor.credential, principalArn: ARN }],
  });
  login = {
    GCP_TOKEN_URL: '',
    GCP_TOKEN_FUNCTION: FUNCTION_NAME,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL_LAMBDA: cli.vendor.url,
    AWS_ENDPOINT_URL_STS: sts.url,
  };
});

afterAll(async () => {
  await Promise.all([cli.close(), sts.close()]);
});

async function doctor(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const ended = await cli.run(['doctor', '--json', ...args], { ...login, ...more });
  const answer: Reported = JSON.parse(ended.stdout);
  const links = answer.checks[0]?.links ?? [];
  return {
    ...ended,
    answer,
    outcomes: Object.fromEntries(links.map(({ link, outcome }) => [link, outcome])),
    detail: (name: string) => links.find(({ link }: ReportedLink) => link === name)?.detail ?? '',
  };
}

test.concurrent('walks a healthy way link by link, and says whose the login and the tokens are', async ({
  expect,
}) => {
  const { status, stdout, stderr, answer, outcomes, detail } = await doctor(['--audience', AUDIENCE]);

  expect({ status, stderr, ok: answer.ok }).toEqual({ status: 0, stderr: '', ok: true });
  expect(outcomes).toEqual({
    configuration: 'ok',
    region: 'ok',
    'AWS login': 'ok',
    vendor: 'ok',
    clock: 'ok',
    'access token': 'ok',
    'ID token': 'ok',
    account: 'ok',
  });
  expect(detail('configuration')).toContain(
    `the function ${FUNCTION_NAME}, by GCP_TOKEN_FUNCTION; profile default`,
  );
  expect(detail('AWS login')).toBe(`${ARN}, from the environment (AWS_ACCESS_KEY_ID)`);
  expect(detail('access token')).toMatch(new RegExp(`^good for another \\d+ min, for ${CLOUD_PLATFORM}$`));
  expect(detail('account')).toBe(PRINCIPAL);
  expect(stdout).not.toMatch(/ya29|eyJ/);
});

test.concurrent('goes on from the function to Google, by the vendor’s own doctor', async ({ expect }) => {
  const { answer } = await doctor(['--profile', 'reports']);

  const last = answer.checks.at(-1);
  expect(answer.checks.length).toBeGreaterThan(1);
  expect(last).toMatchObject({ profile: 'reports', ok: true });
  expect(last?.links.map(({ link }) => link)).toContain('token endpoint');
});

test.concurrent('examines each profile that is named, and shows it to people in lines', async ({
  expect,
}) => {
  const args = ['doctor', '--profile', 'default', '--profile', 'reports'];

  const { status, stdout } = await cli.run(args, login);

  expect(status).toBe(0);
  expect(stdout).toMatch(/\ndefault: the way from here.*\n {2}✓ configuration /);
  expect(stdout).toMatch(/\nreports: the way from here/);
  expect(stdout).toMatch(/\nHealthy: \d of \d.*\.\n$/);
});

test.concurrent('needs no AWS login for a vendor on this machine', async ({ expect }) => {
  const open = await openCli();
  const ended = await open.run(['doctor', '--json']);
  await open.close();

  const { ok, checks }: Reported = JSON.parse(ended.stdout);
  expect({ ok, checks: checks.length }).toEqual({ ok: true, checks: 1 });
  expect(checks[0]?.links.slice(1, 3).map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped']);
});

type Broken = readonly [
  what: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  link: string,
  says: RegExp,
];

const BROKEN: readonly Broken[] = [
  [
    'no vendor',
    [],
    { GCP_TOKEN_FUNCTION: '' },
    'configuration',
    /GCP_TOKEN_URL.*--url.*GCP_TOKEN_FUNCTION.*--function/,
  ],
  ['two vendors', ['--url', 'https://a.example', '--function', 'f'], {}, 'configuration', /one of url/],
  ['what is no address', ['--url', 'http://a.example'], {}, 'configuration', /must be https/],
  ['no region', [], { AWS_REGION: '' }, 'region', /AWS_REGION/],
  ['no login', [], { AWS_ACCESS_KEY_ID: '' }, 'AWS login', /no AWS credentials.*aws sso login/],
  [
    'a login that AWS does not know',
    [],
    { AWS_ACCESS_KEY_ID: 'AKIASTRANGER' },
    'AWS login',
    /does not know them/,
  ],
  [
    'a vendor that is not there',
    [],
    { AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:1' },
    'vendor',
    /ECONNREFUSED/,
  ],
  ['a function that is not there', ['--function', 'nowhere'], {}, 'access token', /no such function/],
  [
    'a scope that the profile denies',
    ['--scopes', 'storage-ro'],
    {},
    'access token',
    /devstorage\.read_only/,
  ],
  [
    'an audience that the profile denies',
    ['--audience', 'https://a.example'],
    { EXPECT: 'skipped' },
    'ID token',
    /a\.example/,
  ],
];

test.concurrent.for(BROKEN)(
  'finds %s, and what mends it',
  async ([, args, environment, link, says], { expect }) => {
    const { status, answer, outcomes, detail } = await doctor(args, environment);

    const isBroken = environment.EXPECT === undefined;
    expect({ status, ok: answer.ok }).toEqual(isBroken ? { status: 1, ok: false } : { status: 0, ok: true });
    expect(outcomes[link]).toBe(environment.EXPECT ?? 'failed');
    expect(detail(link)).toMatch(says);
  },
);

test.concurrent('without a login and a region it asks nobody, since it is not known where', async ({
  expect,
}) => {
  const { outcomes } = await doctor([], { AWS_ENDPOINT_URL_LAMBDA: '', AWS_REGION: '' });

  expect(outcomes).toMatchObject({ region: 'failed', 'AWS login': 'skipped', vendor: 'skipped' });
});

test('looks for Lambda in the region that is known, though AWS does not accept the login', async () => {
  const asked: string[] = [];
  const post = async ({ host }: URL) => {
    asked.push(host);
    return { status: 403, headers: {}, body: '<Code>InvalidClientTokenId</Code>' };
  };
  const environment = { AWS_ACCESS_KEY_ID: 'AKIASTRANGER', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: REGION };
  const wish = { scopes: undefined, audience: undefined };

  await examineCaller(
    { options: { functionName: 'vendor' }, namedBy: '--function', wish },
    { environment, post, now: () => NOW_MS, createClient: () => expect.unreachable() },
  );

  expect(asked).toEqual([`sts.${REGION}.amazonaws.com`, `lambda.${REGION}.amazonaws.com`]);
});

test.concurrent('warns if it cannot learn from STS whose the login is, for that breaks nothing', async ({
  expect,
}) => {
  const { status, outcomes, detail } = await doctor([], { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' });

  expect({ status, login: outcomes['AWS login'] }).toEqual({ status: 0, login: 'warning' });
  expect(detail('AWS login')).toMatch(/whose is not known/);
});

test.concurrent('finds the login in the user’s AWS configuration', async ({ expect }) => {
  const file = join(cli.folder(), 'credentials');
  const { accessKeyId, secretAccessKey } = cli.vendor.credential;
  writeFileSync(
    file,
    `[work]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  );

  const { detail } = await doctor([], {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_SHARED_CREDENTIALS_FILE: file,
    AWS_PROFILE: 'work',
  });

  expect(detail('AWS login')).toBe(`${ARN}, from your AWS configuration, profile work`);
});

test.each([
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a web identity'],
  ['CREDENTIALS_PROFILE_SSO', 'AWS single sign-on'],
  ['CREDENTIALS_PROFILE_PROCESS', 'a process'],
  ['CREDENTIALS_HTTP', 'the container’s role'],
  ['CREDENTIALS_IMDS', 'the instance’s role'],
  ['CREDENTIALS_PROFILE', 'your AWS configuration'],
])('knows by the SDK’s %s that credentials are from %s', (feature, source) => {
  expect(sourceOf({ $source: { [feature]: 'x' } }, {})).toContain(source);
});

test.each([
  ['2026-11-22T06:00:05Z', 'ok', /within 10 s/],
  ['2026-11-22T06:01:00Z', 'warning', /60 s behind the vendor’s; set it/],
  ['2026-11-22T05:50:00Z', 'warning', /600 s ahead of the vendor’s.*AWS refuses/],
  ['', 'skipped', /does not show the time/],
])('judges the clock by the vendor’s date %s', (date, outcome, says) => {
  const finding = judgeClock(date, NOW_MS);

  expect(finding.outcome).toBe(outcome);
  expect(finding.detail).toMatch(says);
});

test('passes the vendor’s own doctor over for whoever may not have it, and says how to', async () => {
  const refuse = (error: Error) => async () => await Promise.reject(error);
  const asked = {
    functionName: 'vendor:reports',
    profile: 'reports',
    wish: { scopes: undefined, audience: undefined },
  };
  const now = () => NOW_MS;

  const [denied] = await examineVendor(asked, { invoke: refuse(new VendError('access_denied', 'No.')), now });
  const [broken] = await examineVendor(asked, { invoke: refuse(new VendError('server_error', 'Oh.')), now });
  const [strange] = await examineVendor(asked, { invoke: async () => ({}), now });

  expect(denied).toMatchObject({ ok: true, skipped: true });
  expect(denied?.links[0]?.detail).toMatch(/^No\. .*vendor\.grantDoctor\(role\)/);
  expect(broken).toMatchObject({ ok: false, links: [{ outcome: 'failed', detail: 'Oh.' }] });
  expect(strange?.links[0]?.detail).toMatch(/no doctor’s answer/);
});

test('asks the alias of the doctor, whatever alias the function’s name has', async () => {
  const targets: unknown[] = [];
  const invoke = async (target: object, event: object) => {
    targets.push(target, event);
    return { ok: true, checks: [] };
  };
  const wish = { scopes: undefined, audience: AUDIENCE };

  await examineVendor(
    { functionName: 'vendor:reports', profile: 'reports', wish },
    { invoke, now: () => NOW_MS },
  );

  expect(targets).toEqual([
    { functionName: 'vendor', qualifier: 'Doctor' },
    { profile: 'reports', audience: AUDIENCE },
  ]);
});

test('does not wait for ever for a login that gives nothing', async () => {
  const silent = {
    credentials: () => new Promise<never>(() => {}),
    region: async () => REGION,
    renew: async () => false,
  };
  const never = () => expect.unreachable();

  const examined = examineIdentity({
    login: silent,
    environment: {},
    post: never,
    now: () => NOW_MS,
    loginTimeoutMs: 50,
  });

  await expect(examined).rejects.toThrow('neither an answer nor an error. Try `aws sts get-caller-identity`');
});
