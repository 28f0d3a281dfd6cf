import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FUNCTION_AUDIENCE } from '../local/google/server.ts';
import { startLocalVendor } from '../local/local-vendor.ts';
import type { MetadataProgramMessage } from './metadata-program.ts';
import { percentile, runPacedLoad } from './paced-load.ts';
import type { Result } from './result.ts';

const PER_SECOND = 1_000;
const SECONDS = 60;
const QUICK_SECONDS = 5;
const SAMPLE_MS = 500;
const START_TIMEOUT_MS = 20_000;
const MB = 1_024 * 1_024;
/** The heap breathes by a few; a KB that is kept of each request would be 60. */
const MAX_GROWTH_MB = 10;

const ACCOUNT = '/computeMetadata/v1/instance/service-accounts/default';
/** Two tokens, so two exchanges, and what clients ask beside. */
const PATHS = [
  `${ACCOUNT}/token`,
  `${ACCOUNT}/token?scopes=cloud-platform`,
  `${ACCOUNT}/identity?audience=${FUNCTION_AUDIENCE}`,
  `${ACCOUNT}/email`,
];
const TOKENS = 2;

/** Resident memory over time: seconds since the start, and MB. */
type Sample = readonly [seconds: number, mb: number];

async function receive(child: ChildProcess): Promise<MetadataProgramMessage> {
  const [message] = await once(child, 'message', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
  return message as MetadataProgramMessage;
}

async function rssMb(child: ChildProcess): Promise<number> {
  child.send('memory');
  const message = await receive(child);
  return 'rssBytes' in message ? message.rssBytes / MB : Number.NaN;
}

/** Returns by how many MB a minute the samples rise, by the line that fits them best. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(samples.map(([x]) => x)), mean(samples.map(([, y]) => y))];
  const above = samples.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = samples.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return (60 * above) / below;
}

async function watchMemory(child: ChildProcess, until: Promise<unknown>): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startMs = performance.now();
  let isOver = false;
  const over = until.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    samples.push([(performance.now() - startMs) / 1_000, await rssMb(child)]);
    await Promise.race([sleep(SAMPLE_MS), over]);
  }
  return samples;
}

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
    execArgv: [],
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
  const samples = await watchMemory(child, running);
  return { report: await running, samples };
}

function summarise({ report, samples }: Awaited<ReturnType<typeof measure>>, exchanges: number): Result {
  const { requests, failures, latenciesMs } = report;
  // In its first half a new process fills the heap that it has in its second.
  const steady = samples.slice(Math.floor(samples.length / 2));
  return {
    benchmark: 'metadata',
    title: `the metadata server, ${PER_SECOND.toLocaleString('en')} requests a second`,
    findings: [
      { what: 'how many', value: requests, unit: 'requests' },
      { what: 'how many of them failed', value: failures, unit: 'requests', bar: 0 },
      { what: 'exchanges with Google for a token', value: exchanges / TOKENS, unit: 'exchanges', bar: 1 },
      { what: 'memory at the start', value: samples.at(0)?.[1] ?? Number.NaN, unit: 'MB' },
      { what: 'memory at half time', value: steady.at(0)?.[1] ?? Number.NaN, unit: 'MB' },
      { what: 'memory at the end', value: samples.at(-1)?.[1] ?? Number.NaN, unit: 'MB' },
      {
        what: 'growth of its memory in a minute',
        value: slopePerMinute(steady),
        unit: 'MB',
        bar: MAX_GROWTH_MB,
      },
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
