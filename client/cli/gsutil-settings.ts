import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

const SETTINGS = '.boto';
const STATE = '.gsutil';
const PRIVATE = 0o600;

/** Where gsutil looks unless it is told otherwise. */
const USUAL = ['/etc/boto.cfg', '~/.boto'];

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
  const before = given.BOTO_CONFIG || given.BOTO_PATH || USUAL.join(delimiter);
  return { BOTO_CONFIG: undefined, BOTO_PATH: [before, join(folder, SETTINGS)].join(delimiter) };
}
