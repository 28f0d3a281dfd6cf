import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test } from 'vitest';
import cdkJson from '../cdk.json' with { type: 'json' };
import { createVendorStack } from './infra-rig.ts';
import { keyFile } from './make-document.ts';
import { KMS, SIGNED_REQUEST, SIGNED_REQUEST_READ, WEB_IDENTITY } from './make-keyless.ts';

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
  for (const part of [
    'infra',
    'lambda',
    'local/require-node.mjs',
    'cdk.json',
    'package.json',
    'tsconfig.json',
  ]) {
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

test('cdk synth takes the credential from the file that is named, and makes neither a secret nor a key', {
  timeout: 60_000,
}, () => {
  const file = join(scratch, 'federation.json');
  writeFileSync(file, JSON.stringify(SIGNED_REQUEST));

  const { status, output } = synth(join(scratch, 'keyless'), ['-c', `credential=${relative(root, file)}`]);

  expect(status, output).toBe(0);
  const template = readFileSync(join(scratch, 'keyless/GcpTokenVendor.template.json'), 'utf8');
  expect(template).toContain(JSON.stringify(JSON.stringify(SIGNED_REQUEST_READ)).slice(1, -1));
  expect(template).not.toMatch(/AWS::SecretsManager|AWS::KMS|secretsmanager:/);
});

test.each([
  [
    'a missing file',
    undefined,
    { credential: 'key.json' },
    /^key\.json: the credential file cannot be read \(ENOENT\)$/,
  ],
  [
    'a mistyped file',
    '{"private_key',
    { credential: 'key.json' },
    /^key\.json: the credential file is not JSON$/,
  ],
  [
    'a key file',
    keyFile(),
    { credential: 'key.json' },
    /^The file key\.json cannot be used: it holds a secret, or what looks like one, in its field private_key\. Put .+ Without -c credential=FILE the stack makes one, and prints the command that fills it\.$/,
  ],
  [
    'a document with a fault',
    JSON.stringify({ ...SIGNED_REQUEST, audience: 'x' }),
    { credential: 'key.json' },
    /^The file key\.json cannot be used: its field audience must be a provider .+$/,
  ],
  [
    'no file',
    undefined,
    { credential: '' },
    /^The context "credential" names no file: -c credential=FILE\.$/,
  ],
  [
    'a document of another type',
    '{"type":"authorized_user"}',
    { credential: 'key.json' },
    /^The file key\.json cannot be used: its field type must be .+ Without -c credential=FILE the stack makes one, .+$/,
  ],
  [
    'no file for the profiles',
    undefined,
    { profiles: '' },
    /^The context "profiles" names no file: -c profiles=FILE\.$/,
  ],
  ...['Credential', 'CREDENTIAL', 'cred', 'creds', 'credential-file', 'credentialFile'].map(
    (name): [string, undefined, object, RegExp] => [
      `the credential by ${name}`,
      undefined,
      { [name]: 'key.json' },
      new RegExp(
        `^There is no context "${name}"; the file of the credential is given with -c credential=FILE\\.$`,
      ),
    ],
  ),
  [
    'the profiles in capitals',
    undefined,
    { Profiles: 'key.json' },
    /^There is no context "Profiles"; the file of the profiles is given with -c profiles=FILE\.$/,
  ],
  [
    'the plural',
    undefined,
    { credentials: 'key.json' },
    /^There is no context "credentials"; the file of the credential is given with -c credential=FILE\.$/,
  ],
  [
    'the singular for the profiles',
    undefined,
    { profile: 'key.json' },
    /^There is no context "profile"; the file of the profiles is given with -c profiles=FILE\.$/,
  ],
])(
  'a context that names %s ends the app with one line and nothing of what is in the file',
  (_, text, context, line) => {
    const cwd = mkdtempSync(join(scratch, 'cwd-'));
    if (text !== undefined) {
      writeFileSync(join(cwd, 'key.json'), text);
    }

    const { status, stderr } = spawnSync(process.execPath, [join(root, 'infra/app.ts')], {
      cwd,
      encoding: 'utf8',
      env: { CDK_CONTEXT_JSON: JSON.stringify(context) },
    });

    expect(status).toBe(1);
    expect(stderr.trimEnd()).toMatch(line);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(stderr).not.toContain('BEGIN');
  },
);

test('a refused credential ends cdk synth with its line, and nothing of CDK about an empty stack', {
  timeout: 60_000,
}, () => {
  const file = join(scratch, 'refused.json');
  writeFileSync(file, keyFile());

  const { status, output } = synth(join(scratch, 'refused'), ['-c', `credential=${file}`]);

  expect(status).toBe(1);
  expect(output.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^The file \S+refused\.json cannot be used: /),
    expect.stringContaining('Subprocess exited with error 1'),
  ]);
});

test('where no credential is given, cdk synth says what becomes of one of before', {
  timeout: 60_000,
}, () => {
  const file = join(scratch, 'again.json');
  writeFileSync(file, JSON.stringify(SIGNED_REQUEST));

  const without = synth(join(scratch, 'without'));
  const withFile = synth(join(scratch, 'with'), ['-c', `credential=${file}`]);

  expect(without.output).toContain('If the stack was deployed with -c credential=FILE, give it again');
  expect(withFile.output).not.toContain('give it again');
});

test('the app says to an older Node what it needs, and nothing else', () => {
  const older = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'22.0.0'}})`;
  const [, ...words] = cdkJson.app.split(' ');

  const { status, stderr } = spawnSync(process.execPath, ['--import', older, ...words], {
    cwd: root,
    encoding: 'utf8',
  });

  expect(status).toBe(1);
  expect(stderr).toMatch(/^Node\.js 24 is needed .+\n$/);
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

test.each([
  ['federation by signed requests', SIGNED_REQUEST],
  ["federation by AWS's tokens", WEB_IDENTITY],
  ['a key in KMS', KMS],
])('cdk-nag finds nothing with %s in the place of the secret', (_, document) => {
  const rig = createVendorStack(() => ({ credentials: { default: { document } } }));

  expect(brokenRules(rig)).toEqual([]);
});

test('cdk-nag is answered about all resources only where AWS makes out tokens', () => {
  const rig = createVendorStack(() => ({ credentials: { default: { document: SIGNED_REQUEST } } }));
  const { role } = rig.vendor.function;

  role?.addToPrincipalPolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: ['*'] }));

  expect(brokenRules(rig)).toEqual(['AwsSolutions-IAM5[Resource::*]']);
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
