import { fieldsOf, textOf } from '../fields.ts';
import type { PostResponse } from '../google/post.ts';

const MAX_RETRY_AFTER_SECONDS = 3_600;

/** Returns what `text` is as JSON, or `undefined` if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Returns the name of AWS's error in an answer, or `''`: a header has it, with an address behind it at times, or the
 * body, with a name space before it at times.
 */
export function answeredErrorName({ headers, body }: Pick<PostResponse, 'headers' | 'body'>): string {
  const named = textOf(headers['x-amzn-errortype']) ?? textOf(fieldsOf(parseJson(body)).__type) ?? '';
  const name = named.split(':')[0]?.split('#').at(-1) ?? '';
  return /^\w{1,64}$/.test(name) ? name : '';
}

/** Returns after how many seconds an answer asks to be tried again, as the details of an error have it. */
export function retryAfterOf({ headers }: PostResponse): { readonly retryAfterSeconds?: number } {
  const seconds = Number(textOf(headers['retry-after']));
  return Number.isFinite(seconds) && seconds > 0
    ? { retryAfterSeconds: Math.min(seconds, MAX_RETRY_AFTER_SECONDS) }
    : {};
}
