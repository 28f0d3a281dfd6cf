import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

export type ChildOptions = {
  /** The program and its arguments. */
  readonly args: readonly string[];
  /** All of the environment: nothing of this process's own reaches what is measured. */
  readonly environment: Readonly<Record<string, string>>;
};

/** What a program wrote to its file descriptor 3, parsed, and when it was started, in nanoseconds of the monotonic clock. */
export type ChildResult = { readonly result: unknown; readonly startedAtNs: bigint };

const TIMEOUT_MS = 120_000;

/**
 * Runs a program to its end in a Node process of its own. What it prints is thrown away.
 *
 * @throws {Error} with what it wrote to standard error, if it fails or takes longer than two minutes
 */
export async function runChild({ args, environment }: ChildOptions): Promise<ChildResult> {
  const startedAtNs = process.hrtime.bigint();
  const child = spawn(process.execPath, [...args], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const results = child.stdio[3] as Readable;
  const [output, errors, [status]] = await Promise.all([
    text(results),
    text(child.stderr as Readable),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  if (status !== 0) {
    throw new Error(`A measured program failed: ${errors.trim() || `status ${status}`}`);
  }
  return { result: JSON.parse(output), startedAtNs };
}
