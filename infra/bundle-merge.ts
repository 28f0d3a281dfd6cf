import { basename } from 'node:path';
import { type BuildOptions, type BuildResult, build, type Metafile, type Plugin } from 'esbuild';
import { LOADED_AT_ONCE } from './bundle.ts';

/** A bundle that has been split: the text of its files, and what they are to each other. */
type Split = {
  readonly texts: Files;
  /** What each file exports, by its name. */
  readonly exports: ReadonlyMap<string, readonly string[]>;
  /** What the entry imports, directly or not. */
  readonly shared: readonly string[];
  /** The entry, and what it or others may load when it is needed. */
  readonly others: readonly string[];
  /** What the others are called in the bundle: esbuild's names tell where the checkout is. */
  readonly names: ReadonlyMap<string, string>;
  /** So small that loading it later is not worth a file: Node's own modules, and stubs. */
  readonly inlined: ReadonlySet<string>;
};

type Files = ReadonlyMap<string, string>;
/** Of what only gives names to others' exports, nothing is kept that is not used. */
type Text = { readonly text: string; readonly onlyNames?: boolean };
type Output = Metafile['outputs'][string];
type Outputs = ReadonlyMap<string, Output>;

const [ENTRY, SHARED] = LOADED_AT_ONCE;
/** How esbuild names what a plugin made up, and its own helpers. */
const MADE_UP = /^(?:[a-z0-9-]+:|<runtime>)/;

/** Returns the names of the files that the entry comes to by imports of some kinds, itself the first. */
function reachable(outputs: Outputs, kinds: readonly string[]): readonly string[] {
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (!reached.has(name)) {
      reached.add(name);
      const imports = outputs.get(name)?.imports ?? [];
      for (const { path } of imports.filter(({ kind }) => kinds.includes(kind))) {
        visit(basename(path));
      }
    }
  };
  visit(ENTRY);
  return [...reached];
}

function isMadeUp(output: Output | undefined): boolean {
  const inputs = Object.keys(output?.inputs ?? {});
  return inputs.length > 0 && inputs.every((input) => MADE_UP.test(input));
}

/** Those that something names are called by it, the others by a number. */
function nameFiles(files: readonly string[]): ReadonlyMap<string, string> {
  let unnamed = 0;
  return new Map(
    files.map((file) => {
      const name = file.replace(/(?:-[A-Z0-9]{8})?\.mjs$/, '');
      unnamed += name === 'chunk' ? 1 : 0;
      return [file, name === 'chunk' ? `common-${unnamed}.mjs` : `${name}.mjs`];
    }),
  );
}

function readSplit({ outputFiles = [], metafile }: BuildResult): Split {
  const outputs: Outputs = new Map(
    Object.entries(metafile?.outputs ?? {}).map(([path, output]) => [basename(path), output]),
  );
  const shared = reachable(outputs, ['import-statement']).slice(1);
  const all = reachable(outputs, ['import-statement', 'dynamic-import']);
  const inlined = new Set(all.filter((name) => !shared.includes(name) && isMadeUp(outputs.get(name))));
  const others = all.filter((name) => !shared.includes(name) && !inlined.has(name));
  return {
    texts: new Map(outputFiles.map(({ path, text }) => [basename(path), text])),
    exports: new Map([...outputs].map(([name, output]) => [name, output.exports])),
    shared,
    others,
    names: nameFiles(others),
    inlined,
  };
}

/** Returns the names that the one shared file has for what `file` exports, which is a part of it. */
function sharedNames({ shared, exports }: Split, file: string): ReadonlyMap<string, string> {
  const prefix = `_${shared.indexOf(file)}_`;
  return new Map((exports.get(file) ?? []).map((name) => [name, `${prefix}${name}`]));
}

/** Returns what `importer` imports from `file`, by the names that `file` has for it; esbuild writes it in one form. */
function importedNames({ texts }: Split, importer: string, file: string): readonly string[] {
  const imports = (texts.get(importer) ?? '').matchAll(/\bimport\{([^}]*)\}from"\.\/([^"]+)"/g);
  return [...imports]
    .filter(([, , from]) => from === file)
    .flatMap(([, list = '']) => list.split(',').map((item) => item.split(' as ')[0] ?? ''));
}

/** With its map, so that the new one leads to the sources; in the file itself it would have a part in esbuild's names. */
function textOf({ texts }: Split, file: string): Text {
  const map = Buffer.from(texts.get(`${file}.map`) ?? '{}').toString('base64');
  return { text: `${texts.get(file)}\n//# sourceMappingURL=data:application/json;base64,${map}` };
}

