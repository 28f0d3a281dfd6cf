import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUDIENCE, CLOUD_PLATFORM, type CliRig, openCli, PRINCIPAL } from './cli-rig.ts';

const STORAGE_RO = 'https://www.googleapis.com/auth/devstorage.read_only';
const ACCESS_TOKEN = /^ya29\.[\w.-]+$/;

let cli: CliRig;

beforeAll(async () => {
  cli = await openCli();
});

afterAll(async () => await cli.close());

function claims(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

test.concurrent('prints the bare access token and a newline, as gcloud does', async ({ expect }) => {
  const { status, stdout, stderr } = await cli.run(['print-access-token']);

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^ya29\.[\w.-]+\n$/);
});

test.concurrent('prints the bare ID token and a newline, for the one audience', async ({ expect }) => {
  const { status, stdout, stderr } = await cli.run(['print-identity-token', `--audiences=${AUDIENCE}`]);

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  expect(claims(stdout)).toMatchObject({ aud: AUDIENCE, email: PRINCIPAL });
});

test.concurrent('prints the whole answer of an access token with --json', async ({ expect }) => {
  const { stdout } = await cli.run(['print-access-token', '--json']);

  expect(JSON.parse(stdout)).toEqual({
    access_token: expect.stringMatching(ACCESS_TOKEN),
    token_type: 'Bearer',
    expires_in: expect.any(Number),
    expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    scope: CLOUD_PLATFORM,
    principal: PRINCIPAL,
  });
});

test.concurrent('prints the whole answer of an ID token with --json', async ({ expect }) => {
  const { stdout } = await cli.run(['print-identity-token', '--json', '--audiences', AUDIENCE]);

  expect(JSON.parse(stdout)).toEqual({
    id_token: expect.stringMatching(/^eyJ/),
    token_type: 'Bearer',
    expires_in: expect.any(Number),
    expires_at: expect.stringMatching(/Z$/),
    audience: AUDIENCE,
    principal: PRINCIPAL,
  });
});

test.concurrent.for([
  ['--profile behind the command', ['print-access-token', '--profile', 'reports', '--json'], {}],
  ['--profile before the command', ['--profile=reports', 'print-access-token', '--json'], {}],
  ['GCP_TOKEN_PROFILE', ['print-access-token', '--json'], { GCP_TOKEN_PROFILE: 'reports' }],
] as const)('takes the profile from %s', async ([, args, environment], { expect }) => {
  const { stdout } = await cli.run(args, environment);

  expect(JSON.parse(stdout)).toMatchObject({ scope: STORAGE_RO });
});

test.concurrent('takes the vendor from --url where the environment names another', async ({ expect }) => {
  const { status } = await cli.run(['print-access-token', '--url', cli.vendor.url], {
    GCP_TOKEN_URL: 'http://127.0.0.1:1',
  });

  expect(status).toBe(0);
});

test.concurrent('asks for the scopes that --scopes lists, gcloud’s aliases among them', async ({
  expect,
}) => {
  const good = await cli.run(['print-access-token', '--scopes=cloud-platform,cloud-platform', '--json']);
  const denied = await cli.run(['print-access-token', '--scopes=storage-ro']);

  expect(JSON.parse(good.stdout)).toMatchObject({ scope: CLOUD_PLATFORM });
  expect(denied).toMatchObject({ status: 1, stdout: '' });
  expect(denied.stderr).toMatch(/^gcp-token: .*devstorage\.read_only.*\(access_denied\)\n$/);
});

test.concurrent.for([
  ['--lifetime', ['--lifetime=30m'], /^gcp-token: .*lifetime.*\(access_denied\)\n$/i],
  ['--subject', ['--subject=ada@example.com'], /^gcp-token: .*subject.*\(access_denied\)\n$/i],
] as const)('passes %s on, which the profile refuses', async ([, flags, says], { expect }) => {
  const { status, stdout, stderr } = await cli.run(['print-access-token', ...flags]);

  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(says);
});

test.concurrent.for([
  ['print-access-token', []],
  ['print-identity-token', ['--audiences', AUDIENCE]],
] as const)(
  '%s takes the account that the profile gives, and no other',
  async ([command, args], { expect }) => {
    const [flag, argument, delegated, other] = await Promise.all([
      cli.run([command, ...args, `--impersonate-service-account=${PRINCIPAL}`]),
      cli.run([command, ...args, PRINCIPAL]),
      cli.run([command, ...args, `--impersonate-service-account=via@p.iam.gserviceaccount.com,${PRINCIPAL}`]),
      cli.run([command, ...args, '--impersonate-service-account=root@p.iam.gserviceaccount.com']),
    ]);

    expect([flag.status, argument.status, delegated.status]).toEqual([0, 0, 0]);
    expect(other).toMatchObject({ status: 1, stdout: '' });
    expect(other.stderr).toMatch(
      new RegExp(
        `^gcp-token: --impersonate-service-account: .*are of ${PRINCIPAL}.*root@p.*--profile NAME\\.\n$`,
      ),
    );
  },
);

