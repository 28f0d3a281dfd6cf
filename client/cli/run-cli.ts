import { CommandFailure } from './command-failure.ts';
import { describeFailure, failureOf } from './failure.ts';
import { nodeVersionFault } from './node-version.ts';
import { tell } from './tell.ts';
import { packageVersion } from './version.ts';

/** What comes behind `--` is the arguments of somebody else. */
function asksFor(flags: readonly string[], args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).some((arg) => flags.includes(arg));
}

/** As curl ends if it cannot write. */
const WRITE_ERROR = 23;

/** Whoever reads no further, as `head` does, is not to be told of it; of a full disk they are. */
function endWithStandardOutput(
  ends: { readonly read: number; readonly broken: number },
  asJson: boolean,
): void {
  process.stdout.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') {
      process.exit(ends.read);
    }
    const failure = failureOf(
      new CommandFailure(`standard output cannot be written (${code}).`, ends.broken),
    );
    tell(describeFailure(failure, asJson));
    process.exit(failure.status);
  });
}

/**
 * Runs `gcp-token` with these arguments, and sets the exit status: 0, 1 for a failure, 2 for a fault in the arguments, and
 * what the command's own help says. What each command needs is loaded when it runs.
 */
export async function runCli(args: readonly string[]): Promise<void> {
  const fault = nodeVersionFault(process.versions.node);
  if (fault !== undefined) {
    tell(fault);
    process.exitCode = 1;
    return;
  }
  const [first] = args;
  if (args.length === 1 && (first === '--version' || first === '-V')) {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  try {
    const { createProgram } = await import('./program.ts');
    if (first !== 'exec') {
      const ends = first === 'call' ? { read: WRITE_ERROR, broken: WRITE_ERROR } : { read: 0, broken: 1 };
      endWithStandardOutput(ends, asksFor(['--json'], args));
    }
    await createProgram().parseAsync(args.length === 0 ? ['--help'] : [...args], { from: 'user' });
  } catch (error) {
    if (isDone(error)) {
      return;
    }
    const failure = failureOf(error);
    tell(describeFailure(failure, asksFor(['--json'], args)));
    if (failure.code === 'failed' && process.env.GCP_TOKEN_DEBUG && error instanceof Error) {
      tell(error.stack ?? '');
    }
    process.exitCode = failure.status;
  }
}

/** The parser ends a command that has shown its help by an error of status 0. */
function isDone(error: unknown): boolean {
  return error instanceof Error && 'exitCode' in error && error.exitCode === 0;
}
