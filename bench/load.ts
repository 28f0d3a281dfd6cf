import type { Bench } from './bench.ts';
import { type ContainerStart, startContainer } from './container.ts';
import { interleave } from './interleave.ts';
import { median, medianRatio } from './median.ts';
import type { Result } from './result.ts';

function loaded(starts: readonly ContainerStart[]): readonly number[] {
  return starts.map(({ loadedMs }) => loadedMs);
}

function imported(starts: readonly ContainerStart[]): number {
  return median(starts.map(({ importMs }) => importMs));
}

/**
 * Returns how long it takes from the start of a process until the handler's bundle is loaded, what the runtime
 * interface client loads before it included; bare Node does the same with a handler that is empty.
 */
export async function benchLoad(bench: Bench, runs: number): Promise<Result> {
  const { vendor, bare, peer, peerWithPlugin } = bench.workspace;
  const starts = await interleave(runs, {
    vendor: () => startContainer(bench, vendor),
    bare: () => startContainer(bench, bare),
    peer: () => startContainer(bench, peer),
    peerWithPlugin: () => startContainer(bench, peerWithPlugin),
  });
  const ours = loaded(starts.vendor);

  return {
    benchmark: 'load',
    title: 'loading the bundle',
    findings: [
      { what: 'against bare Node', value: medianRatio(ours, loaded(starts.bare)), unit: '×', bar: 2.4 },
      { what: 'against the peer', value: medianRatio(ours, loaded(starts.peer)), unit: '×', bar: 0.65 },
      {
        what: 'against the peer with our plugin for built-ins',
        value: medianRatio(ours, loaded(starts.peerWithPlugin)),
        unit: '×',
      },
      {
        what: 'the import alone, against that of the peer',
        value: imported(starts.vendor) / imported(starts.peer),
        unit: '×',
      },
    ],
    sides: [
      { who: 'vendor', amount: median(ours), unit: 'ms' },
      { who: 'bare Node', amount: median(loaded(starts.bare)), unit: 'ms' },
      { who: 'peer', amount: median(loaded(starts.peer)), unit: 'ms' },
      { who: 'peer with our plugin', amount: median(loaded(starts.peerWithPlugin)), unit: 'ms' },
    ],
  };
}
