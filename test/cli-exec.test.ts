import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, openCli, PRINCIPAL } from './cli-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

let cli: CliRig;

beforeAll(async () => {
  cli = await openCli();
});

afterAll(async () => await cli.close());

/** A program of Node's, as a command. */
function program(source: string): readonly string[] {
  return ['--', process.execPath, '-e', source];
}

const PRINT_ENVIRONMENT = program('process.stdout.write(JSON.stringify(process.env))');

/** Says that it is up, and which signals it gets; TERM, and 5 seconds, end it. */
const LISTEN_TO_SIGNALS = program(`
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH']) {
    process.on(signal, () => {
      process.stdout.write(signal + '\\n');
      if (signal === 'SIGTERM') process.exit(3);
    });
  }
  process.stdout.write('listening ' + process.env.GCE_METADATA_HOST + '\\n');
  setTimeout(() => process.exit(4), 5000);
`);

async function isOpen(host: string): Promise<boolean> {
  const [address, port] = host.split(':');
  const socket = createConnection(Number(port), address);
  return await new Promise((resolve) => {
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  }).then((open) => {
    socket.destroy();
    return open === true;
  });
}

test.concurrent.for([
  ['what the command ends with', ['exit 7'], 7],
  ['0', ['exit 0'], 0],
  ['128 and the signal’s number', ['kill -TERM $$'], 143],
  ['128 and the number of a signal that cannot be caught', ['kill -KILL $$'], 137],
] as const)('ends with %s', async ([, [script], status], { expect }) => {
  expect(await cli.run(['exec', '--', 'sh', '-c', script])).toEqual({ status, stdout: '', stderr: '' });
});

test.concurrent.for([
  [
    '127 if there is no such command',
    'no-such-command',
    127,
    /^gcp-token: no-such-command: command not found\n$/,
  ],
  ['126 if it is not executable', 'README.md', 126, /^gcp-token: .*README\.md: is not executable\n$/],
  ['126 if it is a folder', 'docs', 126, /^gcp-token: .*docs: is not executable\n$/],
] as const)('ends with %s', async ([, command, status, says], { expect }) => {
  const path = command.startsWith('no-') ? command : join(import.meta.dirname, '..', command);

  const ended = await cli.run(['exec', path]);

  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toMatch(says);
});

test.concurrent.for([
  ['126 if something before it is no folder', '/dev/null/command', 126, /cannot be run: spawn ENOTDIR\n$/],
  ['126 if its name is too long', 'x'.repeat(5_000), 126, /cannot be run: spawn ENAMETOOLONG\n$/],
  ['127 if it has no name', '', 127, /^gcp-token: : command not found\n$/],
] as const)('ends with %s', async ([, command, status, says], { expect }) => {
  const ended = await cli.run(['exec', '--quiet', '--', command]);

  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toMatch(says);
});

test.concurrent('gives the command a folder that is found from everywhere, whatever TMPDIR says', async ({
  expect,
}) => {
  const temporary = relative(join(import.meta.dirname, '..'), cli.folder());

  const { status, stdout } = await cli.run(
    ['exec', '--quiet', '--', 'sh', '-c', 'cd / && ls "$CLOUDSDK_CONFIG" && echo "$CLOUDSDK_CONFIG"'],
    { TMPDIR: temporary },
  );

  expect(status).toBe(0);
  expect(stdout).toMatch(/^configurations\ngce\n\/.*\n$/);
});

test.concurrent('leaves to the command all that comes behind its name, with and without --', async ({
  expect,
}) => {
  const [with_, without] = await Promise.all([
    cli.run(['exec', '--quiet', '--', 'echo', '--quiet', '--json', '--', '-h']),
    cli.run(['exec', '--quiet', 'echo', '--quiet', '--json', '-h', '--profile']),
  ]);

  expect(with_).toEqual({ status: 0, stdout: '--quiet --json -- -h\n', stderr: '' });
  expect(without).toEqual({ status: 0, stdout: '--quiet --json -h --profile\n', stderr: '' });
});

test.concurrent('leads every client to the metadata server, and puts no token into the environment', async ({
  expect,
}) => {
  const { stdout } = await cli.run(['exec', '--project', 'my-project', ...PRINT_ENVIRONMENT]);

  const environment = JSON.parse(stdout);
  expect(environment).toMatchObject({
    GCE_METADATA_HOST: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    GCE_METADATA_IP: environment.GCE_METADATA_HOST,
    GCE_METADATA_ROOT: environment.GCE_METADATA_HOST,
    METADATA_SERVER_DETECTION: 'assume-present',
    GOOGLE_CLOUD_PROJECT: 'my-project',
    CLOUDSDK_CORE_PROJECT: 'my-project',
  });
  expect(stdout).not.toContain('ya29.');
  expect(environment).not.toHaveProperty('NO_PROXY');
});

