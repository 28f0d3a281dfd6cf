import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { bundleFunction, FUNCTION_ENTRY, KEYLESS_ENTRY, LOADED_AT_ONCE } from '../infra/bundle.ts';
import { BUNDLE_OPTIONS } from '../infra/bundle-options.ts';
import { builtinsWithoutImport } from '../infra/bundle-plugins.ts';

/** A bundle on disk: where its handler is, and how large. */
export type BundleFile = { readonly path: string; readonly bytes: number };

/** A bundle of which a part is loaded when it is needed; `bytes` are those that are loaded at once. */
export type SplitBundle = BundleFile & { readonly bytesInAll: number };

/** The files that the measured processes load. */
export type Workspace = {
  readonly directory: string;
  /** What CDK deploys, with a profile beside it. */
  readonly vendor: SplitBundle;
  /** What it deploys if no credential is in a secret. */
  readonly keylessVendor: SplitBundle;
  /** google-auth-library with the Secrets Manager client, as its user bundles them. */
  readonly peer: BundleFile;
  /** The same with the plugin that the vendor takes Node's built-ins by. */
  readonly peerWithPlugin: BundleFile;
  /** google-auth-library's client for federation with AWS, bundled as the first. */
  readonly peerOfFederation: BundleFile;
  /** A handler that does nothing. */
  readonly bare: BundleFile;
  readonly runtimeProgram: string;
  readonly warmProgram: string;
  readonly remove: () => Promise<void>;
};

const PROFILES = {
  default: { scopes: ['cloud-platform'], audiences: ['https://europe-west1-example.cloudfunctions.net/*'] },
};

/** An ESM bundle of CommonJS packages needs a `require`; this is the way that AWS and esbuild's users have for it. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

async function write(directory: string, text: string): Promise<BundleFile> {
  await mkdir(directory);
  const path = join(directory, 'index.mjs');
  await writeFile(path, text);
  return { path, bytes: Buffer.byteLength(text) };
}

async function bundle(directory: string, source: string, options: BuildOptions): Promise<BundleFile> {
  const { outputFiles } = await build({
    ...BUNDLE_OPTIONS,
    ...options,
    entryPoints: [join(import.meta.dirname, source)],
    outfile: join(directory, 'index.mjs'),
    write: false,
  });
  const main = outputFiles.find(({ path }) => path.endsWith('.mjs'));
  return await write(directory, main?.text ?? '');
}

async function writeVendor(directory: string, entry: string): Promise<SplitBundle> {
  const files = [...bundleFunction(entry)].filter(([name]) => name.endsWith('.mjs'));
  await mkdir(directory);
  for (const [name, text] of files) {
    await writeFile(join(directory, name), text);
  }
  await writeFile(join(directory, 'profiles.json'), JSON.stringify(PROFILES));
  const sizeOf = (names: readonly string[]) =>
    files
      .filter(([name]) => names.includes(name))
      .reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
  return {
    path: join(directory, 'index.mjs'),
    bytes: sizeOf(LOADED_AT_ONCE),
    bytesInAll: sizeOf(files.map(([name]) => name)),
  };
}

/** Returns a new directory of all that is measured, bundled. The programs around it are as plain as it is: JavaScript. */
export async function createWorkspace(): Promise<Workspace> {
  const directory = await mkdtemp(join(tmpdir(), 'gcp-token-vendor-bench-'));
  const at = (name: string) => join(directory, name);
  const plugins = [builtinsWithoutImport()];
  const [peer, peerWithPlugin, peerOfFederation, bare, runtime, warm] = await Promise.all([
    bundle(at('peer'), 'peer-handler.ts', { banner: { js: REQUIRE } }),
    bundle(at('peer-with-plugin'), 'peer-handler.ts', { plugins }),
    bundle(at('peer-of-federation'), 'peer-federation-handler.ts', { banner: { js: REQUIRE } }),
    write(at('bare'), 'export const handler = async () => ({});\n'),
    bundle(at('runtime'), 'runtime-program.ts', { plugins }),
    bundle(at('warm'), 'warm-program.ts', { plugins }),
  ]);
  return {
    directory,
    vendor: await writeVendor(at('vendor'), FUNCTION_ENTRY),
    keylessVendor: await writeVendor(at('keyless-vendor'), KEYLESS_ENTRY),
    peer,
    peerWithPlugin,
    peerOfFederation,
    bare,
    runtimeProgram: runtime.path,
    warmProgram: warm.path,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
