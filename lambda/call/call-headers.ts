import { VendError } from '../errors.ts';
import { isFields } from '../fields.ts';
import { quote } from '../quote.ts';

/** By their names in lower case. */
export type CallHeaders = Readonly<Record<string, string>>;

const NAME = /^[\w!#$%&'*+.^`|~-]{1,64}$/;
const VALUE = /^[\t\x20-\x7e]*$/;
const MAX_HEADERS = 50;
const MAX_BYTES = 8_192;

/** What says who calls is the token's; what belongs to the connection is the connection's; what is compressed cannot be searched for the token. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ...['authorization', 'proxy-authorization', 'x-serverless-authorization'].map(
    (name) => [name, 'the call brings its own token'] as const,
  ),
  ...['host', 'content-length', 'expect'].map((name) => [name, 'the call writes it itself'] as const),
  ...[
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'http2-settings',
  ].map((name) => [name, 'it belongs to the connection'] as const),
  ['accept-encoding', 'answers are taken as they are, uncompressed'],
]);

function invalid(message: string): VendError {
  return new VendError('invalid_request', `headers: ${message}`);
}

function parseHeader(name: string, value: unknown): readonly [string, string] {
  if (!NAME.test(name)) {
    throw invalid(`${quote(name)} is not the name of a header.`);
  }
  const reason = REFUSED.get(name.toLowerCase());
  if (reason !== undefined) {
    throw invalid(`${name} cannot be set: ${reason}.`);
  }
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text !== 'string' || !VALUE.test(text)) {
    throw invalid(`the value of ${name} is not a text of visible ASCII characters.`);
  }
  return [name.toLowerCase(), text.trim()];
}

/**
 * Returns the headers that a call is to have.
 *
 * @throws {VendError} `invalid_request` for one that is not a call's to set, is there twice, or is none
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-connection
 */
export function parseCallHeaders(value: unknown): CallHeaders {
  if (value === undefined || value === null) {
    return {};
  }
  if (!isFields(value)) {
    throw invalid(`${quote(value)} is not an object of texts by name.`);
  }
  const headers = Object.entries(value).map(([name, text]) => parseHeader(name, text));
  const names = headers.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw invalid(`${twice} is there twice.`);
  }
  if (headers.length > MAX_HEADERS || headers.flat().join('').length > MAX_BYTES) {
    throw invalid(`there may be ${MAX_HEADERS}, of ${MAX_BYTES} bytes together.`);
  }
  return Object.fromEntries(headers);
}
