import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleFunction, LOADED_AT_ONCE } from '../infra/bundle.ts';

const root = join(import.meta.dirname, '..');

function file(name: string): string {
  const text = bundleFunction().get(name);
  expect(text, `the bundle has ${[...bundleFunction().keys()].join(', ')}`).toBeDefined();
  return text ?? '';
}

const bundle = [...bundleFunction()];
const code = bundle.filter(([name]) => name.endsWith('.mjs'));

test('what is loaded at once is two files, of at most 250 KB', () => {
  const sizes = LOADED_AT_ONCE.map((name) => Buffer.byteLength(file(name)));

  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(250_000);
  // What imported the entry would wait for its end, and its end may be waiting for it.
  expect(code.filter(([, text]) => text.includes('./index.mjs'))).toEqual([]);
  expect(new Set(file('index.mjs').match(/from"[^"]+"/g))).toEqual(new Set(['from"./shared.mjs"']));
  expect(file('shared.mjs')).not.toMatch(/(?:^|[;}\n])import[\s{"'*]/);
});

test.each(code)(
  '%s imports nothing but files of the bundle: the rest is bundled, or taken without',
  (_, text) => {
    const imported = [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*["'`]([^"'`]+)["'`]/g)].map(
      ([, path]) => path,
    );

    expect(imported.filter((path) => !bundle.some(([name]) => path === `./${name}`))).toEqual([]);
  },
);

test('nothing is in the bundle that the function cannot come to', () => {
  const texts = code.map(([, text]) => text).join();

  expect(
    code.map(([name]) => name).filter((name) => name !== 'index.mjs' && !texts.includes(`./${name}`)),
  ).toEqual([]);
});

test.each([
  ['external-account', /aws1/],
  ['web-identity-token', /GetWebIdentityToken/],
  ['aws-kms', /TrentService/],
  ['authorized-user', /refresh_token/],
  ['impersonated-service-account', /source_credentials/],
  ['downscoping', /token-type:access_token/],
  ['google-refusal', /gcloud iam/],
])('what only %s needs is loaded when it is needed', (chunk, own) => {
  const [, text] = code.find(([name]) => name === `${chunk}.mjs`) ?? [];

  expect(text).toMatch(own);
  expect(LOADED_AT_ONCE.filter((name) => own.test(file(name)))).toEqual([]);
});

test('built-ins are taken without an import', () => {
  expect(file('shared.mjs')).toContain('process.getBuiltinModule("node:https")');
});

test('what the function never uses of the SDK is not there, and says so if it is called after all', () => {
  const texts = code.map(([, text]) => text).join();

  expect(texts).toContain('defaultProvider is not in the bundle');
  expect(texts).toContain('getInstanceMetadataRegion is not in the bundle');
  expect(texts).not.toMatch(/fromSSO|fromIni|AssumeRoleWithWebIdentity|169\.254\.169\.254/);
});

test('the source maps name sources relative to the repository, and no file names this machine', () => {
  const { sources } = JSON.parse(file('shared.mjs.map')) as { sources: readonly string[] };
  const maps = bundle.filter(([name]) => name.endsWith('.map')).map(([, text]) => JSON.parse(text));

  expect(sources).toContain('lambda/vendor.ts');
  expect(maps.flatMap((map) => map.sources).filter((source) => /^(?:\/|\.\.)/.test(source))).toEqual([]);
  expect(bundle.map(([, text]) => text).join()).not.toContain(root);
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
  for (const [name, text] of bundle) {
    writeFileSync(join(directory, name), text);
  }
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
