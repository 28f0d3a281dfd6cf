import { VendError } from '../errors.ts';
import { quote } from '../quote.ts';
import { MAX_STATE_BYTES } from './call-limits.ts';

/** What is sent, and what it is if no header says so. */
export type CallBody = { readonly text: string; readonly contentType: string };

function contentOf(value: unknown): CallBody {
  if (typeof value === 'string') {
    return { text: value, contentType: 'text/plain; charset=utf-8' };
  }
  if (typeof value === 'object') {
    return { text: JSON.stringify(value), contentType: 'application/json' };
  }
  throw new VendError('invalid_request', `body: ${quote(value)} is neither an object nor a text.`);
}

/**
 * Returns the body of a call: an object or a list as JSON, a text as it is; `undefined` if there is none.
 *
 * @throws {VendError} `invalid_request` for anything else, and for more than a state can hold
 */
export function parseCallBody(value: unknown): CallBody | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const body = contentOf(value);
  if (Buffer.byteLength(body.text) > MAX_STATE_BYTES) {
    throw new VendError('invalid_request', `body: there is more than ${MAX_STATE_BYTES} bytes of it.`);
  }
  return body;
}
