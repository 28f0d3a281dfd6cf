import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../infra/usage-error.ts';
import { createTerminalAudit } from '../local/audit-line.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';
import { REGION } from '../local/place.ts';
import type { Example } from './examples.ts';
import { findPython } from './find-python.ts';

const ROOT = join(import.meta.dirname, '..');
/** What would lead to another vendor, or to a real AWS account. */
const FOREIGN = /^(?:AWS_|GCP_TOKEN_)/;

type Environment = Readonly<Record<string, string | undefined>>;

/** The command `gcp-token`, as an installed package has it on the path. */
async function writeCommand(folder: string): Promise<void> {
  const parts = [process.execPath, '--import', pathToFileURL(join(ROOT, 'local/require-node.mjs')).href];
  const line = [...parts, join(ROOT, 'client/cli/main.ts')].map((part) => `'${part}'`).join(' ');
  await writeFile(join(folder, 'gcp-token'), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
}

function environmentOf(example: Example, vendor: LocalVendor, folder: string): Environment {
  const { google, credential } = vendor;
  if (google === undefined) {
    throw new Error('the vendor of an example has a stand-in for Google');
  }
  const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: [folder, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'from-source.ts')).href}`,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: credential.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credential.secretAccessKey,
    ...example.environment({ vendorUrl: vendor.url, google }),
  };
}

function findCommand({ command }: Example): readonly [string, ...string[]] {
  if (!command.includes('python3')) {
    return command;
  }
  const python = findPython();
  if (python === undefined) {
    throw new UsageError(
      'This example needs Python 3 with Google’s library: python3 -m pip install google-auth requests.',
    );
  }
  const [program, ...args] = command;
  return [program, ...args.map((part) => (part === 'python3' ? python : part))];
}

async function runCommand(example: Example, env: Environment): Promise<number> {
  const [command, ...args] = findCommand(example);
  const cwd = join(import.meta.dirname, example.folder);
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    const [status] = await once(child, 'exit');
    return typeof status === 'number' ? status : 1;
  } catch (cause) {
    throw new UsageError(`${command} cannot be run here: ${(cause as NodeJS.ErrnoException).code}.`, {
      cause,
    });
  }
}

/**
 * Runs an example with a vendor of its own and the stand-ins, all on loopback, and returns its exit status. What the vendor
 * has to say of it goes to `log`.
 *
 * @throws {UsageError} if its command is not to be had on this machine
 */
export async function runExample(example: Example, log: (line: string) => void): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'gcp-token-example-'));
  const vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: join(import.meta.dirname, example.folder, 'profiles.json'),
      credential: { kind: 'stand-in' },
      requireSignature: false,
    },
    { audit: createTerminalAudit(log), log },
  );
  try {
    await writeCommand(folder);
    return await runCommand(example, environmentOf(example, vendor, folder));
  } finally {
    await Promise.all([vendor.close(), rm(folder, { recursive: true })]);
  }
}
