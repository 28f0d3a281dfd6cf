import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportOf } from '../client/doctor/doctor-report.ts';
import { UsageError } from '../infra/usage-error.ts';
import type { DoctorAnswer } from '../lambda/doctor/doctor-answer.ts';
import { type LocalAwsOptions, startAws } from '../local/aws/front.ts';
import { listen } from '../local/aws/listen.ts';
import { parseDoctorOptions } from '../local/doctor-options.ts';
import { type Ended, type Running, startScript } from './child-command.ts';
import { ACCOUNT, REGION, SESSION, USER } from './local-aws-rig.ts';
import { type Clinic, marks, openClinic } from './make-doctor.ts';
import { PRIVATE_KEY_PEM } from './make-document.ts';
import { runTool } from './optional-tool.ts';

const ESCAPE = '\u001b[';
const LOGIN = {
  AWS_ACCESS_KEY_ID: USER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
  AWS_REGION: REGION,
};
/** The last thing that the greeting of `npm start` says. */
const LAST_LINE = '/dev/stdout\n';

type Environment = Readonly<Record<string, string>>;

let folder: string;
let clinic: Clinic;
let local: Running;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-command-'));
  local = startScript('start', ['--port', '0'], { NODE_COMPILE_CACHE: join(folder, 'compiled') });
  clinic = await openClinic();
  await local.untilSaid(LAST_LINE);
});

afterAll(async () => {
  await local.stop();
  await clinic.close();
  rmSync(folder, { recursive: true });
});

function start(args: readonly string[], more: Environment = {}): Promise<Ended> {
  return startScript('doctor', args, {
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
    HOME: folder,
    ...more,
  }).ended;
}

/** A slow machine is told of progress, which is of no interest but to the test of that. */
async function run(args: readonly string[], more: Environment = {}): Promise<Ended> {
  const ended = await start(args, more);
  return { ...ended, stderr: ended.stderr.replace(/^Still examining.*\n/gm, '') };
}

function file(name: string, content: object | string): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function lastLine({ stdout }: Ended): string {
  return stdout.trimEnd().split('\n').at(-1) ?? '';
}

async function keyFile(changes: object = {}): Promise<string> {
  const key = await clinic.clouds.google
    .createServiceAccount({ email: `k${Math.random().toString(36).slice(2)}@p.iam.gserviceaccount.com` })
    .createKey();
  return file('sa.json', { ...key, ...changes });
}

test.concurrent('shows a healthy chain of the stand-ins, in lines without colour, with nothing else given', async ({
  expect,
}) => {
  const ended = await run([]);

  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).not.toContain(ESCAPE);
  expect(ended.stdout).toMatch(
    /^Examined: the stand-ins of npm start, nothing of yours .*--function\)\n\ndefault: access token \(credential default\)\n {2}✓ secret +\d+ ms {2}the secret/,
  );
  expect(ended.stdout).toMatch(/\n {2}✓ token endpoint +\d+ ms {2}127\.0\.0\.1:\d+ gave a token\n/);
  expect(lastLine(ended)).toBe('Healthy: 2 of 2, and 1 skipped.');
  expect(Math.max(...ended.stdout.split('\n').map((line) => line.length))).toBeLessThan(130);
});

test.concurrent.for([
  ['FORCE_COLOR', { FORCE_COLOR: '1' }, true],
  ['NO_COLOR', { NO_COLOR: '1' }, false],
] as const)('goes by %s', async ([, environment, isColoured], { expect }) => {
  const { status, stdout } = await run(['--profile', 'reports'], environment);

  expect(status).toBe(0);
  expect(stdout.includes(`${ESCAPE}32m✓`)).toBe(isColoured);
  expect(stdout.includes(ESCAPE)).toBe(isColoured);
});

test.concurrent('prints exactly the answer with --json, what was examined, and what was skipped', async ({
  expect,
}) => {
  const { status, stdout, stderr } = await run(['--json'], { FORCE_COLOR: '1' });

  const answer: DoctorAnswer = JSON.parse(stdout);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(Object.keys(answer)).toEqual(['examined', 'ok', 'checks']);
  expect(answer).toMatchObject({ examined: 'stand-ins' });
  expect(answer.checks.map(({ skipped }) => skipped)).toEqual([undefined, true, undefined]);
  expect(answer.checks.map(marks)[0]?.at(-1)).toBe('✓ first token');
});

