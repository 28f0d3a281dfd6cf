import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { startLocalVendor } from '../local/local-vendor.ts';
import manifest from '../package.json' with { type: 'json' };
import { addPrograms, type Check, type Consumer, callerChecks, peerChecks } from './consumer-checks.ts';

/**
 * Packs the package, installs it from the registry as its users will, in an empty project, on each Node.js that it is for, and
 * says line by line what holds there.
 */
const ROOT = join(import.meta.dirname, '..');
const NODES = ['22', '24'] as const;
const NPM_TIMEOUT_MS = 180_000;

async function npm(folder: string, args: readonly string[], path = ''): Promise<string> {
  const env = { ...process.env, PATH: [path, process.env.PATH].filter(Boolean).join(delimiter) };
  const { stdout } = await promisify(execFile)('npm', [...args, '--no-audit', '--no-fund'], {
    cwd: folder,
    env,
    timeout: NPM_TIMEOUT_MS,
  });
  return stdout.trim();
}

function createProject(folder: string, more: object = {}): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, ...more }));
  return folder;
}

function sizeOf(folder: string): string {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  return `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB`;
}

function devVersion(name: keyof typeof manifest.devDependencies): string {
  return `${name}@${manifest.devDependencies[name]}`;
}

async function report(node: string, { claim, see }: Check): Promise<boolean> {
  try {
    process.stdout.write(`ok      Node ${node}  ${claim}: ${await see()}\n`);
    return true;
  } catch (error) {
    const { stdout = '', message } = error as Error & { readonly stdout?: string };
    process.stdout.write(`FAILED  Node ${node}  ${claim}: ${message}\n${stdout}\n`);
    return false;
  }
}

/** npm runs on that Node.js as well, which is not beside the package but in a folder of its own. */
async function tryOn(
  version: string,
  tarball: string,
  at: { root: string; vendorUrl: string },
): Promise<boolean> {
  const tools = createProject(join(at.root, `node-${version}`), { allowScripts: { node: true } });
  await npm(tools, ['install', `node@${version}`]);
  const bin = join(tools, 'node_modules', 'node', 'bin');
  const folder = createProject(join(at.root, `app-${version}`), { type: 'module' });
  const consumer: Consumer = { folder, node: join(bin, 'node'), vendorUrl: at.vendorUrl };
  addPrograms(folder);
  const install =
    (...names: readonly string[]) =>
    async () => {
      await npm(folder, ['install', ...names], bin);
      return sizeOf(join(folder, 'node_modules'));
    };
  const peers = ['aws-cdk-lib', 'constructs', 'google-auth-library', 'typescript', '@types/node'] as const;
  const checks: readonly Check[] = [
    { claim: 'the package installs in an empty project', see: install(tarball) },
    ...callerChecks(consumer),
    { claim: 'its optional peers install beside it', see: install(...peers.map(devVersion)) },
    ...peerChecks(consumer),
  ];
  let allHold = true;
  for (const check of checks) {
    allHold = (await report(version, check)) && allHold;
  }
  return allHold;
}

const root = mkdtempSync(join(tmpdir(), 'package-'));
const vendor = await startLocalVendor(
  {
    help: false,
    port: 0,
    profilesFile: join(ROOT, 'infra/profiles.json'),
    credential: { kind: 'stand-in' },
    requireSignature: false,
  },
  { audit: { record: () => {}, warn: () => {} }, log: () => {} },
);
try {
  const name = await npm(ROOT, ['pack', '--silent', '--pack-destination', root]);
  const tarball = join(root, name.split('\n').at(-1) ?? '');
  process.stdout.write(`${manifest.name} ${manifest.version}: ${statSync(tarball).size} bytes packed\n`);
  for (const version of NODES) {
    if (!(await tryOn(version, tarball, { root, vendorUrl: vendor.url }))) {
      process.exitCode = 1;
    }
  }
} finally {
  await vendor.close();
  rmSync(root, { recursive: true });
}
