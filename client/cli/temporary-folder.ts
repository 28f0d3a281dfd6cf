import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';

/** A folder that nobody else may look into, and that is gone when the process is. */
export type TemporaryFolder = { readonly path: string; readonly remove: () => void };

const PREFIX = 'gcp-token-';

/** The pipe to its input closes when this process ends, in whatever way. */
const REMOVE_AT_THE_END = 'read -r _; exec rm -rf -- "$1"';

/**
 * Starts what removes the folder if this process is killed by a signal that it cannot catch: in the folder may be tokens. It has
 * a session of its own, so that a terminal's signals are not for it.
 */
function guard(path: string): ChildProcess {
  const guardian = spawn('/bin/sh', ['-c', REMOVE_AT_THE_END, 'sh', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
  });
  // Where there is no shell, there is no guardian.
  guardian.on('error', () => {});
  guardian.unref();
  return guardian;
}

/**
 * Returns a new folder.
 *
 * @throws {Error} where there is no place for one
 */
export function createTemporaryFolder(): TemporaryFolder {
  // The command may go to another folder, and must find it from there.
  const path = mkdtempSync(resolve(tmpdir(), PREFIX));
  const guardian = guard(path);
  const remove = () => {
    process.off('exit', remove);
    // What the command has left running may be writing there.
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    guardian.kill('SIGKILL');
  };
  process.on('exit', remove);
  return { path, remove };
}
