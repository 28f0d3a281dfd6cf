import type { Bench } from './bench.ts';
import { startContainer } from './container.ts';
import { interleave } from './interleave.ts';
import { median, medianRatio } from './median.ts';
import type { Result } from './result.ts';
import type { BundleFile } from './workspace.ts';

const ID_TOKEN = { audience: 'https://europe-west1-example.cloudfunctions.net/hello' };
const ACCESS_TOKEN = {};

/**
 * Returns how long it takes from the start of a process to its first token, with Secrets Manager and Google as far
 * away as a Lambda sees them: 1 ms to connect and 12 ms to answer; 8 ms a round trip and 80 ms to answer, over TLS.
 */
export async function benchColdStart(bench: Bench, runs: number): Promise<Result> {
  const { vendor, peer, peerWithPlugin } = bench.workspace;
  const tokenMs = async (bundle: BundleFile, event: object) =>
    (await startContainer(bench, bundle, { event })).tokenMs;
  const starts = await interleave(runs, {
    vendor: () => tokenMs(vendor, ACCESS_TOKEN),
    peer: () => tokenMs(peer, ACCESS_TOKEN),
    peerWithPlugin: () => tokenMs(peerWithPlugin, ACCESS_TOKEN),
    vendorId: () => tokenMs(vendor, ID_TOKEN),
    peerId: () => tokenMs(peer, ID_TOKEN),
  });

  return {
    benchmark: 'cold-start',
    title: 'cold start to the first token',
    findings: [
      { what: 'against the peer', value: medianRatio(starts.vendor, starts.peer), unit: '×', bar: 0.75 },
      {
        what: 'an ID token, against the peer',
        value: medianRatio(starts.vendorId, starts.peerId),
        unit: '×',
        bar: 0.75,
      },
      {
        what: 'against the peer with our plugin for built-ins',
        value: medianRatio(starts.vendor, starts.peerWithPlugin),
        unit: '×',
      },
    ],
    sides: [
      { who: 'vendor', amount: median(starts.vendor), unit: 'ms' },
      { who: 'peer', amount: median(starts.peer), unit: 'ms' },
      { who: 'peer with our plugin', amount: median(starts.peerWithPlugin), unit: 'ms' },
    ],
  };
}
