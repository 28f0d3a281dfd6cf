import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import { receive, type Sample, slopePerMinute, watchMemory } from './metadata-memory.ts';
import { percentile, runPacedLoad } from './paced-load.ts';
import type { Result } from './result.ts';

const PER_SECOND = 1_000;
const SECONDS = 60;
const QUICK_SECONDS = 5;
/** How often the heap is collected to see what is left: seldom enough that the load does not feel it. */
const COLLECTIONS = 6;
/** A KB that is kept of each request would be 60. */
const MAX_GROWTH_MB = 2;

const ACCOUNT = '/computeMetadata/v1/instance/service-accounts/default';
/** Two tokens, so two exchanges, and what clients ask beside. */
const PATHS = [
  `${ACCOUNT}/token`,
  `${ACCOUNT}/token?scopes=cloud-platform`,
  `${ACCOUNT}/identity?audience=${FUNCTION_AUDIENCE}`,
  `${ACCOUNT}/email`,
];
const TOKENS = 2;

async function startVendor() {
  return await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: 'infra/profiles.json',
      credential: { kind: 'stand-in' },
      requireSignature: false,
    },
    { audit: { record: () => {}, warn: () => {} }, log: () => {} },
  );
}

function startProgram(vendorUrl: string): ChildProcess {
  return fork(join(import.meta.dirname, 'metadata-program.ts'), {
    execArgv: ['--expose-gc'],
    env: { PATH: process.env.PATH, GCP_TOKEN_URL: vendorUrl },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** Puts the load on a server that is in a process of its own, and has nothing yet when it begins. */
async function measure(child: ChildProcess, seconds: number) {
  const first = await receive(child);
  const host = 'host' in first ? first.host : '';
  const running = runPacedLoad({
    host,
    paths: PATHS,
    headers: { 'Metadata-Flavor': 'Google' },
    perSecond: PER_SECOND,
    seconds,
  });
  const memory = await watchMemory(child, running, seconds / COLLECTIONS);
  return { report: await running, memory };
}

function mbOf(sample: Sample | undefined): number {
  return sample?.[1] ?? Number.NaN;
}

function summarise({ report, memory }: Awaited<ReturnType<typeof measure>>, exchanges: number): Result {
  const { requests, failures, latenciesMs } = report;
  const { resident, kept } = memory;
  const growth = slopePerMinute(kept);
  return {
    benchmark: 'metadata',
    title: `the metadata server, ${PER_SECOND.toLocaleString('en')} requests a second`,
    findings: [
      { what: 'how many', value: requests, unit: 'requests' },
      { what: 'how many of them failed', value: failures, unit: 'requests', bar: 0 },
      { what: 'exchanges with Google for a token', value: exchanges / TOKENS, unit: 'exchanges', bar: 1 },
      { what: 'memory at the start', value: mbOf(resident.at(0)), unit: 'MB' },
      { what: 'memory at half time', value: mbOf(resident[Math.floor(resident.length / 2)]), unit: 'MB' },
      { what: 'memory at the end', value: mbOf(resident.at(-1)), unit: 'MB' },
      { what: 'heap in use, collected', value: mbOf(kept.at(-1)), unit: 'MB' },
      { what: 'its growth in a minute', value: growth, unit: 'MB', bar: MAX_GROWTH_MB },
    ],
    sides: [
      { who: 'half of them within', amount: percentile(latenciesMs, 50), unit: 'ms' },
      { who: '99 of 100 within', amount: percentile(latenciesMs, 99), unit: 'ms' },
    ],
  };
}

/** Returns how the metadata server bears 1,000 requests a second for a minute, tokens and other values in turn. */
export async function benchMetadata(quick: boolean): Promise<Result> {
  const vendor = await startVendor();
  const child = startProgram(vendor.url);
  try {
    const measured = await measure(child, quick ? QUICK_SECONDS : SECONDS);
    return summarise(measured, vendor.google?.exchanges.length ?? Number.NaN);
  } finally {
    child.disconnect();
    await vendor.close();
  }
}
