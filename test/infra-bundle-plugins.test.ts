import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { builtinsWithoutImport } from '../infra/bundle-plugins.ts';

async function bundle(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    plugins: [builtinsWithoutImport()],
  });
  return outputFiles[0]?.text ?? '';
}

async function load(source: string): Promise<Record<string, unknown>> {
  const code = await bundle(source);
  return await import(`data:text/javascript,${encodeURIComponent(code)}`);
}

test('of a built-in only what is imported is read', async () => {
  const code = await bundle(`import { join } from 'node:path'; export const path = join('a', 'b');`);

  expect(code).toContain('builtin.join');
  expect(code).not.toMatch(/builtin\.(?!join)\w+|^import /m);
});

test('a class that Node loads on demand is left alone until it is used, and is the class itself then', async () => {
  const exports = await load(`
    import { createReadStream, ReadStream } from 'node:fs';
    const stream = createReadStream(process.execPath).on('error', () => {});
    export const same = [stream instanceof ReadStream, {} instanceof ReadStream, ReadStream.name];
    stream.destroy();`);

  expect(exports.same).toEqual([true, false, 'ReadStream']);
});

test('a built-in is to be had by default import, namespace, require and import() as well', async () => {
  const exports = await load(`
    import os from 'node:os';
    import * as path from 'node:path';
    const events = require('events');
    class Emitter extends events {}
    const { tmpdir } = await import('node:os');
    export const kinds = [os.tmpdir === tmpdir, path.sep.length, new Emitter() instanceof events];`);

  expect(exports.kinds).toEqual([true, 1, true]);
});
