import { spawn } from 'node:child_process';

/** Longer than any client takes, on a slow machine too. */
const TIMEOUT_MS = 90_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const SHOWN_CHARACTERS = 600;

export type CommandOptions = {
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
};

function endingOf(status: number | null, isLate: boolean): string {
  return isLate ? `took more than ${TIMEOUT_MS / 1000} s` : `ended with ${status ?? 'a signal'}`;
}

/**
 * Runs a command, with no input and with this environment alone, and returns its standard output. It and all that it started are
 * ended after 90 seconds.
 *
 * @throws {Error} with the end of what it said, if its status is not 0
 */
export async function runCommand(
  [command = '', ...args]: readonly string[],
  { environment, folder }: CommandOptions,
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
  const end = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, TIMEOUT_MS);
  process.once('exit', end);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (status !== 0) {
      const last = (said.stderr + said.stdout).trim().slice(-SHOWN_CHARACTERS);
      throw new Error(`\`${command}\` ${endingOf(status, isLate)}: ${last}`);
    }
    return said.stdout;
  } finally {
    clearTimeout(timer);
    process.off('exit', end);
  }
}