test.concurrent('finds what is broken in a file, says first what to mend, and fails', async ({ expect }) => {
  const path = await keyFile({ private_key: PRIVATE_KEY_PEM });

  const ended = await run(['--credential', path, '--profile', 'reports']);

  expect(ended).toMatchObject({ status: 1, stderr: '' });
  expect(ended.stdout).toMatch(/✗ token endpoint/);
  expect(lastLine(ended)).toMatch(
    /^Broken: 1 of 1\. Mend first: reports, access token, token endpoint: .*Invalid JWT Signature/,
  );
});

test.concurrent('examines a file that npm start would refuse, and calls it a file', async ({ expect }) => {
  const { status, stdout } = await run(['--credential', file('text.json', 'CANARY'), '--json']);

  const { checks, examined }: DoctorAnswer & { examined?: string } = JSON.parse(stdout);
  const { detail = '' } = checks[0]?.links.find(({ outcome }) => outcome === 'failed') ?? {};
  expect(status).toBe(1);
  expect(examined).toMatch(/^file \S+text\.json$/);
  expect(detail).toMatch(/^The file \S+text\.json cannot be used: its value is not JSON/);
  expect(stdout).not.toContain('CANARY');
});

test.concurrent('asks for exactly the token that the flags say', async ({ expect }) => {
  const path = await keyFile();
  const audience = 'https://europe-west1-example.cloudfunctions.net/a';
  const args = ['--credential', path, '--profile', 'default', '--audience', audience, '--json'];

  const { status, stdout } = await run(args);

  const { checks }: DoctorAnswer = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(checks.map(({ asks }) => asks)).toEqual([`ID token for ${audience}`]);
});

test.concurrent('examines as this machine’s AWS user what federates with AWS', async ({ expect }) => {
  const { clouds } = clinic;
  const documents = await clouds.documents();
  const { accessKeyId, secretAccessKey, sessionToken = '' } = await clouds.aws.credentials();
  const path = file('federation.json', documents['federation with impersonation']);

  const { status, stdout } = await run(['--credential', path, '--profile', 'reports', '--json'], {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL_STS: clouds.sts.url,
  });

  const { checks }: DoctorAnswer = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(checks.map(marks)[0]?.slice(2, 5)).toEqual(['✓ signature', '✓ STS', '✓ impersonation']);
});

test.concurrent('reads the secret that the AWS configuration leads to', async ({ expect }) => {
  const environment = { ...LOGIN, AWS_ENDPOINT_URL_SECRETS_MANAGER: clinic.secretsManager.url };
  const key = await clinic.clouds.google
    .createServiceAccount({ email: 's@p.iam.gserviceaccount.com' })
    .createKey();
  clinic.secretsManager.createSecret('team/google', { string: JSON.stringify(key) });

  const found = await run(['--secret', 'team/google'], environment);
  const missing = await run(['--secret', 'team/nowhere'], environment);

  expect(lastLine(found)).toContain('Healthy');
  expect(found.stdout).toMatch(/^Examined: secret team\/google\n\n/);
  expect(found.status).toBe(0);
  expect(missing.status).toBe(1);
  expect(lastLine(missing)).toMatch(
    /^Broken: 2 of 3\. Mend first: default, access token, secret: .*team\/nowhere does not/,
  );
});

/** A function behind the local Lambda API, whose handler is a real vendor unless another one is given. */
async function deploy(options: Partial<LocalAwsOptions> = {}) {
  const key = await clinic.clouds.google
    .createServiceAccount({ email: `f${Math.random().toString(36).slice(2)}@p.iam.gserviceaccount.com` })
    .createKey();
  const { handler } = clinic.admit(key, {
    profiles: { default: { scopes: ['cloud-platform'] }, reports: { scopes: ['storage-ro'] } },
  });
  const aws = await startAws({
    port: 0,
    handler,
    profiles: ['default', 'reports'],
    otherAliases: ['Doctor'],
    functionName: 'vendor',
    region: REGION,
    accountId: ACCOUNT,
    credentials: [USER, SESSION],
    requireSignature: true,
    timeoutMs: 20_000,
    ...options,
  });
  const environment = { ...LOGIN, AWS_ENDPOINT_URL_LAMBDA: aws.url };
  return { close: aws.close, environment };
}

