import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUDIENCE, type CliRig, openCli, PRINCIPAL } from './cli-rig.ts';

let cli: CliRig;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'exec-email-'));
  const profilesFile = join(folder, 'profiles.json');
  // Of such a profile the vendor tells no address before the first ID token.
  writeFileSync(profilesFile, JSON.stringify({ default: { audiences: [AUDIENCE] } }));
  cli = await openCli({ profilesFile });
});

afterAll(async () => {
  await cli.close();
  rmSync(folder, { recursive: true });
});

const EMAIL = ['--email', `default=${PRINCIPAL}`] as const;

test('the address that is given is that of the account', async () => {
  const program = `fetch('http://' + process.env.GCE_METADATA_HOST + '/computeMetadata/v1/instance/service-accounts/default/email',
    { headers: { 'Metadata-Flavor': 'Google' } }).then((answer) => answer.text()).then(console.log)`;

  const { stdout } = await cli.run(['exec', ...EMAIL, '--', process.execPath, '-e', program]);

  expect(stdout).toBe(`${PRINCIPAL}\n`);
});

test.each(['nobody', `other=${PRINCIPAL}`, 'default=nobody'])('refuses %s for an address', async (line) => {
  const { status, stderr } = await cli.run(['exec', '--email', line, '--', 'true']);

  expect(stderr).toMatch(/^gcp-token: --email: "[^\n]+" is not PROFILE=EMAIL [^\n]+\n/);
  expect(status).toBe(2);
});
