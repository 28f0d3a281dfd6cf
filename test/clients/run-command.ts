import { spawn } from 'node:child_process';

/** Longer than any client takes, on a slow machine too; a build of Go's without a cache is the longest. */
const TIMEOUT_MS = 90_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const SHOWN_CHARACTERS = 600;

export type CommandOptions = {
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  /** @default 90000 */
  readonly timeoutMs?: number;
};

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) {
      process.kill(-leader, 'SIGKILL');
    }
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs a command, with no input and with this environment alone, and returns its standard output. When its time is up, it and
 * all that it started are ended.
 *
 * @throws {Error} with the end of what it said, if its status is not 0
 */
export async function runCommand(
  [command = '', ...args]: readonly string[],
  { environment, folder, timeoutMs = TIMEOUT_MS }: CommandOptions,
): Promise<string> {
  const child = spawn(command, args, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that it can be ended with its children.
    detached: true,
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] = (said[stream] + text).slice(-MAX_OUTPUT_BYTES);
    });
  }
  let isLate = false;
  const end = () => endGroup(child.pid);
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  process.once('exit', end);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (status !== 0) {
      const last = (said.stderr + said.stdout).trim().slice(-SHOWN_CHARACTERS);
      const how = isLate ? `took more than ${timeoutMs / 1000} s` : `ended with ${status ?? 'a signal'}`;
      throw new Error(`\`${command}\` ${how}: ${last}`);
    }
    return said.stdout;
  } finally {
    clearTimeout(timer);
    process.off('exit', end);
  }
}
