import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

const SETTINGS = '.boto';
const STATE = '.gsutil';
const PRIVATE = 0o600;

/** Where gsutil looks unless it is told otherwise. */
const USUAL = ['/etc/boto.cfg', '~/.boto'];

/** What gsutil takes before the metadata server. */
const OUTRANKING = /^(?:gs_oauth2_refresh_token|gs_service_key_file|gs_service_client_id)\s*[=:]/m;

/** Returns where gsutil finds the user's settings: in one place, or in several parted as in `PATH`. */
function listOf(given: Environment): string {
  return given.BOTO_CONFIG || given.BOTO_PATH || USUAL.join(delimiter);
}

function has(file: string, pattern: RegExp): boolean {
  try {
    return pattern.test(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}

/** Returns the file of the user's in which gsutil has credentials of its own, if there is one. */
export function gsutilCredentials(given: Environment): string | undefined {
  const home = given.HOME || homedir();
  return listOf(given)
    .split(delimiter)
    .map((file) => file.replace(/^~(?=\/)/, home))
    .find((file) => has(file, OUTRANKING));
}

/**
 * Writes the settings by which gsutil keeps its state in `folder`. In its usual place it would keep the token for an hour, and find
 * it there under whatever profile it is run next: it knows the account by no other name than `default`.
 */
export function fillGsutilSettings(folder: string): void {
  const lines = ['[GSUtil]', `state_dir = ${join(folder, STATE)}`];
  writeFileSync(join(folder, SETTINGS), `${lines.join('\n')}\n`, { mode: PRIVATE });
}

/** Returns the environment by which gsutil reads the user's settings as before, and then those in `folder`. */
export function gsutilEnvironment(given: Environment, folder: string): Environment {
  return { BOTO_CONFIG: undefined, BOTO_PATH: [listOf(given), join(folder, SETTINGS)].join(delimiter) };
}
