import { writeSync } from 'node:fs';

const STDERR = 2;

/**
 * Writes a line of the command's own to standard error. Not by `process.stderr`: that puts a pipe into a mode in which a child
 * that has inherited it would find its own writes refused.
 */
export function tell(line: string): void {
  try {
    writeSync(STDERR, `${line}\n`);
  } catch {
    // Nobody is there to be told.
  }
}
