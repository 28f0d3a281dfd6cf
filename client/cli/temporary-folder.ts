import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that nobody else may look into, and that is gone when the process is. */
export type TemporaryFolder = { readonly path: string; readonly remove: () => void };

const PREFIX = 'gcp-token-';

/**
 * Returns a new folder.
 *
 * @throws {Error} where there is no place for one
 */
export function createTemporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), PREFIX));
  const remove = () => {
    process.off('exit', remove);
    // What the command has left running may be writing there.
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };
  process.on('exit', remove);
  return { path, remove };
}
