import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { CommandFailure } from './command-failure.ts';

/** What is sent. */
export type CallBody = {
  readonly content: Readable;
  /** In bytes, if it is known before it is read. */
  readonly length: number | undefined;
};

/** As curl ends if a file cannot be read. */
const READ_ERROR = 26;

async function openFile(path: string): Promise<CallBody> {
  try {
    const file = await open(path);
    const stats = await file.stat();
    if (stats.isDirectory()) {
      throw new Error('it is a folder');
    }
    return { content: file.createReadStream(), length: stats.isFile() ? stats.size : undefined };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new CommandFailure(`-d: the file ${path} cannot be read (${reason}).`, READ_ERROR, { cause });
  }
}

async function openPart(part: string, stdin: Readable): Promise<CallBody> {
  if (part === '-' || part === '@-') {
    return { content: stdin, length: undefined };
  }
  return part.startsWith('@')
    ? await openFile(part.slice(1))
    : { content: Readable.from([Buffer.from(part)]), length: Buffer.byteLength(part) };
}

async function* joined(bodies: readonly CallBody[]): AsyncGenerator<Uint8Array> {
  for (const [index, { content }] of bodies.entries()) {
    if (index > 0) {
      yield Buffer.from('&');
    }
    yield* content;
  }
}

/**
 * Returns what the `-d` flags say, `undefined` without any: text, a file as `@FILE`, standard input as `-` or `@-`; several are
 * joined by `&`. A file is sent as it is, as curl's `--data-binary` does.
 *
 * @throws {CommandFailure} with curl's status for a file that cannot be read
 * @see https://curl.se/docs/manpage.html#-d
 */
export async function openBody(parts: readonly string[], stdin: Readable): Promise<CallBody | undefined> {
  const bodies: CallBody[] = [];
  for (const part of parts) {
    bodies.push(await openPart(part, stdin));
  }
  const [first] = bodies;
  if (first === undefined || bodies.length === 1) {
    return first;
  }
  const lengths = bodies.map(({ length }) => length ?? Number.NaN);
  const length = lengths.reduce((sum, one) => sum + one, bodies.length - 1);
  return { content: Readable.from(joined(bodies)), length: Number.isNaN(length) ? undefined : length };
}
