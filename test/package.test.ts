import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, test } from 'vitest';
import { startHere } from '../examples/here.ts';
import { bundleFunction, entryOf, FUNCTION_NAMES } from '../infra/bundle.ts';
import { GcpTokenVendor } from '../infra/token-vendor.ts';
import { fieldsOf } from '../lambda/fields.ts';
import { callerChecks, peerChecks } from '../pack/consumer-checks.ts';
import { copyExamples } from './installed-example.ts';
import { packPackage, readManifest } from './installed-package.ts';
import { startClientRig } from './make-token-client.ts';

const CODE = /^dist\/(?:client|infra|lambda)\/(?:[a-z-]+\/)*[a-z-]+\.(?:js|d\.ts)$/;
const FUNCTIONS = /^dist\/functions\/(?:[a-z-]+\/)+[a-z0-9-]+\.mjs(?:\.map|\.LEGAL\.txt)?$/;
const BESIDE =
  /^(?:package\.json|README\.md|CHANGELOG\.md|infra\/profiles\.schema\.json|docs\/[a-z-]+\.(?:md|yaml))$/;
const MAX_PACKED_BYTES = 1_500_000;
/** A synth and a type check take seconds each, and more where all tests run at once. */
const TIMEOUT_MS = 90_000;
const PEERS = ['aws-cdk-lib', 'constructs', 'google-auth-library'];

const packed = await packPackage();
const manifest = readManifest(packed.folder);
const { vendor } = await startClientRig({ requireSignature: false });
const consumer = { node: process.execPath, vendorUrl: vendor.url };
const caller = { ...consumer, folder: packed.installIn('caller', []) };
const owner = { ...consumer, folder: packed.installIn('owner', [...PEERS, 'typescript', '@types/node']) };
const broken = packed.installIn('broken', PEERS);
/** That which builds an image from the repository is not for a copy. */
const COPIED = ['call-task', 'compute', 'connection', 'lambda'];
const examples = copyExamples(packed.installIn('examples', [...PEERS, 'esbuild']), COPIED);

afterAll(async () => {
  await vendor.close();
  packed.remove();
});

/** Returns how the program ends that synthesizes every function in a project. */
async function failureOfSynth(
  project: string,
): Promise<{ readonly code: unknown; readonly stderr: unknown }> {
  const options = { cwd: project, timeout: TIMEOUT_MS };
  const error: unknown = await promisify(execFile)(process.execPath, ['synth.mjs', 'out'], options).catch(
    (failure: unknown) => failure,
  );
  const { code, stderr } = fieldsOf(error);
  return { code, stderr };
}

/** Returns the packages that the package's own code imports. */
function importedPackages(): readonly string[] {
  const code = packed.files.map(({ path }) => path).filter((path) => CODE.test(path));
  const texts = code.map((path) => readFileSync(join(packed.folder, path), 'utf8'));
  const names = texts.flatMap((text) =>
    [...text.matchAll(/(?:\bfrom |^import |\bimport\()'((?:@[^/'.]+\/)?[^./'][^/']*)/gm)].map(
      ([, name = '']) => name,
    ),
  );
  return [...new Set(names)].filter((name) => !name.startsWith('node:')).sort();
}

test('the package has code, declarations, bundles and what explains them, and nothing else', () => {
  const paths = packed.files.map(({ path }) => path);

  expect(paths.filter((path) => ![CODE, FUNCTIONS, BESIDE].some((kind) => kind.test(path)))).toEqual([]);
  expect(paths).toEqual(expect.arrayContaining(['README.md', manifest.bin['gcp-token'], 'docs/client.md']));
  expect(packed.size).toBeLessThan(MAX_PACKED_BYTES);
});

test('whoever installs it gets what its own code imports, and no more', () => {
  const { dependencies, peerDependencies } = manifest;

  expect(importedPackages()).toEqual(Object.keys({ ...dependencies, ...peerDependencies }).sort());
  expect(Object.keys(dependencies)).not.toEqual(expect.arrayContaining(PEERS));
  expect(Object.keys(manifest.peerDependenciesMeta)).toEqual(PEERS);
});

test('whoever installs it runs no script, and downloads no Node.js', () => {
  expect(manifest).not.toHaveProperty('optionalDependencies');
  expect(Object.keys(manifest.scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([]);
});

test.each(FUNCTION_NAMES)(
  'its function %s is, byte for byte, the one that is bundled from source',
  (name) => {
    const folder = join(packed.folder, 'dist', 'functions', name);

    const files = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]);

    expect(Object.fromEntries(files)).toEqual(Object.fromEntries(bundleFunction(entryOf(name))));
  },
);

test.each([
  ['without a file of it', 'call/main/shared.mjs'],
  ['without its beginning', 'call/main/index.mjs'],
  ['at all', 'call'],
])(
  'where a function is not there %s, nothing is synthesized, and it is said what to do',
  { timeout: TIMEOUT_MS },
  async (_, place) => {
    const missing = join(broken, 'node_modules', manifest.name, 'dist/functions', place);
    const away = `${missing}.away`;
    renameSync(missing, away);

    const { code, stderr } = await failureOfSynth(broken);
    renameSync(away, missing);

    expect(code).toBe(1);
    expect(stderr).toMatch(
      /UsageError: The package gcp-token-vendor is not whole: \S+\/call\/main\/\w+\.mjs is not there\. Install it again\./,
    );
  },
);

test.each(callerChecks(caller))(
  'with none of its peers installed, $claim',
  { timeout: TIMEOUT_MS },
  async ({ see }) => {
    expect(await see()).not.toBe('');
  },
);

test.each(peerChecks(owner))('with its peers installed, $claim', { timeout: TIMEOUT_MS }, async ({ see }) => {
  expect(await see()).not.toBe('');
});

test('what it synthesizes is what the repository synthesizes', async () => {
  const program = join(owner.folder, 'add-vendors.mjs');
  const { addVendors }: { addVendors: (construct: typeof GcpTokenVendor, stack: Stack) => void } =
    await import(program);
  const stack = new Stack(new App({ analyticsReporting: false }), 'Consumer');
  addVendors(GcpTokenVendor, stack);

  const text = readFileSync(join(owner.folder, 'out-esm', 'Consumer.template.json'), 'utf8');

  expect(JSON.parse(text)).toEqual(Template.fromStack(stack).toJSON());
});

test.each(COPIED)(
  'the stack of the example %s synthesizes with the package, copied as it is',
  { timeout: TIMEOUT_MS },
  async (name) => {
    const out = join(packed.folder, '..', `synthesized-${name}`);

    await examples.run(name, 'app.ts', { CDK_OUTDIR: out });

    const [template = ''] = readdirSync(out).filter((file) => file.endsWith('.template.json'));
    expect(readFileSync(join(out, template), 'utf8')).toContain('"AWS::Lambda::Alias"');
  },
);

test('the program of the example compute runs with the package, copied as it is', async () => {
  const here = await startHere('compute', () => {});

  const said = await examples.run('compute', 'main.ts', {
    GCP_TOKEN_URL: here.vendor.url,
    GCP_TOKEN_PROFILE: 'inventory',
    COMPUTE_URL: `${here.google.url}/compute/v1`,
  });
  await here.close();

  expect(said).toContain('web-1');
});