test.concurrent('has the deployed function examine itself', async ({ expect }) => {
  const { close, environment } = await deploy();

  const all = await run(['--function', 'vendor', '--json'], environment);
  const one = await run(
    ['--function', `arn:aws:lambda:${REGION}:${ACCOUNT}:function:vendor`, '--profile', 'reports'],
    { ...environment, AWS_REGION: 'us-east-1' },
  );
  await close();

  const { ok, checks }: DoctorAnswer = JSON.parse(all.stdout);
  expect({ status: all.status, ok }).toEqual({ status: 0, ok: true });
  expect(checks.map(({ profile }) => profile)).toEqual(['default', 'reports']);
  expect(one.status).toBe(0);
  expect(lastLine(one)).toBe('Healthy: 1 of 1.');
});

/** A function that cannot be examined, and what is said of it. */
const UNREACHABLE: readonly (readonly [
  what: string,
  options: Partial<LocalAwsOptions>,
  args: readonly string[],
  environment: Environment,
  says: RegExp,
])[] = [
  [
    'without the alias',
    { otherAliases: [] },
    [],
    {},
    /no function vendor with the alias Doctor in eu-west-1.*deploy the stack again/,
  ],
  [
    'that there is not',
    {},
    ['--function', 'nowhere'],
    {},
    /no function nowhere with the alias Doctor.*TokenFunctionName/,
  ],
  [
    'for strangers',
    {},
    [],
    { AWS_SECRET_ACCESS_KEY: 'wrong' },
    /does not accept your credentials.*get-caller-identity/,
  ],
  ['for nobody', {}, [], { AWS_ACCESS_KEY_ID: '' }, /no AWS credentials.*AWS_PROFILE/],
  ['nowhere', {}, [], { AWS_REGION: '' }, /no AWS region.*--region/],
  [
    'behind a closed port',
    {},
    [],
    { AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:9' },
    /Lambda did not answer.*ECONNREFUSED/,
  ],
  [
    'that refuses the request',
    {},
    ['--profile', 'reports', '--scopes', 'cloud-platform'],
    {},
    /threw AccessDenied: The profile reports does not allow/,
  ],
  [
    'that is another one',
    { handler: async () => ({ ok: true, checks: [{ links: [{ link: 'x' }] }] }) },
    [],
    {},
    /no doctor’s answer/,
  ],
];

test.concurrent.for(UNREACHABLE)(
  'says of a function %s why, with the fix, in one line',
  async (row, { expect }) => {
    const [, options, args, more, says] = row;
    const { close, environment } = await deploy(options);
    const named = args.includes('--function') ? args : ['--function', 'vendor', ...args];

    const { status, stdout, stderr } = await run(named, { ...environment, ...more });
    await close();

    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  },
);

test.concurrent('says what grants the invocation to who may not', async ({ expect }) => {
  const lambda = await listen(
    createServer((_, response) => {
      const headers = { 'content-type': 'application/json', 'x-amzn-errortype': 'AccessDeniedException' };
      response.writeHead(403, headers).end('{"Message": "User: arn:aws:iam::1:user/x is not authorized"}');
    }),
    0,
  );

  const ended = await run(['--function', 'vendor'], { ...LOGIN, AWS_ENDPOINT_URL_LAMBDA: lambda.url });
  await lambda.close();

  expect(ended.status).toBe(1);
  expect(ended.stderr).toMatch(/may not invoke the alias Doctor of vendor.*vendor\.grantDoctor\(role\)/);
});

test.concurrent('says that it is still at it, on standard error', async ({ expect }) => {
  const handler = async () => {
    await sleep(3_500);
    return { ok: true, checks: [] };
  };
  const { close, environment } = await deploy({ handler });

  const { status, stdout, stderr } = await start(['--function', 'vendor', '--json'], environment);
  await close();

  expect(stderr).toMatch(/^(?:Still examining, for \d+ s now …\n)+$/);
  expect({ status, answer: JSON.parse(stdout) }).toEqual({
    status: 0,
    answer: { examined: 'function vendor', ok: true, checks: [] },
  });
});

test('prints, in the greeting of npm start, a command that works as it stands', async () => {
  const greeting = await local.untilSaid(LAST_LINE);
  const block = greeting.split('\n\n').find((part) => part.startsWith('Walk the way')) ?? '';

  const { stdout } = await runTool('bash', ['-c', block.split('\n').slice(1).join('\n')]);

  expect(stdout).toContain('Healthy: 2 of 2, and 1 skipped.');
});

test('explains itself with --help', async () => {
  const { status, stdout, stderr } = await run(['--help']);

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('Usage: npm run doctor -- [options]');
  expect(stdout).toContain('npm run doctor -- --function "$TokenFunctionName"');
});

/** Each wrong command line with what its one line has to name. */
const FAULTS: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown flag', ['--fnction', 'x'], /--fnction.*npm run doctor -- --help/],
  ['an argument without a flag', ['sa.json'], /sa\.json.*--help/],
  [
    'two things to examine',
    ['--credential', 'a', '--function', 'b'],
    /one of --function, --credential or --secret/,
  ],
  ['a function with an alias', ['--function', 'vendor:reports'], /"vendor:reports".*without an alias/],
  ['a function for a shell', ['--function', 'a;id'], /--function: "a;id"/],
  [
    'profiles of a function',
    ['--function', 'vendor', '--profiles', 'x.json'],
    /--profiles: the function has its own/,
  ],
  ['a region that is none', ['--function', 'vendor', '--region', 'x.example'], /--region: "x\.example"/],
  ['a region of nothing', ['--region', 'eu-west-1'], /--region: it is for --function/],
  ['a request of no profile', ['--audience', 'https://a.example'], /--audience: name the profile/],
];

