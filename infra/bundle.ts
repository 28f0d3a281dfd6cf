import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from './usage-error.ts';

/** The files of the bundle by name: code, a source map for each, and notices of licenses where there are any. */
export type Bundle = ReadonlyMap<string, string>;

/** Those that the function loads at its start; it loads the others when something needs them. */
export const LOADED_AT_ONCE = ['index.mjs', 'shared.mjs'] as const;

/** The sources in `lambda/` that functions begin with. The package has the bundle of each in a folder of that name. */
export const FUNCTION_NAMES = [
  'main',
  'main-keyless',
  'oauth/oauth-main',
  'oauth/registrar-main',
  'call/main',
] as const;

/** Only the package is JavaScript: there the bundles are built already, and nothing that they are built from is there. */
const IS_PACKAGE = import.meta.filename.endsWith('.js');

/** Returns where a function begins: its source or, in the package, its bundle. */
export function entryOf(name: (typeof FUNCTION_NAMES)[number]): string {
  return IS_PACKAGE
    ? join(import.meta.dirname, '../functions', name, 'index.mjs')
    : join(import.meta.dirname, '../lambda', `${name}.ts`);
}

/** Where the function begins. */
export const FUNCTION_ENTRY = entryOf('main');

/** Where it begins if none of its credentials is in a secret. */
export const KEYLESS_ENTRY = entryOf('main-keyless');

/** Where the function of `POST /oauth/token` begins. */
export const OAUTH_ENTRY = entryOf('oauth/oauth-main');

/** Where the function begins that registers OAuth clients and rotates their secrets. */
export const OAUTH_REGISTRAR_ENTRY = entryOf('oauth/registrar-main');

/** Where the function of `callTask` begins. */
export const CALL_ENTRY = entryOf('call/main');

const ROOT = join(import.meta.dirname, '..');
const COMMAND = join(import.meta.dirname, 'bundle-command.ts');
/** The one that `npm ci` brings along, for apps that run on an older one. */
const OWN_NODE = join(ROOT, 'node_modules/node/bin/node');
const REQUIRED_NODE = 24;
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

// One process bundles one time, however many stacks and tests it has. Nothing is kept on disk between processes: what
// is to be deployed with the right to read a Google key must not come from a directory that others can write.
const built = new Map<string, Bundle>();

function parseFiles(text: string): Bundle {
  const files: unknown = JSON.parse(text);
  return new Map(Object.entries(files as Record<string, string>));
}

function nodeForBundling(): string {
  if (Number(process.versions.node.split('.')[0]) >= REQUIRED_NODE) {
    return process.execPath;
  }
  if (existsSync(OWN_NODE)) {
    return OWN_NODE;
  }
  throw new UsageError(
    `The function is bundled with Node.js ${REQUIRED_NODE}, and this is ${process.version}: run \`npm ci\` in ${ROOT}, which brings one along, or use a newer Node.js.`,
  );
}

function run(entry: string): Bundle {
  const { status, stdout, stderr, error } = spawnSync(nodeForBundling(), [COMMAND, entry], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (
    /Could not resolve "|ERR_MODULE_NOT_FOUND/.test(stderr) &&
    !existsSync(join(ROOT, 'node_modules/jose'))
  ) {
    throw new UsageError(
      `The packages that the function is bundled from are not there: run \`npm ci\` in ${ROOT}.`,
    );
  }
  if (status !== 0) {
    throw new Error(`Bundling ${entry} failed: ${error?.message ?? stderr.trim()}`);
  }
  return parseFiles(stdout);
}

/** Returns the code that a bundle has to have and has not: it would be deployed all the same, and fail when it starts, or later. */
function missingFrom(bundle: Bundle): string | undefined {
  const code = [...bundle].filter(([name]) => name.endsWith('.mjs'));
  const imported = code.flatMap(([, text]) =>
    [...text.matchAll(/["'`]\.\/([\w-]+\.mjs)["'`]/g)].map(([, name = '']) => name),
  );
  return ['index.mjs', ...imported].find((name) => !bundle.has(name));
}

function readBuilt(entry: string): Bundle {
  const folder = dirname(entry);
  const files = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const bundle = new Map(
    files
      .filter((file) => file.isFile())
      .map(({ name }) => [name, readFileSync(join(folder, name), 'utf8')] as const),
  );
  const missing = missingFrom(bundle);
  if (missing !== undefined) {
    throw new UsageError(
      `The package gcp-token-vendor is not whole: ${join(folder, missing)} is not there. Install it again.`,
    );
  }
  return bundle;
}

/**
 * Returns the bundle of the function, minified for Node 24; the same sources give the same bytes. The package has it
 * built; in the repository it is built from source.
 *
 * Constructs are synchronous and esbuild's plugins are not, so it runs in a process of its own.
 *
 * @throws {UsageError} if what it takes is not installed
 * @throws {Error} with esbuild's words
 */
export function bundleFunction(entry: string = FUNCTION_ENTRY): Bundle {
  const bundle = built.get(entry) ?? (IS_PACKAGE ? readBuilt(entry) : run(entry));
  built.set(entry, bundle);
  return bundle;
}
