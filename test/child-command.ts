import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const TIMEOUT_MS = 120_000;

/** How a command ended, and what it said. */
export type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** A command that is running. */
export type Running = {
  /** Resolves with all of standard output as soon as `text` is in it. @throws {Error} if the command ends before */
  readonly untilSaid: (text: string) => Promise<string>;
  readonly stderr: () => string;
  readonly pid: number;
  /** Sends it a signal, and not its children. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Asks it to end, and resolves when it has. */
  readonly stop: () => Promise<Ended>;
  readonly ended: Promise<Ended>;
};

/** The arguments of an npm script of the package that is `node …`, so that what is tested is what npm runs. */
function scriptArguments(name: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [command, ...args] = String(scripts[name]).split(' ');
  if (command !== 'node') {
    throw new Error(`the script ${name} does not start with node`);
  }
  return args;
}

/** With nothing of the user's own AWS configuration, so that no test depends on it or reaches a real account. */
function environment(): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

async function endOf(child: ChildProcess, out: () => string, err: () => string): Promise<Ended> {
  const [status] = await once(child, 'close');
  return { status: typeof status === 'number' ? status : null, stdout: out(), stderr: err() };
}

/** Starts `npm run NAME -- ARGS` without npm, for two minutes at the most. */
export function startScript(
  name: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [...scriptArguments(name), ...args], {
    cwd: ROOT,
    env: { ...environment(), ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = endOf(
    child,
    () => stdout,
    () => stderr,
  );

  return {
    untilSaid: async (text) => {
      while (!stdout.includes(text)) {
        const end = await Promise.race([ended, once(child.stdout, 'data')]);
        if ('status' in end) {
          throw new Error(`${name} ended with ${end.status} before it said ${text}: ${end.stderr}`);
        }
      }
      return stdout;
    },
    stderr: () => stderr,
    pid: child.pid ?? 0,
    signal: (signal) => child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      return await ended;
    },
    ended,
  };
}
