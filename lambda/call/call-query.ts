import { VendError } from '../errors.ts';
import { isFields } from '../fields.ts';
import { quote } from '../quote.ts';

const MAX_URL_LENGTH = 8_192;

function invalid(message: string): VendError {
  return new VendError('invalid_request', `query: ${message}`);
}

function parseValue(name: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw invalid(`${quote(name)} is neither a text, a number or a boolean, nor a list of them.`);
  }
  return String(value);
}

/**
 * Returns `url` with more parameters behind those that it has, escaped; a list stands for a parameter that is repeated.
 *
 * @throws {VendError} `invalid_request` for what is no parameter, and for more than a URL may have
 */
export function addQuery(url: URL, query: unknown): URL {
  if (query === undefined || query === null) {
    return url;
  }
  if (!isFields(query)) {
    throw invalid(`${quote(query)} is not an object of values by name.`);
  }
  const added = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, parseValue(name, one)]),
    ),
  ).toString();
  const longer = new URL(url);
  longer.search = [url.search.slice(1), added].filter((part) => part !== '').join('&');
  if (longer.href.length > MAX_URL_LENGTH) {
    throw invalid(`the URL would be longer than ${MAX_URL_LENGTH} characters.`);
  }
  return longer;
}
