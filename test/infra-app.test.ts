import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test } from 'vitest';
import { createVendorStack } from './infra-rig.ts';

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'synth-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Runs `cdk synth` as a person would, with no AWS configuration and nothing of this process's environment. */
function synth(out: string, args: readonly string[] = [], cwd = root) {
  const cdk = join(root, 'node_modules/aws-cdk/bin/cdk');
  const { status, stdout, stderr } = spawnSync(process.execPath, [cdk, 'synth', '-q', '-o', out, ...args], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: scratch, CI: '1' },
  });
  return { status, output: stdout + stderr };
}

/** The SHA-256 of each file that is deployed: names of assets among them, which are hashes themselves. */
function digests(out: string): Readonly<Record<string, string>> {
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /template\.json$|^asset\.\w+\//.test(name),
  );
  return Object.fromEntries(
    files.sort().map((name) => [name, hash('sha256', readFileSync(join(out, name)))]),
  );
}

test('cdk synth works without an account, and two checkouts give the same template and assets', {
  timeout: 120_000,
}, () => {
  const checkout = join(scratch, 'elsewhere');
  for (const part of ['infra', 'lambda', 'cdk.json', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, part), join(checkout, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));

  const here = synth(join(scratch, 'here'));
  const there = synth(join(scratch, 'there'), [], checkout);

  expect(here, here.output).toMatchObject({ status: 0 });
  expect(there, there.output).toMatchObject({ status: 0 });
  expect(Object.keys(digests(join(scratch, 'here'))).map((path) => basename(path))).toEqual(
    expect.arrayContaining([
      'GcpTokenVendor.template.json',
      'index.mjs',
      'shared.mjs',
      'profiles.json',
      'shared.mjs.map',
    ]),
  );
  expect(digests(join(scratch, 'there'))).toEqual(digests(join(scratch, 'here')));
});

test('cdk synth takes the profiles from the file that is named', { timeout: 60_000 }, () => {
  const file = join(scratch, 'mine.json');
  writeFileSync(file, '{"mine":{"scopes":["email"]}}');

  const { status, output } = synth(join(scratch, 'mine'), ['-c', `profiles=${file}`]);

  expect(status, output).toBe(0);
  expect(readFileSync(join(scratch, 'mine/GcpTokenVendor.template.json'), 'utf8')).toContain(
    '/profiles/mine/token',
  );
});

test.each([
  ['missing', undefined, /^\S*missing\.json: the profiles file cannot be read \(ENOENT\)$/m],
  ['mistyped', '{"default":', /^\S*mistyped\.json: the profiles file is not JSON: .+$/m],
  ['empty', '{}', /^\S*empty\.json: The profiles have a fault:$/m],
])('a %s file of profiles ends the app with a clear line and no stack trace', (name, text, line) => {
  const file = join(scratch, `${name}.json`);
  if (text !== undefined) {
    writeFileSync(file, text);
  }

  const { status, stderr } = spawnSync(process.execPath, [join(root, 'infra/app.ts')], {
    cwd: scratch,
    encoding: 'utf8',
    env: { CDK_CONTEXT_JSON: JSON.stringify({ profiles: file }) },
  });

  expect(status).toBe(1);
  expect(stderr).toMatch(line);
  expect(stderr).not.toMatch(/^\s+at /m);
});

type Rig = ReturnType<typeof createVendorStack>;

/** The rules of the pack that the stack breaks and has not acknowledged. */
function brokenRules({ app, stack }: Rig): readonly string[] {
  const pack = new AwsSolutionsChecks(app);
  Validations.of(app).addPlugins(pack);
  const report = pack.validateScope(stack);
  return report.violations.map(({ ruleName }) => ruleName);
}

test('cdk-nag finds nothing', () => {
  expect(brokenRules(createVendorStack())).toEqual([]);
});

test('cdk-nag finds nothing in a VPC but what the VPC itself lacks', () => {
  const rig = createVendorStack((stack) => ({
    vpc: new Vpc(stack, 'Vpc', { maxAzs: 1, restrictDefaultSecurityGroup: false }),
  }));

  expect(brokenRules(rig)).toEqual(['AwsSolutions-VPC7']);
});

test('cdk-nag finds a fault that is put in', () => {
  const rig = createVendorStack();
  new Bucket(rig.stack, 'Open');

  expect(brokenRules(rig)).toContain('AwsSolutions-S1');
});
