import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../infra/usage-error.ts';
import { REGION } from '../local/place.ts';
import { findPython } from './find-python.ts';
import type { Here } from './here.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Command = readonly [program: string, ...args: string[]];

const ROOT = join(import.meta.dirname, '..');
/** What would lead to another vendor, or to a real AWS account. */
const FOREIGN = /^(?:AWS_|GCP_TOKEN_)/;

/** Writes the command `gcp-token`, as an installed package has it on the path. */
async function writeGcpToken(folder: string): Promise<void> {
  const parts = [process.execPath, '--import', pathToFileURL(join(ROOT, 'local/require-node.mjs')).href];
  const line = [...parts, join(ROOT, 'client/cli/main.ts')].map((part) => `'${part}'`).join(' ');
  await writeFile(join(folder, 'gcp-token'), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
}

function environmentOf({ vendor, temporary }: Here): Environment {
  const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: [temporary, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'from-source.ts')).href}`,
    // Nothing here is beyond a proxy.
    NO_PROXY: '127.0.0.1',
    no_proxy: '127.0.0.1',
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: vendor.credential.accessKeyId,
    AWS_SECRET_ACCESS_KEY: vendor.credential.secretAccessKey,
  };
}

function withPython([program, ...args]: Command): Command {
  if (!args.includes('python3')) {
    return [program, ...args];
  }
  const python = findPython();
  if (python === undefined) {
    throw new UsageError(
      'This example needs Python 3 with Google’s library: python3 -m pip install google-auth requests.',
    );
  }
  return [program, ...args.map((part) => (part === 'python3' ? python : part))];
}

/**
 * Returns what runs a command in the example's folder, as one would type it there: `node` and `gcp-token` are those of this
 * repository, and `python3` is one that has Google's library. What `environment` returns says which vendor and which Google;
 * deployed, it is the real ones.
 */
export function command(
  typed: Command,
  environment: (here: Here) => Environment,
): (here: Here) => Promise<number> {
  return async (here) => {
    const [program, ...args] = withPython(typed);
    await writeGcpToken(here.temporary);
    const child = spawn(program, args, {
      cwd: here.folder,
      env: { ...environmentOf(here), ...environment(here) },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    try {
      const [status] = await once(child, 'exit');
      return typeof status === 'number' ? status : 1;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new UsageError(`${program} cannot be run here: ${code}.`, { cause });
    }
  };
}