test.concurrent('--include-email holds for a token that carries the address', async ({ expect }) => {
  const { status, stdout } = await cli.run([
    'print-identity-token',
    '--include-email',
    '--audiences',
    AUDIENCE,
  ]);

  expect(status).toBe(0);
  expect(claims(stdout)).toMatchObject({ email: PRINCIPAL });
});

/** What is wrong with a command line, and what is said of it in one line. */
const FAULTS: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
  [
    'a command that there is not',
    ['exce'],
    /unknown command 'exce'; did you mean exec\? See gcp-token --help\.$/,
  ],
  [
    'a flag that there is not',
    ['print-access-token', '--scops', 'x'],
    /unknown option '--scops'; did you mean --scopes\? See gcp-token print-access-token --help\.$/,
  ],
  ['a flag without its value', ['print-access-token', '--scopes'], /'--scopes <list>' argument missing\./],
  ['no command', ['--json'], /which command\? See gcp-token --help\./],
  ['a lifetime that no token has', ['print-access-token', '--lifetime=5'], /--lifetime: "5" .*600 to 43200/],
  [
    'a lifetime that is none',
    ['print-access-token', '--lifetime', 'soon'],
    /--lifetime: "soon" is no lifetime/,
  ],
  ['no audience', ['print-identity-token'], /required option '--audiences <audience>' not specified/],
  [
    'an audience under a name that is like the flag’s',
    ['print-identity-token', '--audience', 'https://a.example'],
    /unknown option '--audience'; did you mean --audiences\?/,
  ],
  [
    'a vendor’s address without its scheme',
    ['print-access-token', '--url', '127.0.0.1:8080'],
    /is no https URL, and no http:\/\/ one of this machine/,
  ],
  [
    'two profiles for one token',
    ['print-access-token', '--profile', 'a', '--profile', 'b'],
    /--profile: .*give one profile/,
  ],
  [
    'two vendors',
    ['print-access-token', '--url', 'http://127.0.0.1:1', '--function', 'f'],
    /--url and --function are both there; give one/,
  ],
  ['an argument too many', ['print-access-token', 'a', 'b'], /too many arguments/],
  ['exec without a command', ['exec'], /missing required argument 'command'/],
];

test.concurrent.for(FAULTS)('ends with status 2 and one line for %s', async ([, args, says], { expect }) => {
  const { status, stdout, stderr } = await cli.run(args);
  const line = args.includes('--json')
    ? JSON.parse(stderr).error_description
    : stderr.replace(/^gcp-token: /, '');

  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(line.trimEnd()).toMatch(says);
  expect(stderr.trimEnd()).not.toContain('\n');
});

test.concurrent('says which settings name a vendor if none does', async ({ expect }) => {
  const { status, stderr } = await cli.run(['print-access-token'], { GCP_TOKEN_URL: '' });

  expect(status).toBe(2);
  expect(stderr).toMatch(/--url .*--function .*GCP_TOKEN_URL or GCP_TOKEN_FUNCTION/);
});

test.concurrent('tells of a failure as JSON on standard error with --json', async ({ expect }) => {
  const { status, stdout, stderr } = await cli.run([
    'print-access-token',
    '--json',
    '--scopes',
    'storage-ro',
  ]);

  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(JSON.parse(stderr)).toEqual({
    error: 'access_denied',
    error_description: expect.stringContaining('devstorage.read_only'),
    retryable: false,
  });
});

test('fails in one line if no vendor runs on this machine, without a stack, and says how to start it', async () => {
  const { status, stdout, stderr } = await cli.run(['print-access-token'], {
    GCP_TOKEN_URL: 'http://127.0.0.1:1',
  });

  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^gcp-token: [^\n]+start the vendor with `npm start`[^\n]+\n$/);
});

test.each([
  ['', ['completion', 'bash'], 'gcp-token: standard output cannot be written (ENOSPC).\n'],
  [
    ' as JSON',
    ['--json', 'completion', 'bash'],
    `${JSON.stringify({ error: 'failed', error_description: 'standard output cannot be written (ENOSPC).', retryable: false })}\n`,
  ],
])('says in one line%s that its output cannot be written', (_, args, says) => {
  const main = join(import.meta.dirname, '..', 'client', 'cli', 'main.ts');
  const full = openSync('/dev/full', 'w');

  const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
    timeout: 60_000,
  });
  closeSync(full);

  expect({ status, stderr }).toEqual({ status: 1, stderr: says });
});
