import type { IncomingMessage } from 'node:http';
import { redact } from '../../lambda/quote.ts';

/** How a request ended. */
export type Outcome = {
  readonly status: number;
  /** By the monotonic clock, in milliseconds. */
  readonly startedAtMs: number;
  /** What it was refused with. */
  readonly fault: string | undefined;
};

export type RequestLog = (request: IncomingMessage, outcome: Outcome) => void;

const MAX_PATH_LENGTH = 200;
const UNPRINTABLE = /[^\x21-\x7e]/g;

function shownPath(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  return redact(path).slice(0, MAX_PATH_LENGTH).replace(UNPRINTABLE, '?');
}

/** Returns what writes a line for each request: its path without the query, which may name what nobody else is to know. */
export function createRequestLog(log: ((line: string) => void) | undefined): RequestLog {
  if (log === undefined) {
    return () => {};
  }
  return ({ method = '', url = '' }, { status, startedAtMs, fault }) => {
    const path = shownPath(url);
    const ms = Math.round(performance.now() - startedAtMs);
    log(`${method} ${path} ${status} ${ms} ms${fault === undefined ? '' : `: ${fault}`}`);
  };
}
