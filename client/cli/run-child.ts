import { ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';

/** What is passed on. The rest is not to be caught, or is for the terminal to do with all of a job at once. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH', 'SIGUSR1', 'SIGUSR2'] as const;

type Signal = (typeof SIGNALS)[number];

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const SIGNAL_BASE = 128;

/** How a command ended, as a shell tells it. */
export type ChildEnd = {
  /** 127 for a command that was not found, 126 for one that cannot be run, 128 and the signal's number for one that died of it. */
  readonly status: number;
  /** Why it was not run. */
  readonly fault?: string;
};

/** Takes signals from now on, and passes them to the command as soon as there is one. */
export type SignalRelay = {
  /** The one that came before there was a command to pass it to. */
  readonly early: () => Signal | undefined;
  readonly to: (child: ChildProcess) => void;
  readonly stop: () => void;
};

/**
 * A terminal sends Ctrl-C and Ctrl-\ to every process of the foreground job, and so to the command itself: passed on as well, it
 * would be interrupted twice, which many programs take for an order to stop at once.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html `pgrp`, `tpgid`
 */
function isTerminalJob(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === terminalGroup;
  } catch {
    return [0, 1, 2].some((descriptor) => isatty(descriptor));
  }
}

/** Returns the status by which a shell tells of a death by a signal. */
export function statusOfSignal(signal: NodeJS.Signals): number {
  return SIGNAL_BASE + constants.signals[signal];
}

/** Returns a relay that has taken the signals over from the process. */
export function relaySignals(): SignalRelay {
  let early: Signal | undefined;
  let child: ChildProcess | undefined;
  const take = (signal: Signal): void => {
    if (child === undefined) {
      early ??= signal === 'SIGWINCH' ? undefined : signal;
    } else if (!((signal === 'SIGINT' || signal === 'SIGQUIT') && isTerminalJob())) {
      child.kill(signal);
    }
  };
  for (const signal of SIGNALS) {
    process.on(signal, take);
  }
  return {
    early: () => early,
    to: (started) => {
      child = started;
    },
    stop: () => {
      for (const signal of SIGNALS) {
        process.off(signal, take);
      }
    },
  };
}

function endOfFailure({ code, message }: NodeJS.ErrnoException, command: string): ChildEnd {
  switch (code) {
    case 'ENOENT':
    // No name at all.
    case 'ERR_INVALID_ARG_VALUE':
      return { status: NOT_FOUND, fault: `${command}: command not found` };
    case 'EACCES':
      return { status: NOT_EXECUTABLE, fault: `${command}: is not executable` };
    default:
      return { status: NOT_EXECUTABLE, fault: `${command}: cannot be run: ${message}` };
  }
}

/**
 * Runs a command with this process's own input, output and terminal, in its process group, and returns how it ended: as soon as
 * it has, whatever children it leaves.
 */
export function runChild(
  [command = '', ...args]: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  relay: SignalRelay,
): Promise<ChildEnd> {
  /** Node.js tells of some failures by an event, and of others at once. */
  const start = (): ChildProcess | ChildEnd => {
    try {
      return spawn(command, args, { env: { ...environment }, stdio: 'inherit' });
    } catch (error) {
      return endOfFailure(error as NodeJS.ErrnoException, command);
    }
  };

  return new Promise((resolve) => {
    const child = start();
    if (!(child instanceof ChildProcess)) {
      resolve(child);
      return;
    }
    relay.to(child);
    child.on('error', (error) => {
      // It comes for a signal, too, that may not be sent to a command of another user's, such as sudo.
      if (child.pid === undefined) {
        resolve(endOfFailure(error, command));
      }
    });
    child.on('exit', (status, signal) =>
      resolve({ status: signal === null ? (status ?? 1) : statusOfSignal(signal) }),
    );
  });
}
