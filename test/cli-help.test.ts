import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProgram } from '../client/cli/program.ts';
import packageDocument from '../package.json' with { type: 'json' };
import { type CliRig, openCli } from './cli-rig.ts';

const COMMANDS = createProgram().commands.map((command) => command.name());
/** What an example stands for that is for a person to fill in, or that needs another tool. */
const FOREIGN =
  /BUCKET|PROJECT|\| jq|<\(printf|metadata-server|exec|completion|\$TokenFunctionName|api\.example|run\.app/;

let cli: CliRig;

beforeAll(async () => {
  cli = await openCli();
});

afterAll(async () => await cli.close());

test('knows the commands that the help of the program lists', async () => {
  const { stdout } = await cli.run(['--help']);

  expect(COMMANDS).toEqual([
    'print-access-token',
    'print-identity-token',
    'exec',
    'call',
    'metadata-server',
    'doctor',
    'completion',
  ]);
  for (const command of COMMANDS) {
    expect(stdout).toMatch(new RegExp(`^ {2}${command} .*\\w`, 'm'));
  }
});

test('prints the help by itself, as with --help, -h and help', async () => {
  const [bare, long, short, word] = await Promise.all(
    [[], ['--help'], ['-h'], ['help']].map((args) => cli.run(args)),
  );

  expect(bare).toMatchObject({ status: 0, stderr: '' });
  expect(bare?.stdout).toMatch(/^Usage: gcp-token /);
  expect([long, short, word]).toEqual([bare, bare, bare]);
});

test.concurrent.for(COMMANDS)(
  'teaches %s: what it does, flags, examples and the environment',
  async (command, { expect }) => {
    const [help, other] = await Promise.all([cli.run([command, '--help']), cli.run(['help', command])]);

    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(other).toEqual(help);
    expect(help.stdout).toMatch(new RegExp(`^Usage: gcp-token ${command} \\S`));
    expect(help.stdout).toMatch(/\nOptions:\n/);
    expect(help.stdout).toMatch(/\nExamples:\n {2}# /);
    if (command !== 'completion') {
      expect(help.stdout).toMatch(/\nEnvironment:\n {2}GCP_TOKEN_URL /);
    }
  },
);

/** The commands among the examples that work here as they are, before the stand-ins. */
function examplesOf(help: string): readonly string[] {
  const examples = help.split('\nExamples:\n')[1]?.split('\nEnvironment:')[0] ?? '';
  return examples
    .replaceAll(/ \\\n +/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('gcp-token ') && !FOREIGN.test(line));
}

test('shows examples that the command line takes as they are', async () => {
  const helps = await Promise.all(COMMANDS.map((command) => cli.run([command, '--help'])));
  const examples = helps.flatMap(({ stdout }) => examplesOf(stdout));

  const ended = await Promise.all(
    examples.map(async (line) => {
      const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare = '']) => quoted ?? bare);
      return { line, ...(await cli.run(args.slice(1))) };
    }),
  );

  expect(examples.length).toBeGreaterThan(6);
  expect(ended.filter(({ status }) => status === 2)).toEqual([]);
});

test.each(['--version', '-V'])('%s prints the version of the package', async (flag) => {
  expect(await cli.run([flag])).toEqual({ status: 0, stdout: `${packageDocument.version}\n`, stderr: '' });
});

/** Prints, at the end, which modules were loaded. */
const WATCH_MODULES = `
import { registerHooks } from 'node:module';
const urls = [];
registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
process.on('exit', () => process.stderr.write(urls.join('\\n')));
`;

test('loads nothing but what prints it for the version and the help', async () => {
  const watcher = join(cli.folder(), 'watch.mjs');
  writeFileSync(watcher, WATCH_MODULES);
  const loaded = async (...args: readonly string[]) =>
    (await cli.run(args, { NODE_OPTIONS: `--import ${watcher}` })).stderr;

  const [version, help, token] = await Promise.all([
    loaded('--version'),
    loaded('exec', '--help'),
    loaded('print-access-token'),
  ]);

  expect(token).toMatch(/token-client\.ts/);
  expect(version).toMatch(/run-cli\.ts/);
  expect(version).not.toMatch(/commander|program\.ts/);
  expect(help).toMatch(/commander/);
  expect(help).not.toMatch(
    /token-client|cli\/exec\.ts|cli\/call\.ts|client\/doctor|client\/metadata|smithy|lambda\/google/,
  );
});
