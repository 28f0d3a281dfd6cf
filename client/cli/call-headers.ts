import { validateHeaderName, validateHeaderValue } from 'node:http';
import { quote } from '../../lambda/quote.ts';
import { CommandLineError } from './command-line-error.ts';

/** By their names in lower case. */
export type CallHeaders = Readonly<Record<string, string>>;

/**
 * What is not the caller's to say: the token is the vendor's, with another host it would go to another service, and the rest is how the
 * body is framed.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'authorization',
  'x-serverless-authorization',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
]);

const HEADER = /^([^:;\s]+)(?:(;)|:\s*(.*))$/;

function parseHeader(line: string): readonly [name: string, value: string | undefined] {
  const [, given = '', empty, value = ''] = HEADER.exec(line) ?? [];
  const name = given.toLowerCase();
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch (cause) {
    throw new CommandLineError(`-H: ${quote(line)} is no header; write it as 'Name: value'.`, { cause });
  }
  if (RESERVED.has(name)) {
    throw new CommandLineError(`-H: ${quote(given)} cannot be given; it is set here, with the token.`);
  }
  return [name, value === '' && empty === undefined ? undefined : value];
}

/**
 * Returns `defaults` with the headers of `-H` lines, as curl reads them: `Name: value` sets one, `Name:` takes a default away, and
 * `Name;` sets an empty one.
 *
 * @throws {CommandLineError} for what is no header, and for one that is not the caller's to give
 * @see https://curl.se/docs/manpage.html#-H
 */
export function callHeadersOf(lines: readonly string[], defaults: CallHeaders): CallHeaders {
  const headers = new Map(Object.entries(defaults));
  for (const [name, value] of lines.map(parseHeader)) {
    if (value === undefined) {
      headers.delete(name);
    } else {
      headers.set(name, value);
    }
  }
  return Object.fromEntries(headers);
}
