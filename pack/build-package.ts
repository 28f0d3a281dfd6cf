import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleFunction, entryOf, FUNCTION_NAMES } from '../infra/bundle.ts';
import manifest from '../package.json' with { type: 'json' };
import { reachableFiles, withRunTimeImports } from './reachable-files.ts';

/**
 * Builds `dist/`, which `npm pack` puts into the package: what its `exports` and its `bin` come to, as JavaScript and
 * declarations, and the functions as bundles, so that whoever installs it needs nothing that they are built from.
 */
const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

function compile(): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`tsc failed:\n${stdout}${stderr}`);
  }
}

/** The compiler writes whatever it has read, types alone and internal declarations included. */
function removeUnreachable(): void {
  const modules = Object.values(manifest.exports).filter((place) => place.endsWith('.js'));
  const declarations = modules.map((place) => join(ROOT, place.replace(/\.js$/, '.d.ts')));
  const code = [...modules, ...Object.values(manifest.bin)].map((place) => join(ROOT, place));
  const kept = new Set([...reachableFiles(code, '.js'), ...reachableFiles(declarations, '.d.ts')]);
  for (const { name, parentPath } of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const file = join(parentPath, name);
    if (/\.[jt]s$/.test(name) && !kept.has(file)) {
      rmSync(file);
    } else if (name.endsWith('.d.ts')) {
      writeFileSync(file, withRunTimeImports(readFileSync(file, 'utf8')));
    }
  }
}

function writeFunctions(): void {
  for (const name of FUNCTION_NAMES) {
    const folder = join(DIST, 'functions', name);
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of bundleFunction(entryOf(name))) {
      writeFileSync(join(folder, file), text);
    }
  }
}

rmSync(DIST, { recursive: true, force: true });
compile();
removeUnreachable();
writeFunctions();