test.for(FAULTS)('refuses %s in one line', ([, args, expected]) => {
  const parse = () => parseDoctorOptions(args);

  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(expected);
  expect(parse).not.toThrow(/\n/);
});

test.concurrent.for([
  ['a wrong flag', () => ['--fnction', 'x'], /--fnction/],
  [
    'a file that is not there',
    () => ['--credential', '/nowhere/sa.json'],
    /\/nowhere\/sa\.json cannot be read/,
  ],
  [
    'a secret without a login',
    () => ['--secret', 'x'],
    /^--secret needs your AWS login: there is no AWS region/,
  ],
  [
    'a KMS key without a login',
    () => ['--credential', file('kms.json', { type: 'aws_kms' })],
    /^The credential document in \S+kms\.json needs your AWS login: .*no AWS credentials.*aws sso login/,
  ],
  ['an unknown profile', () => ['--profile', 'nobody'], /none named "nobody"; there are default, reports/],
  ['profiles that are not there', () => ['--profiles', '/nowhere/p.json'], /\/nowhere\/p\.json/],
  ['a lifetime that is none', () => ['--profile', 'default', '--lifetime', '5'], /lifetime: "5" is not/],
] as const)('names %s in one line, and fails', async ([, makeArgs, expected], { expect }) => {
  const { status, stdout, stderr } = await run(makeArgs());

  expect(stderr).toMatch(expected);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});

const ANSWER: DoctorAnswer = {
  ok: true,
  checks: [
    {
      profile: 'default',
      credential: 'default',
      asks: 'access token',
      ok: true,
      links: [
        { link: 'secret', outcome: 'ok', detail: 'one two three four five six seven eight nine ten', ms: 3 },
        { link: 'clock', outcome: 'warning', detail: 'red\u001b[31m\u202eherring\nline' },
      ],
    },
  ],
};

test('folds what is long under its beginning, and lets nothing steer the terminal', () => {
  const report = reportOf(ANSWER, {
    heading: 'Examined: file \u001b[1m',
    width: 60,
    paint: (_, text) => text,
  });

  expect(report.split('\n')).toEqual([
    'Examined: file  [1m',
    '',
    'default: access token (credential default)',
    '  ✓ secret             3 ms  one two three four five six',
    '                             seven eight nine ten',
    '  ! clock                    red [31m herring line',
    '',
    'Healthy, with a warning. Look at: default, access token, clock: red [31m herring line',
    '',
  ]);
});
