import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleFunction } from '../infra/bundle.ts';

const root = join(import.meta.dirname, '..');

function file(name: string): string {
  const text = bundleFunction().get(name);
  expect(text, `the bundle has ${[...bundleFunction().keys()].join(', ')}`).toBeDefined();
  return text ?? '';
}

test('the bundle is at most 250 KB', () => {
  expect(Buffer.byteLength(file('index.mjs'))).toBeLessThanOrEqual(250_000);
});

test('nothing is imported: dependencies are bundled, and built-ins are taken without an import', () => {
  const code = file('index.mjs');

  expect(code).not.toMatch(/(?:^|[;}\n])import[\s{"'*]/);
  expect(code).not.toMatch(/\bimport\(\s*["'`]/);
  expect(code).toContain('process.getBuiltinModule("node:https")');
});

test('what the function never uses of the SDK is not there, and says so if it is called after all', () => {
  const code = file('index.mjs');

  expect(code).toContain('defaultProvider is not in the bundle');
  expect(code).not.toMatch(/fromSSO|fromIni|AssumeRoleWithWebIdentity/);
});

test('the source map names sources relative to the repository, and neither file names this machine', () => {
  const { sources } = JSON.parse(file('index.mjs.map')) as { sources: readonly string[] };

  expect(sources).toContain('lambda/main.ts');
  expect(sources.filter((source) => source.startsWith('/'))).toEqual([]);
  expect(file('index.mjs') + file('index.mjs.map')).not.toContain(root);
});

test('a bundle made from another working directory has the same bytes', () => {
  const command = join(root, 'infra/bundle-command.ts');

  const { stdout } = spawnSync(process.execPath, [command], {
    cwd: tmpdir(),
    encoding: 'utf8',
    maxBuffer: 2 ** 25,
  });

  expect(JSON.parse(stdout)).toEqual(Object.fromEntries(bundleFunction()));
});

test('a source that does not bundle is an error with the reason', () => {
  expect(() => bundleFunction(join(root, 'lambda/nope.ts'))).toThrow(
    /Bundling .*nope\.ts failed: .*nope\.ts/s,
  );
});

test('the bundle loads in Node as Lambda loads it, and has its handler', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bundle-'));
  writeFileSync(join(directory, 'index.mjs'), file('index.mjs'));
  writeFileSync(join(directory, 'profiles.json'), '{"default":{"scopes":["email"]}}');
  const check = 'import("./index.mjs").then(m => { console.log(typeof m.handler); process.exit(0); })';

  const { stdout, stderr } = spawnSync(process.execPath, ['-e', check], {
    cwd: directory,
    encoding: 'utf8',
    env: {
      AWS_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'vendor',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:9',
      CREDENTIALS: '{"default":{"secret":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:x-abcdef"}}',
    },
  });
  rmSync(directory, { recursive: true });

  expect(stdout.trim().split('\n').at(-1), stderr).toBe('function');
});
