import { readFileSync } from 'node:fs';
import { UsageError } from './usage-error.ts';

/**
 * Returns the text of a file that a person named; `what` is what they would call it.
 *
 * @throws {UsageError} in one line if it cannot be read
 */
export function readTextFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new UsageError(`${path}: the ${what} cannot be read (${code})`, { cause });
  }
}
