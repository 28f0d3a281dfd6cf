import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { addPrograms } from '../pack/consumer-checks.ts';
import manifest from '../package.json' with { type: 'json' };

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const TIMEOUT_MS = 60_000;

type PackedFile = { readonly path: string; readonly size: number };

/** What `npm pack` made, unpacked, and projects to install it in. */
export type PackedPackage = {
  readonly folder: string;
  readonly files: readonly PackedFile[];
  /** Its size as it is downloaded. */
  readonly size: number;
  /** Returns a new project that has the package, its dependencies and these packages, and can find no other. */
  readonly installIn: (name: string, peers: readonly string[]) => string;
  readonly remove: () => void;
};

/** Packages that are installed here, by links: what these need themselves they find where they are. */
function linkInstalled(names: readonly string[], modules: string): void {
  for (const name of names) {
    const link = join(modules, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
}

/** Packs the repository as `npm pack` does, without a network, and unpacks it. */
export async function packPackage(): Promise<PackedPackage> {
  const root = mkdtempSync(join(tmpdir(), 'packed-'));
  const options = { cwd: ROOT, timeout: TIMEOUT_MS, env: { ...process.env, npm_config_offline: 'true' } };
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', root], options);
  // Of one package: npm 11 gives a list of it, npm 12 an object by its name.
  const [packed] = Object.values(JSON.parse(stdout)) as [
    { readonly filename: string; readonly files: readonly PackedFile[]; readonly size: number },
  ];
  await run('tar', ['-xzf', join(root, packed.filename), '-C', root], { timeout: TIMEOUT_MS });
  const folder = join(root, 'package');
  const installIn = (name: string, peers: readonly string[]): string => {
    const project = join(root, name);
    const modules = join(project, 'node_modules');
    cpSync(folder, join(modules, manifest.name), { recursive: true });
    linkInstalled([...Object.keys(readManifest(folder).dependencies), ...peers], modules);
    mkdirSync(join(modules, '.bin'));
    const command = join('..', manifest.name, manifest.bin['gcp-token']);
    symlinkSync(command, join(modules, '.bin', 'gcp-token'));
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
    addPrograms(project);
    return project;
  };
  return {
    folder,
    files: packed.files,
    size: packed.size,
    installIn,
    remove: () => rmSync(root, { recursive: true }),
  };
}

/** Returns the manifest that is in the package. */
export function readManifest(folder: string): typeof manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
