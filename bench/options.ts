import { parseFlags } from '../infra/flags.ts';
import { UsageError } from '../infra/usage-error.ts';

/** What can be measured, in the order in which it is. */
export const BENCHMARKS = [
  'load',
  'cold-start',
  'federation',
  'live-mint',
  'near-mint',
  'warm-hit',
  'callers',
  'metadata',
  'size',
] as const;

export type BenchmarkName = (typeof BENCHMARKS)[number];

export type BenchOptions = {
  readonly benchmarks: readonly BenchmarkName[];
  /** Interleaved rounds of whatever needs a new process each time. */
  readonly runs: number;
  readonly json: boolean;
  /** Whether a missed bar is a failure. */
  readonly check: boolean;
  readonly help: boolean;
  /** Fewer rounds of everything. */
  readonly quick: boolean;
  /** Whether the run is whole and thorough enough for its figures to be published. */
  readonly complete: boolean;
};

export const HELP = `Measures the vendor beside google-auth-library and the AWS SDK, on stand-ins that it starts itself.

  npm run bench                  all of it, in about three minutes; writes docs/bench.svg
  npm run bench -- --quick       all of it in fewer rounds, for a first impression
  npm run bench -- --only NAME   one of ${BENCHMARKS.join(', ')}
  npm run bench -- --runs N      N interleaved rounds of what starts a new process (1 to 1000)
  npm run bench -- --json        JSON in place of the table
  npm run bench -- --check       exits with 1 if a bar is missed

Progress goes to standard error. The plot is written by a whole run only, so that no sketch replaces it.
`;

const OPTIONS = {
  runs: { type: 'string' },
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const RUNS = 21;
const QUICK_RUNS = 5;
const MAX_RUNS = 1000;

function parseRuns(text: string): number {
  const runs = Number(text);
  if (!/^\d+$/.test(text) || runs < 1 || runs > MAX_RUNS) {
    throw new UsageError(`--runs ${text}: must be a whole number from 1 to ${MAX_RUNS}`);
  }
  return runs;
}

function parseOnly(name: string): BenchmarkName {
  const benchmark = BENCHMARKS.find((known) => known === name);
  if (benchmark === undefined) {
    throw new UsageError(`--only ${name}: must be one of ${BENCHMARKS.join(', ')}`);
  }
  return benchmark;
}

/**
 * Returns what the command line asks for.
 *
 * @throws {UsageError}
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { runs, only, quick, ...flags } = parseFlags('npm run bench', {
    args: [...args],
    options: OPTIONS,
  }).values;
  return {
    ...flags,
    quick,
    benchmarks: only === undefined ? BENCHMARKS : [parseOnly(only)],
    runs: runs === undefined ? (quick ? QUICK_RUNS : RUNS) : parseRuns(runs),
    complete: only === undefined && !quick,
  };
}
