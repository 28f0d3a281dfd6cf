import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, openCli } from './cli-rig.ts';
import { needTool, runTool } from './optional-tool.ts';

let cli: CliRig;

beforeAll(async () => {
  cli = await openCli();
});

afterAll(async () => await cli.close());

async function scriptFor(shell: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout } = await cli.run(['completion', shell, ...args]);
  expect(status).toBe(0);
  const file = join(cli.folder(), `gcp-token.${shell}`);
  writeFileSync(file, stdout);
  return file;
}

/** What bash would offer for the last of the words, as it breaks a line into them. */
const BASH = `
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_gcp_token
printf '%s\\n' "\${COMPREPLY[@]}" | sort -u
`;

const OFFERS: readonly (readonly [words: readonly string[], offers: readonly string[]])[] = [
  [['pri'], ['print-access-token', 'print-identity-token']],
  [['--profile', 'reports', 'exe'], ['exec']],
  [['--profile', '=', 'reports', 'exe'], ['exec']],
  [
    ['print-access-token', '--profile', ''],
    ['default', 'reports', 'team'],
  ],
  [['print-access-token', '--profile', '=', 're'], ['reports']],
  [['print-access-token', '--sc'], ['--scopes']],
  [
    ['print-access-token', '--scopes', 'storage-ro,storage-r'],
    ['storage-ro,storage-ro', 'storage-ro,storage-rw'],
  ],
  [['exec', '--qu'], ['--quiet']],
  [['exec', '--', 'ls', '/etc/hostn'], ['/etc/hostname']],
  [['exec', 'ls', '/etc/hostn'], ['/etc/hostname']],
  [['call', '-o', '/etc/hostn'], ['/etc/hostname']],
  [['call', '-H', ''], ['']],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
  [['help', 'ca'], ['call']],
];

test('completes commands, flags and values under bash', async (context) => {
  await needTool(context, 'bash', ['--version']);
  const file = await scriptFor('bash', '--profile', 'default', '--profile', 'reports');

  const offered = await Promise.all(
    OFFERS.map(
      async ([words]) =>
        await runTool('bash', ['-c', BASH, 'bash', file, 'gcp-token', ...words], {
          GCP_TOKEN_PROFILE: 'team',
        }),
    ),
  );

  expect(offered.map(({ stderr }) => stderr).join('')).toBe('');
  expect(offered.map(({ stdout }) => stdout.split('\n').slice(0, -1))).toEqual(
    OFFERS.map(([, offers]) => offers),
  );
});

test('is registered by eval, and does not run what a variable holds', async (context) => {
  await needTool(context, 'bash', ['--version']);
  const file = await scriptFor('bash');

  const registered = await runTool('bash', ['-c', `eval "$(cat "$1")"; complete -p gcp-token`, 'bash', file]);
  const attacked = await runTool('bash', ['-c', BASH, 'bash', file, 'gcp-token', '--profile', 'x'], {
    GCP_TOKEN_PROFILE: '$(echo CANARY >&2)',
  });

  expect(registered.stdout).toBe('complete -F _gcp_token gcp-token\n');
  expect(attacked.stderr).toBe('');
});

test('is a completion that zsh loads', async (context) => {
  await needTool(context, 'zsh', ['--version']);
  const file = await scriptFor('zsh');

  const { status, stdout, stderr } = await runTool('zsh', [
    '-f',
    '-c',
    `autoload -Uz compinit; compinit -D -u; source ${file}; print $_comps[gcp-token]`,
  ]);

  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: '_gcp_token\n' });
});

test('completes commands and flags under fish', async (context) => {
  await needTool(context, 'fish', ['--version']);
  const file = await scriptFor('fish');

  const { stdout, stderr } = await runTool('fish', [
    '-c',
    `source ${file}; complete -C 'gcp-token exe'; complete -C 'gcp-token exec --qu'`,
  ]);

  expect(stdout, stderr).toMatch(/^exec\t.*\n--quiet\t/);
});

test.each(['bash', 'zsh', 'fish'])('names every command in that for %s', async (shell) => {
  const { stdout } = await cli.run(['completion', shell]);
  const help = await cli.run(['--help']);
  const commands = [...help.stdout.matchAll(/^ {2}([a-z-]+) (?:\[options\]|\[command\])/gm)].map(
    ([, name]) => name,
  );

  expect(commands.length).toBeGreaterThan(6);
  for (const command of commands) {
    expect(stdout).toContain(command);
  }
});

test('refuses a shell that it does not know, and a profile that would be more than a word', async () => {
  const [shell, profile] = await Promise.all([
    cli.run(['completion', 'tcsh']),
    cli.run(['completion', 'bash', '--profile', '$(echo CANARY)']),
  ]);

  expect(shell).toMatchObject({ status: 2, stdout: '' });
  expect(shell.stderr).toMatch(/Allowed choices are bash, zsh, fish/);
  expect(profile).toMatchObject({ status: 2, stdout: '' });
});
