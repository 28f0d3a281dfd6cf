import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { BUNDLE_OPTIONS } from './bundle-options.ts';
import {
  builtinsWithoutImport,
  onlyVersionOfPackages,
  withoutConfigFiles,
  withoutUnusedSdk,
} from './bundle-plugins.ts';

/**
 * Prints the function's bundle, as JSON of file names and their contents: `index.mjs`, `index.mjs.map`, and
 * `index.mjs.LEGAL.txt` if a dependency asks for a notice.
 *
 *     node infra/bundle-command.ts ENTRY
 *
 * Nothing is written by esbuild itself, so the output can be placed in the root of the repository: the sources
 * in the map are relative to it, and the same wherever the checkout is.
 */
const root = join(import.meta.dirname, '..');
const [entry = join(root, 'lambda/main.ts')] = process.argv.slice(2);

/** Dependencies may be installed outside of the repository, and the map must not say where. */
function withoutPlaces(name: string, text: string): string {
  if (!name.endsWith('.map')) {
    return text;
  }
  const map = JSON.parse(text) as { sources: string[] };
  const sources = map.sources.map((source) => source.replace(/^(?:\.\.\/)+(?:.*?\/)?(?=node_modules\/)/, ''));
  return JSON.stringify({ ...map, sources });
}

const { outputFiles, warnings } = await build({
  ...BUNDLE_OPTIONS,
  absWorkingDir: root,
  entryPoints: [entry],
  outfile: join(root, 'index.mjs'),
  write: false,
  sourcemap: 'external',
  sourcesContent: false,
  // The SDK asks of each answer whether it is a web stream, which it never is in Node, and Node loads its web streams
  // to say so: some 4 ms.
  define: { ReadableStream: 'undefined' },
  plugins: [builtinsWithoutImport(), withoutUnusedSdk(), withoutConfigFiles(), onlyVersionOfPackages()],
});
if (warnings.length > 0) {
  throw new Error(`esbuild warns: ${warnings.map(({ text }) => text).join('; ')}`);
}
const files = outputFiles
  .filter(({ contents }) => contents.length > 0)
  .map(({ path, text }) => [basename(path), withoutPlaces(path, text)] as const);
process.stdout.write(JSON.stringify(Object.fromEntries(files)));
