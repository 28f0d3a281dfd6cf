import { readTextFile } from './text-file.ts';
import { UsageError } from './usage-error.ts';

/**
 * Returns what a JSON file of a credential holds, not judged yet.
 *
 * @throws {UsageError} in one line if there is no such file or it is no JSON; nothing of its text is in it
 */
export function readCredentialFile(path: string): unknown {
  const text = readTextFile(path, 'credential file');
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own message quotes the text, which may be a key.
    throw new UsageError(`${path}: the credential file is not JSON`);
  }
}