test.concurrent('does not pass on what outranks the metadata server, and says so one time', async ({
  expect,
}) => {
  const more = {
    GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
    CLOUDSDK_AUTH_ACCESS_TOKEN: 'CANARY',
    KEPT: 'yes',
  };
  const [told, quiet] = await Promise.all([
    cli.run(['exec', ...PRINT_ENVIRONMENT], more),
    cli.run(['exec', '--quiet', ...PRINT_ENVIRONMENT], more),
  ]);

  expect(told.stderr).toBe(
    'gcp-token: not passed on, so that the vendor’s tokens are used: GOOGLE_APPLICATION_CREDENTIALS, CLOUDSDK_AUTH_ACCESS_TOKEN\n',
  );
  expect(quiet.stderr).toBe('');
  expect(JSON.parse(told.stdout)).toMatchObject({ KEPT: 'yes' });
  expect(told.stdout).not.toMatch(/GOOGLE_APPLICATION_CREDENTIALS|CANARY/);
});

test.concurrent('keeps the way to the metadata server free of a proxy, if there is one', async ({
  expect,
}) => {
  const { stdout } = await cli.run(['exec', ...PRINT_ENVIRONMENT], {
    HTTPS_PROXY: 'http://proxy.example:3128',
    no_proxy: 'internal.example',
  });

  const environment = JSON.parse(stdout);
  expect(environment.NO_PROXY).toBe('internal.example,127.0.0.1');
  expect(environment.no_proxy).toBe('internal.example,127.0.0.1');
});

test.concurrent('gives the command tokens of the vendor, with a pipe for its input', async ({ expect }) => {
  const source = `
    const root = 'http://' + process.env.GCE_METADATA_HOST + '/computeMetadata/v1/instance/service-accounts/';
    const get = (path) => fetch(root + path, { headers: { 'metadata-flavor': 'Google' } });
    const email = await (await get('default/email')).text();
    const { access_token } = await (await get('default/token')).json();
    process.stdout.write(email + ' ' + access_token.slice(0, 5));
  `;

  const ended = await cli.run(['exec', '--', process.execPath, '--input-type=module', '-e', source]);

  expect(ended).toEqual({ status: 0, stdout: `${PRINCIPAL} ya29.`, stderr: '' });
});

