import type { Bench } from './bench.ts';
import { runChild } from './child.ts';
import { median, medianRatio } from './median.ts';
import type { Result } from './result.ts';
import type { BundleFile } from './workspace.ts';

type Samples = Readonly<Record<string, readonly number[]>>;

const MINTS = 400;
const QUICK_MINTS = 100;
const DISTANT_MINTS = 41;
const QUICK_DISTANT_MINTS = 11;
const HIT_ROUNDS = 100;
const QUICK_HIT_ROUNDS = 30;
const CALLERS = 1000;

async function runWarm(bench: Bench, port: number, args: readonly string[]): Promise<Samples> {
  const { result } = await runChild({
    args: [bench.workspace.warmProgram, ...args],
    environment: bench.nearEnvironment(port),
  });
  return result as Samples;
}

function samplesOf(samples: Samples, who: string): readonly number[] {
  return samples[who] ?? [];
}

async function mint(bench: Bench, port: number, rounds: number) {
  const { vendor, peer } = bench.workspace;
  const samples = await runWarm(bench, port, ['live-mint', String(rounds), vendor.path, peer.path]);
  const [ours, raw, theirs] = ['vendor', 'raw', 'peer'].map((who) => samplesOf(samples, who));
  return { ours: ours ?? [], raw: raw ?? [], theirs: theirs ?? [] };
}

function mintSides({ ours, raw, theirs }: Awaited<ReturnType<typeof mint>>): Result['sides'] {
  return [
    { who: 'vendor', amount: median(ours), unit: 'ms' },
    { who: 'raw exchange', amount: median(raw), unit: 'ms' },
    { who: 'peer', amount: median(theirs), unit: 'ms' },
  ];
}

/**
 * Returns how long a token takes that no cache has, in a warm container, beside the bare exchange: sign, post, read.
 * Google is at its distance: 8 ms a round trip and 80 ms to answer.
 */
export async function benchLiveMint(bench: Bench, quick: boolean): Promise<Result> {
  const rounds = quick ? QUICK_DISTANT_MINTS : DISTANT_MINTS;
  const samples = await mint(bench, bench.standIns.distantGooglePort, rounds);
  const { ours, raw, theirs } = samples;
  return {
    benchmark: 'live-mint',
    title: 'a live mint',
    findings: [
      { what: 'against the raw exchange', value: medianRatio(ours, raw), unit: '×', bar: 1.1 },
      { what: 'against the peer', value: medianRatio(ours, theirs), unit: '×' },
    ],
    sides: mintSides(samples),
  };
}

/** Returns the same with a Google next door that answers at once, where all that the vendor adds shows. */
export async function benchNearMint(bench: Bench, quick: boolean): Promise<Result> {
  const rounds = quick ? QUICK_MINTS : MINTS;
  const samples = await mint(bench, bench.standIns.instantStubPort, rounds);
  const { ours, raw, theirs } = samples;
  return {
    benchmark: 'near-mint',
    title: 'a live mint, Google next door',
    findings: [
      { what: 'against the raw exchange', value: medianRatio(ours, raw), unit: '×' },
      { what: 'against the peer', value: medianRatio(ours, theirs), unit: '×' },
    ],
    sides: mintSides(samples),
  };
}

/** Returns how long an access token takes that the cache has, beside a handler that does nothing at all. */
export async function benchWarmHit(bench: Bench, quick: boolean): Promise<Result> {
  const { vendor, peer } = bench.workspace;
  const count = String(quick ? QUICK_HIT_ROUNDS : HIT_ROUNDS);
  const samples = await runWarm(bench, bench.standIns.instantStubPort, [
    'warm-hit',
    count,
    vendor.path,
    peer.path,
  ]);
  const ours = samplesOf(samples, 'vendor');
  const unlogged = samplesOf(samples, 'unlogged');
  const bare = samplesOf(samples, 'bare');
  const theirs = samplesOf(samples, 'peer');

  return {
    benchmark: 'warm-hit',
    title: 'a warm hit',
    findings: [
      { what: 'against a bare handler', value: medianRatio(ours, bare), unit: '×' },
      { what: 'but for its log line, against a bare handler', value: medianRatio(unlogged, bare), unit: '×' },
      {
        what: "but for its log line, against the peer's, which has none",
        value: medianRatio(unlogged, theirs),
        unit: '×',
      },
    ],
    sides: [
      { who: 'vendor', amount: median(ours), unit: 'µs' },
      { who: 'vendor without its log line', amount: median(unlogged), unit: 'µs' },
      { who: 'bare handler', amount: median(bare), unit: 'µs' },
      { who: 'peer', amount: median(theirs), unit: 'µs' },
    ],
  };
}

/** Returns how many exchanges `callers` cause who ask for the same ID token at once, in a container that has none. */
export async function exchangesFor(bench: Bench, bundle: BundleFile, callers: number): Promise<number> {
  const before = await bench.standIns.exchanges();
  await runWarm(bench, bench.standIns.slowStubPort, ['callers', String(callers), bundle.path]);
  return (await bench.standIns.exchanges()) - before;
}

/** Returns how many exchanges 1,000 callers cause, beside those that they cause through the peer. */
export async function benchCallers(bench: Bench): Promise<Result> {
  const ours = await exchangesFor(bench, bench.workspace.vendor, CALLERS);
  const theirs = await exchangesFor(bench, bench.workspace.peer, CALLERS);

  return {
    benchmark: 'callers',
    title: '1,000 callers for one ID token',
    findings: [{ what: 'exchanges with Google', value: ours, unit: 'exchanges', bar: 1 }],
    sides: [
      { who: 'vendor', amount: ours, unit: 'exchanges' },
      { who: 'peer', amount: theirs, unit: 'exchanges' },
    ],
  };
}