/**
 * Reads files from memory: `find` has their text for whoever imports them (nobody, for an entry), or `undefined` for those
 * that stay files of their own.
 */
function fromMemory(
  names: Split['names'],
  find: (file: string, importer: string | undefined) => Text | undefined,
): Plugin {
  return {
    name: 'from-memory',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /\.mjs$/ }, ({ path, kind, importer }) => {
        const file = basename(path);
        const found = find(file, kind === 'entry-point' ? undefined : importer);
        return found === undefined
          ? { path: `./${names.get(file) ?? file}`, external: true }
          : {
              path: file,
              // What is found for one importer is not for another.
              suffix: found.onlyNames ? `?${importer}` : '',
              namespace: 'memory',
              sideEffects: !found.onlyNames,
              pluginData: found,
            };
      });
      onLoad({ filter: /.*/, namespace: 'memory' }, ({ pluginData }) => ({
        contents: (pluginData as Text).text,
        loader: 'js',
      }));
    },
  };
}

async function buildStrictly(options: BuildOptions): Promise<BuildResult> {
  const result = await build({ ...options, write: false });
  if (result.warnings.length > 0) {
    throw new Error(`esbuild warns: ${result.warnings.map(({ text }) => text).join('; ')}`);
  }
  return result;
}

async function buildAgain(
  options: BuildOptions,
  names: ReadonlyMap<string, string>,
  plugin: Plugin,
): Promise<Files> {
  const { outputFiles = [] } = await buildStrictly({
    ...options,
    splitting: false,
    metafile: false,
    // What only names things is imported for its names.
    logOverride: { 'ignored-bare-import': 'silent' },
    sourcemap: 'external',
    legalComments: 'none',
    entryPoints: [...names].map(([file, name]) => ({ in: `./${file}`, out: basename(name, '.mjs') })),
    plugins: [plugin],
  });
  return new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
}

async function buildOthers(split: Split, options: BuildOptions): Promise<Files> {
  const { shared, names, inlined } = split;
  const forward = (file: string, importer: string): Text => {
    const used = importedNames(split, importer, file);
    const needed = [...sharedNames(split, file)].filter(([name]) => used.includes(name));
    const list = needed.map(([name, as]) => `${as} as ${name}`);
    return { text: `export { ${list.join()} } from './${SHARED}';`, onlyNames: true };
  };
  const plugin = fromMemory(names, (file, importer) => {
    if (shared.includes(file)) {
      return forward(file, importer ?? '');
    }
    return importer === undefined || inlined.has(file) ? textOf(split, file) : undefined;
  });
  return await buildAgain(options, names, plugin);
}

async function buildShared(split: Split, used: ReadonlySet<string>, options: BuildOptions): Promise<Files> {
  const { shared, names, inlined } = split;
  const exports = (file: string) =>
    [...sharedNames(split, file)]
      .filter(([, as]) => used.has(as))
      .map(([name, as]) => `export { ${name} as ${as} } from './${file}';`);
  const plugin = fromMemory(names, (file, importer) => {
    if (importer === undefined) {
      return { text: shared.flatMap(exports).join('\n') };
    }
    return shared.includes(file) || inlined.has(file) ? textOf(split, file) : undefined;
  });
  return await buildAgain(options, new Map([[SHARED, SHARED]]), plugin);
}

function legalTexts({ texts }: Split): Files {
  const notices = [...texts].filter(([name]) => name.endsWith('.LEGAL.txt')).map(([, text]) => text);
  return notices.length === 0 ? new Map() : new Map([[`${ENTRY}.LEGAL.txt`, notices.sort().join('\n')]]);
}

/**
 * Returns the files of a bundle that loads two at once, `index.mjs` and what it imports, `shared.mjs`; each
 * of the others is loaded by an `import()` when it is needed. esbuild alone makes a file of everything that two of
 * them share: ten and more, each of which costs a cold start another look-up.
 *
 * The entry stays apart from what is shared, since an `import()` of a file that imports it would wait for its end, and it
 * may be waiting for that very `import()`.
 *
 * `options` are of an entry named `index`, and of whatever is to be in the shared file anyway.
 */
export async function buildMerged(options: BuildOptions): Promise<Files> {
  const split = readSplit(
    await buildStrictly({ ...options, splitting: true, metafile: true, sourcemap: 'external' }),
  );
  const others = await buildOthers(split, options);
  const code = [...others].filter(([name]) => name.endsWith('.mjs')).map(([, text]) => text);
  const used = new Set(code.join('\n').match(/\b_\d+_[\w$]+/g));
  const shared = await buildShared(split, used, options);
  return new Map([...others, ...shared, ...legalTexts(split)]);
}
