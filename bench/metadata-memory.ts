import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetadataProgramMessage, MetadataProgramQuestion } from './metadata-program.ts';

/** Memory at a time: seconds since the start, and MB. */
export type Sample = readonly [seconds: number, mb: number];

export type MemorySamples = {
  /** All that the process has. */
  readonly resident: readonly Sample[];
  /** What of the heap is left after a collection: what is kept, and not what has not been collected yet. */
  readonly kept: readonly Sample[];
};

const SAMPLE_MS = 500;
const TIMEOUT_MS = 20_000;
const MB = 1_024 * 1_024;

/** Returns the next message of the program. @throws {Error} if none comes in time */
export async function receive(child: ChildProcess): Promise<MetadataProgramMessage> {
  const [message] = await once(child, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return message as MetadataProgramMessage;
}

async function askMb(child: ChildProcess, question: MetadataProgramQuestion): Promise<number> {
  child.send(question);
  const message = await receive(child);
  return 'bytes' in message ? message.bytes / MB : Number.NaN;
}

/** Returns by how many MB a minute the samples rise, by the line that fits them best. */
export function slopePerMinute(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(samples.map(([x]) => x)), mean(samples.map(([, y]) => y))];
  const above = samples.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = samples.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return (60 * above) / below;
}

/** Returns the memory of the program from now on until `work` ends; every `keptEverySeconds` what it keeps. */
export async function watchMemory(
  child: ChildProcess,
  work: Promise<unknown>,
  keptEverySeconds: number,
): Promise<MemorySamples> {
  const resident: Sample[] = [];
  const kept: Sample[] = [];
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1_000;
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    resident.push([seconds(), await askMb(child, 'memory')]);
    if (seconds() >= (kept.length + 1) * keptEverySeconds) {
      kept.push([seconds(), await askMb(child, 'kept')]);
    }
    await Promise.race([sleep(SAMPLE_MS), over]);
  }
  kept.push([seconds(), await askMb(child, 'kept')]);
  return { resident, kept };
}
