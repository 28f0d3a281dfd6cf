import type { IncomingMessage } from 'node:http';
import { quote } from '../../lambda/quote.ts';

/** How a request ended. */
export type Outcome = {
  readonly status: number;
  /** By the monotonic clock, in milliseconds. */
  readonly startedAtMs: number;
  /** What it was refused with. */
  readonly fault: string | undefined;
};

export type RequestLog = (request: IncomingMessage, outcome: Outcome) => void;

/** Returns what writes a line for each request: its path without the query, which may name what nobody else is to know. */
export function createRequestLog(log: ((line: string) => void) | undefined): RequestLog {
  if (log === undefined) {
    return () => {};
  }
  return ({ method = '', url = '' }, { status, startedAtMs, fault }) => {
    const path = quote(url.split('?', 1)[0]).slice(1, -1);
    const ms = Math.round(performance.now() - startedAtMs);
    log(`${method} ${path} ${status} ${ms} ms${fault === undefined ? '' : `: ${fault}`}`);
  };
}
