import { parseFlags } from '../infra/flags.ts';
import { UsageError } from '../infra/usage-error.ts';
import { DEFAULT_PORT, DEFAULT_PROFILES_FILE, parsePort } from './start-options.ts';

export type InvokeOptions = {
  readonly help: boolean;
  readonly eventFile: string;
  /** The alias to invoke; `undefined` for the function itself, which is the profile `default`. */
  readonly profile: string | undefined;
  /** Where a running vendor is looked for. */
  readonly port: number;
  /** For a vendor that is started only for this event, if it is not the usual file. */
  readonly profilesFile: string | undefined;
};

export const INVOKE_HELP = `Sends one event through the token vendor's handler and prints the answer. A vendor that \`npm start\` has
running is used; if there is none, one is started for the event, with stand-ins for Secrets Manager and Google.
A vendor that demands signatures gets them from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

Usage: npm run --silent invoke -- events/FILE.json [options]

  --profile NAME    invoke the alias of this profile (none: the profile default)
  --port N          the port of the running vendor (${DEFAULT_PORT})
  --profiles FILE   the profiles of a vendor that is started for the event (${DEFAULT_PROFILES_FILE})
  --help            this text

The answer goes to standard output, as JSON; the status is 1 if the function threw.
`;

const OPTIONS = {
  profile: { type: 'string' },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  profiles: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/**
 * Returns what the arguments of `npm run invoke` ask for.
 *
 * @throws {UsageError} naming the argument that is wrong
 */
export function parseInvokeOptions(args: readonly string[]): InvokeOptions {
  const { values, positionals } = parseFlags('npm run invoke', {
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  const [eventFile = '', ...others] = positionals;
  if (!values.help && (eventFile === '' || others.length > 0)) {
    throw new UsageError('Give one file: npm run invoke -- events/FILE.json. See npm run invoke -- --help.');
  }
  return {
    help: values.help,
    eventFile,
    profile: values.profile,
    port: parsePort(values.port),
    profilesFile: values.profiles,
  };
}