test.concurrent.for(['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const)(
  'passes %s to the command, and TERM, which ends it',
  async (signal, { expect }) => {
    const running = cli.start(['exec', ...LISTEN_TO_SIGNALS]);
    await running.untilSaid('listening');

    running.signal(signal);
    await running.untilSaid(signal);
    running.signal('SIGTERM');

    const { status, stdout } = await running.ended;
    expect(status).toBe(3);
    expect(stdout.split('\n').slice(1)).toEqual([signal, 'SIGTERM', '']);
  },
);

test.concurrent('leaves no port and no folder behind, however the command ends', async ({ expect }) => {
  const TMPDIR = cli.folder();
  const running = cli.start(['exec', ...LISTEN_TO_SIGNALS], { TMPDIR });
  const host = (await running.untilSaid('listening')).split(' ')[1]?.trim() ?? '';

  const during = [await isOpen(host), readdirSync(TMPDIR).length];
  await running.stop();
  await cli.run(['exec', '--', 'no-such-command'], { TMPDIR });
  await cli.run(['exec', '--', 'sh', '-c', 'kill -KILL $$'], { TMPDIR });

  expect(during).toEqual([true, 1]);
  expect(await isOpen(host)).toBe(false);
  expect(readdirSync(TMPDIR)).toEqual([]);
});

test.concurrent('ends when the command does, though a child of the command lives on', async ({ expect }) => {
  const TMPDIR = cli.folder();
  const running = cli.start(['exec', '--', 'sh', '-c', 'sleep 20 & echo $! $GCE_METADATA_HOST'], { TMPDIR });
  const [child, host = ''] = (await running.untilSaid('\n')).trim().split(' ');

  // Its output is still open in the child, so that it is the process that is waited for.
  await waitFor(() => !existsSync(`/proc/${running.pid}`) || isZombie(running.pid));
  const folders = readdirSync(TMPDIR);
  const open = await isOpen(host);
  process.kill(Number(child));

  expect({ folders, open }).toEqual({ folders: [], open: false });
  expect((await running.ended).status).toBe(0);
});

test.concurrent('leaves no folder behind even if it is killed', async ({ expect }) => {
  const TMPDIR = cli.folder();
  const running = cli.start(['exec', '--', 'sh', '-c', 'echo $$; exec sleep 20'], { TMPDIR });
  const command = Number(await running.untilSaid('\n'));
  const during = readdirSync(TMPDIR).length;

  running.signal('SIGKILL');
  await waitFor(() => readdirSync(TMPDIR).length === 0);
  process.kill(command);
  await running.ended;

  expect({ during, after: readdirSync(TMPDIR) }).toEqual({ during: 1, after: [] });
});

test.concurrent('leaves no process behind', async ({ expect }) => {
  const { stdout } = await cli.run(['exec', '--', 'sh', '-c', 'echo $PPID $CLOUDSDK_CONFIG']);
  const [parent = '', folder = ''] = stdout.trim().split(' ');

  const { stdout: processes } = await runTool('ps', ['-eo', 'ppid,args']);

  expect(processes).not.toMatch(new RegExp(`^ *${parent} `, 'm'));
  expect(processes).not.toContain(folder);
});

function isZombie(pid: number): boolean {
  try {
    return /\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

async function waitFor(condition: () => boolean): Promise<void> {
  const endMs = Date.now() + 10_000;
  while (!condition() && Date.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('is interrupted one time by Ctrl-C in a terminal', async (context) => {
  await needTool(context, 'script', ['--version']);
  const folder = cli.folder();
  const source = `
    let count = 0;
    process.on('SIGINT', () => { count += 1; setTimeout(() => { console.log('interrupted ' + count); process.exit(5); }, 400); });
    console.log('tty ' + process.stdin.isTTY);
    setTimeout(() => process.exit(6), 8000);
  `;
  writeFileSync(join(folder, 'program.mjs'), source);
  const main = join(import.meta.dirname, '..', 'client', 'cli', 'main.ts');
  const command = `${process.execPath} ${main} exec -- ${process.execPath} ${join(folder, 'program.mjs')}`;
  // The key is pressed as soon as the program is there to be interrupted.
  const typist = `i=0; until grep -q tty ${folder}/seen || [ $i = 200 ]; do i=$((i+1)); sleep 0.1; done; printf '\\003'; sleep 1.5`;

  const { stdout } = await runTool(
    'sh',
    ['-c', `: > ${folder}/seen; (${typist}) | script -qefc '${command}' ${folder}/seen; true`],
    { GCP_TOKEN_URL: cli.vendor.url, HOME: folder },
  );

  expect(stdout).toContain('tty true');
  expect(stdout).toContain('interrupted 1');
});

const SETTINGS = `[core]
account = me@example.com
project = my-project

[auth]
impersonate_service_account = other@p.iam.gserviceaccount.com

[compute]
region = europe-west1
`;

/** The files below a folder, with when they were written. */
function snapshot(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`);
}

function gcloudHome(): string {
  const home = cli.folder();
  const gcloud = join(home, '.config', 'gcloud');
  mkdirSync(join(gcloud, 'configurations'), { recursive: true });
  writeFileSync(join(gcloud, 'active_config'), 'work');
  writeFileSync(join(gcloud, 'configurations', 'config_work'), SETTINGS);
  writeFileSync(join(gcloud, 'credentials.db'), 'CANARY');
  return home;
}

test.concurrent('gives gcloud the user’s settings without the account, and none of the credentials', async ({
  expect,
}) => {
  const HOME = gcloudHome();
  const script =
    'cat $CLOUDSDK_CONFIG/configurations/config_work; ls $CLOUDSDK_CONFIG; stat -c %a $CLOUDSDK_CONFIG';

  const { stdout } = await cli.run(['exec', '--', 'sh', '-c', script], { HOME });

  expect(stdout).toContain('[core]\nproject = my-project\n\n[auth]\n\n[compute]\nregion = europe-west1\n');
  expect(stdout).toContain('\nactive_config\nconfigurations\ngce\n700\n');
  expect(stdout).not.toMatch(/CANARY|credentials\.db|me@example/);
});

test.concurrent('says that programs in Go use the user’s own login before the vendor’s, if there is one', async ({
  expect,
}) => {
  const HOME = gcloudHome();
  writeFileSync(join(HOME, '.config', 'gcloud', 'application_default_credentials.json'), '{}');

  const { stderr } = await cli.run(['exec', '--', 'true'], { HOME });

  expect(stderr).toMatch(
    /^gcp-token: programs in Go .*application_default_credentials\.json.*move it away[^\n]*\n$/,
  );
});

test('gcloud works unchanged, with the vendor’s account and the user’s project, and writes nothing of the user’s', {
  timeout: 180_000,
}, async (context) => {
  await needTool(context, 'sh', ['-c', 'command -v gcloud']);
  const HOME = gcloudHome();
  const before = snapshot(HOME);
  const gcloud = async (...args: readonly string[]) =>
    await cli.run(['exec', '--', 'gcloud', ...args], {
      HOME,
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
    });

  const token = await gcloud('auth', 'print-access-token');
  const account = await gcloud('config', 'get', 'account');
  const project = await gcloud('config', 'get', 'project');

  expect(token.stdout, token.stderr).toMatch(/^ya29\.[\w.-]+\n$/);
  expect(account.stdout, account.stderr).toBe(`${PRINCIPAL}\n`);
  expect(project.stdout, project.stderr).toBe('my-project\n');
  expect(snapshot(HOME)).toEqual(before);
});
