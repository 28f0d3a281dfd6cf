import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, openCli } from './cli-rig.ts';
import { needTool } from './optional-tool.ts';

let cli: CliRig;

beforeAll(async () => {
  cli = await openCli();
});

afterAll(async () => await cli.close());

/** What gsutil's wrapper does: one configuration file, or the list of files that `BOTO_PATH` is. */
const PRINT_LIST = [
  '--',
  'sh',
  '-c',
  'env | grep -c ^BOTO_CONFIG=; echo "$BOTO_PATH"; cat "$(echo "$BOTO_PATH" | sed s/.*://)"',
];

test.concurrent.for([
  ['the usual files', {}, '/etc/boto.cfg:~/.boto'],
  ['the user’s one file', { BOTO_CONFIG: '/home/me/boto', BOTO_PATH: '/not/this' }, '/home/me/boto'],
  ['the user’s list of files', { BOTO_PATH: '/a:/b' }, '/a:/b'],
] as const)(
  'has gsutil read %s, and keep its state in the temporary folder',
  async ([, environment, before], { expect }) => {
    const { stdout } = await cli.run(['exec', ...PRINT_LIST], environment);

    const [, list, folder] = /^0\n(.+):(\S+)\/\.boto\n/.exec(stdout) ?? [];
    expect(list).toBe(before);
    expect(stdout).toContain(`\n[GSUtil]\nstate_dir = ${folder}/.gsutil\n`);
    expect(existsSync(folder ?? '/')).toBe(false);
  },
);

test('says that gsutil uses credentials of its own before the vendor’s, if there are any', async () => {
  const HOME = cli.folder();
  writeFileSync(join(HOME, '.boto'), '[Credentials]\ngs_oauth2_refresh_token = CANARY\n');

  const { stderr } = await cli.run(['exec', '--', 'true'], { HOME });

  expect(stderr).toMatch(/^gcp-token: gsutil takes its own credentials in \/\S+\/\.boto before [^\n]*\n$/);
  expect(stderr).not.toContain('CANARY');
});

test('gsutil under another profile has that profile’s token, and keeps none', {
  timeout: 120_000,
}, async (context) => {
  await needTool(context, 'sh', ['-c', 'command -v gsutil']);
  const HOME = cli.folder();
  const boto = join(HOME, 'boto');
  // Nothing listens there: a token it gets before it finds out.
  writeFileSync(boto, '[Credentials]\ngs_json_host = 127.0.0.1\ngs_json_port = 9\n[Boto]\nnum_retries = 0\n');
  const gsutil = async (profile: string) =>
    await cli.run(['exec', '--verbose', '--profile', profile, '--', 'gsutil', 'ls'], {
      HOME,
      BOTO_CONFIG: boto,
    });

  const first = await gsutil('default');
  const second = await gsutil('reports');

  const asked = /service-accounts\/default\/token 200/;
  expect(first.stderr).toMatch(asked);
  expect(second.stderr).toMatch(asked);
  expect(readdirSync(HOME)).not.toContain('.gsutil');
});
