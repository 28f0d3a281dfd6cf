import { LineCounter, parseDocument } from 'yaml';
import { type ProfilesDocument, ProfilesError, parseProfiles } from '../lambda/policy/profiles.ts';
import { readTextFile } from './text-file.ts';
import { UsageError } from './usage-error.ts';

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : 'unknown';
    throw new UsageError(`${path}: the profiles file is not JSON: ${reason}`, { cause });
  }
}

/** `JSON.parse` keeps the last of two equal names and says nothing: a second profile would quietly take a first one's place. */
function refuseRepeatedNames(path: string, text: string): void {
  const lineCounter = new LineCounter();
  const { errors } = parseDocument(text, { schema: 'json', lineCounter });
  const repeated = errors.find(({ code }) => code === 'DUPLICATE_KEY');
  if (repeated !== undefined) {
    throw new UsageError(
      `${path}: a name is there twice (line ${lineCounter.linePos(repeated.pos[0]).line})`,
    );
  }
}

/**
 * Returns the profiles in a JSON file, judged by the very parser that the function has.
 *
 * @throws {UsageError} in one line if there is no such file or it is no JSON, and with every fault of the profiles
 */
export function readProfilesFile(path: string): ProfilesDocument {
  const text = readTextFile(path, 'profiles file');
  const document = parseJson(path, text);
  refuseRepeatedNames(path, text);
  try {
    parseProfiles(document);
  } catch (cause) {
    throw cause instanceof ProfilesError ? new UsageError(`${path}: ${cause.message}`, { cause }) : cause;
  }
  return document as ProfilesDocument;
}
