import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

/**
 * Returns what `parseArgs` makes of a command line; `command` is how its user calls it.
 *
 * @throws {UsageError} in one line that says where the help is
 */
export function parseFlags<const Config extends ParseArgsConfig>(
  command: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split(/\.\s/)[0] ?? '') : '';
    throw new UsageError(`${reason}. See ${command} -- --help.`, { cause });
  }
}
