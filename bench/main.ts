import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../infra/usage-error.ts';
import { type Bench, openBench } from './bench.ts';
import { benchColdStart } from './cold-start.ts';
import { benchFederation } from './federation.ts';
import { benchLoad } from './load.ts';
import { benchMetadata } from './metadata.ts';
import { type BenchmarkName, type BenchOptions, HELP, parseOptions } from './options.ts';
import { renderPlot } from './plot.ts';
import { isMet, type Result } from './result.ts';
import { benchSize } from './size.ts';
import { renderTable } from './table.ts';
import { benchCallers, benchLiveMint, benchNearMint, benchWarmHit } from './warm.ts';

const PLOT = join(import.meta.dirname, '../docs/bench.svg');

function run(name: BenchmarkName, bench: Bench, { runs, quick }: BenchOptions): Promise<Result> | Result {
  switch (name) {
    case 'load':
      return benchLoad(bench, runs);
    case 'cold-start':
      return benchColdStart(bench, runs);
    case 'federation':
      return benchFederation(bench, runs);
    case 'live-mint':
      return benchLiveMint(bench, quick);
    case 'near-mint':
      return benchNearMint(bench, quick);
    case 'warm-hit':
      return benchWarmHit(bench, quick);
    case 'callers':
      return benchCallers(bench);
    case 'metadata':
      return benchMetadata(quick);
    case 'size':
      return benchSize(bench.workspace);
    default:
      return name satisfies never;
  }
}

async function measure(options: BenchOptions): Promise<readonly Result[]> {
  const bench = await openBench();
  try {
    const results: Result[] = [];
    for (const name of options.benchmarks) {
      process.stderr.write(`measuring ${name} …\n`);
      results.push(await run(name, bench, options));
    }
    return results;
  } finally {
    await bench.close();
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const results = await measure(options);
  process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : renderTable(results));
  if (options.complete) {
    // The plot shows contenders, and the metadata server has none beside it.
    const compared = results.filter(({ benchmark }) => benchmark !== 'metadata');
    await writeFile(PLOT, renderPlot(compared));
    process.stderr.write('wrote docs/bench.svg\n');
  }
  const missed = results.flatMap(({ findings }) => findings).some((finding) => isMet(finding) === false);
  if (options.check && missed) {
    process.exitCode = 1;
  }
}

await runCommand(main);
