import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export type PacedLoad = {
  /** Host and port. */
  readonly host: string;
  /** Asked for in turn. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly perSecond: number;
  readonly seconds: number;
};

export type LoadReport = {
  readonly requests: number;
  /** What had another status than 200, no body, or no answer in time. */
  readonly failures: number;
  /** From when each request was due to the end of its answer, in milliseconds, in ascending order. */
  readonly latenciesMs: Float64Array;
};

const TICK_MS = 1;
const MAX_SOCKETS = 200;
const TIMEOUT_MS = 10_000;

type Send = (path: string, done: (isGood: boolean) => void) => void;

function createSender({ host, headers }: PacedLoad, agent: Agent): Send {
  return (path, done) => {
    const request = get(`http://${host}${path}`, { agent, headers, timeout: TIMEOUT_MS }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('close', () => done(response.complete && response.statusCode === 200 && bytes > 0));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done(false));
  };
}

/**
 * Sends so many requests a second, whether or not those before have been answered, and returns how it went once all of
 * them have ended. A request that had to wait for its turn has waited: its time runs from when it was due.
 */
export async function runPacedLoad(load: PacedLoad): Promise<LoadReport> {
  const { paths, perSecond, seconds } = load;
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const send = createSender(load, agent);
  const requests = perSecond * seconds;
  const latenciesMs = new Float64Array(requests);
  const all = Promise.withResolvers<void>();
  let failures = 0;
  let ended = 0;

  const start = performance.now();
  const fire = (index: number): void => {
    const dueMs = start + (index * 1_000) / perSecond;
    let isOver = false;
    send(paths[index % paths.length] ?? '/', (isGood) => {
      if (isOver) {
        return;
      }
      isOver = true;
      latenciesMs[ended] = performance.now() - dueMs;
      failures += isGood ? 0 : 1;
      ended += 1;
      if (ended === requests) {
        all.resolve();
      }
    });
  };
  for (let sent = 0; sent < requests; await sleep(TICK_MS)) {
    const due = Math.min(requests, Math.floor(((performance.now() - start) * perSecond) / 1_000));
    for (; sent < due; sent += 1) {
      fire(sent);
    }
  }
  await all.promise;
  agent.destroy();
  return { requests, failures, latenciesMs: latenciesMs.sort() };
}

/** Returns what so many of a hundred do not exceed; `sorted` is in ascending order. */
export function percentile(sorted: Float64Array, percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}
