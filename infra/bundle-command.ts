import { join } from 'node:path';
import { buildMerged } from './bundle-merge.ts';
import { BUNDLE_OPTIONS } from './bundle-options.ts';
import {
  builtinsWithoutImport,
  onlyVersionOfPackages,
  withoutConfigFiles,
  withoutUnusedSdk,
} from './bundle-plugins.ts';

/**
 * Prints the function's bundle, as JSON of file names and their contents: `index.mjs` and `shared.mjs`, which it loads at
 * once, what these load when something needs it, a map for each, and a `.LEGAL.txt` if a dependency asks for a notice.
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
  const sources = map.sources.map((source) =>
    source.replace(/^(?:\.\.\/)+(?:.*?\/)?(?=node_modules\/)/, '').replace(/-[A-Z0-9]{8}(?=\.mjs)/g, ''),
  );
  return JSON.stringify({ ...map, sources });
}

const files = await buildMerged({
  ...BUNDLE_OPTIONS,
  absWorkingDir: root,
  // The second is there so that the entry, which may wait for something, has nothing in it that others share.
  entryPoints: { index: entry, container: join(root, 'lambda/container.ts') },
  outdir: root,
  outExtension: { '.js': '.mjs' },
  chunkNames: '[name]-[hash]',
  sourcesContent: false,
  // The SDK asks of each answer whether it is a web stream, which it never is in Node, and Node loads its web streams
  // to say so: some 4 ms.
  define: { ReadableStream: 'undefined' },
  plugins: [builtinsWithoutImport(), withoutUnusedSdk(), withoutConfigFiles(), onlyVersionOfPackages()],
});
const named = [...files].map(([name, text]) => [name, withoutPlaces(name, text)] as const);
process.stdout.write(JSON.stringify(Object.fromEntries(named)));
