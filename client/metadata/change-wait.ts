import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import { MetadataFault, tooMany } from './metadata-fault.ts';
import { isTrue, parameter, type Query } from './query.ts';

/** Holds the answers of those who wait for a change. */
export type ChangeWait = {
  /** Resolves when `response` is to be sent, or its client has gone: at once if it does not wait. @throws {MetadataFault} */
  readonly until: (query: Query, answer: Answer, response: ServerResponse) => Promise<void>;
  /** Lets all of them go. */
  readonly close: () => void;
};

/** Nothing changes here but tokens, which nobody waits for. An answer that says so this seldom is no burden to anybody. */
const MAX_WAIT_SECONDS = 60;
const MAX_WAITING = 64;

function secondsOf(text: string | undefined): number {
  if (text === undefined) {
    return MAX_WAIT_SECONDS;
  }
  if (!/^\d{1,9}$/.test(text)) {
    throw new MetadataFault(400, 'The parameter timeout_sec must be a whole number of seconds.');
  }
  return Math.min(Number(text), MAX_WAIT_SECONDS);
}

function waits(query: Query, etag: string | undefined): boolean {
  if (!isTrue(query, 'wait_for_change') || etag === undefined) {
    return false;
  }
  const lastEtag = parameter(query, 'last_etag');
  return lastEtag === undefined || lastEtag === etag;
}

/**
 * Returns what keeps those waiting who wait for another value than they know, and no longer than a minute.
 *
 * @see https://cloud.google.com/compute/docs/metadata/querying-metadata#waitforchange
 */
export function createChangeWait(): ChangeWait {
  const waiting = new Set<() => void>();

  return {
    until: async (query, { headers }, response) => {
      if (!waits(query, headers?.ETag) || response.closed) {
        return;
      }
      const seconds = secondsOf(parameter(query, 'timeout_sec'));
      if (waiting.size >= MAX_WAITING) {
        throw tooMany('Too many requests wait for a change; try again.');
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, seconds * 1_000);
      response.once('close', resolve);
      waiting.add(resolve);
      await promise;
      waiting.delete(resolve);
      clearTimeout(timer);
    },
    close: () => {
      for (const resolve of waiting) {
        resolve();
      }
    },
  };
}
