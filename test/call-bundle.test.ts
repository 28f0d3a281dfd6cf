import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleFunction, CALL_ENTRY, LOADED_AT_ONCE } from '../infra/bundle.ts';

const bundle = [...bundleFunction(CALL_ENTRY)];
const code = bundle.filter(([name]) => name.endsWith('.mjs'));
const texts = code.map(([, text]) => text).join('\n');

test('the function that calls is two files, of at most 125 KB', () => {
  expect(code.map(([name]) => name).sort()).toEqual([...LOADED_AT_ONCE].sort());
  expect(Buffer.byteLength(texts)).toBeLessThanOrEqual(125_000);
});

test('no client of the SDK is in it, and nothing that mints or reads credentials', () => {
  expect(texts).not.toMatch(
    /SecretsManager|GetSecretValue|TrentService|GetWebIdentityToken|jwt-bearer|fromSSO/,
  );
  const maps = bundle.filter(([name]) => name.endsWith('.map')).map(([, text]) => JSON.parse(text));
  const sources = maps.flatMap(({ sources }) => sources as string[]);
  expect(sources).toContain('lambda/call/caller.ts');
  expect(
    sources.filter((source) =>
      /aws-sdk\/client-|jose|lambda\/(?:credentials|doctor)\/(?!token-limits)/.test(source),
    ),
  ).toEqual([]);
});

test('it imports nothing but files of the bundle', () => {
  const imported = [...texts.matchAll(/(?:\bfrom|\bimport\(?)\s*["'`]([^"'`]+)["'`]/g)].map(
    ([, path]) => path,
  );

  expect(imported.filter((path) => !bundle.some(([name]) => path === `./${name}`))).toEqual([]);
});

test('it loads in Node as Lambda loads it, and answers a call that it does not make by the name of the error', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bundle-'));
  for (const [name, text] of bundle) {
    writeFileSync(join(directory, name), text);
  }
  writeFileSync(join(directory, 'profiles.json'), '{"p":{"audiences":["https://a.run.app"]}}');
  const check = `import("./index.mjs").then(({ handler }) => handler({ url: "https://b.run.app/" },
    { awsRequestId: "1", invokedFunctionArn: "x", getRemainingTimeInMillis: () => 9_000 }))
    .catch(({ name }) => { console.log(name); process.exit(0); })`;

  const { stdout, stderr } = spawnSync(process.execPath, ['-e', check], {
    cwd: directory,
    encoding: 'utf8',
    env: {
      AWS_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'caller',
      VENDOR_ALIAS: 'arn:aws:lambda:eu-west-1:111111111111:function:vendor:p',
    },
  });
  rmSync(directory, { recursive: true });

  expect(stdout.trim().split('\n').at(-1), stderr).toBe('AccessDenied');
});
