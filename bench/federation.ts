import type { Bench } from './bench.ts';
import { startContainer } from './container.ts';
import { interleave } from './interleave.ts';
import { median, medianRatio } from './median.ts';
import type { Result } from './result.ts';

/**
 * Returns how long it takes from the start of a process to its first access token by federation and impersonation, from
 * a document that is given with the function: two round trips to Google, as far away as in the benchmark of the cold start.
 */
export async function benchFederation(bench: Bench, runs: number): Promise<Result> {
  const { workspace, federationEnvironment: environment } = bench;
  const starts = await interleave(runs, {
    vendor: () => startContainer(bench, workspace.keylessVendor, { event: {}, environment }),
    peer: () => startContainer(bench, workspace.peerOfFederation, { event: {}, environment }),
  });
  const [ours, theirs] = [starts.vendor, starts.peer].map((side) => side.map(({ tokenMs }) => tokenMs));

  return {
    benchmark: 'federation',
    title: 'cold start to the first token, without a key',
    findings: [
      { what: 'against the peer', value: medianRatio(ours ?? [], theirs ?? []), unit: '×', bar: 0.95 },
    ],
    sides: [
      { who: 'vendor', amount: median(ours ?? []), unit: 'ms' },
      { who: 'peer', amount: median(theirs ?? []), unit: 'ms' },
    ],
  };
}
