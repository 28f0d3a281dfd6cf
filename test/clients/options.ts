import { parseFlags } from '../../infra/flags.ts';
import { UsageError } from '../../infra/usage-error.ts';
import type { Client } from './client.ts';

export type ClientsOptions = {
  readonly clients: readonly Client[];
  readonly json: boolean;
  readonly help: boolean;
};

const OPTIONS = {
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Returns what `--help` says. */
export function clientsHelp(clients: readonly Client[]): string {
  return `Tries other people's clients, unmodified, with the vendor's tokens: against the whole vendor, with a stand-in for Google, on this
machine. Prints a table; exits with 1 if a client fails that should not.

  npm run test:clients                  all of them, in about a minute
  npm run test:clients -- --only NAME   one of ${clients.map(({ name }) => name).join(', ')}
  npm run test:clients -- --json        JSON in place of the table

A client that is not installed is named with what installs it, and passed over; under CI that is a failure.
Progress goes to standard error.
`;
}

function chooseClients(clients: readonly Client[], only: string | undefined): readonly Client[] {
  const chosen = only === undefined ? clients : clients.filter(({ name }) => name === only);
  if (chosen.length === 0) {
    throw new UsageError(`--only ${only}: must be one of ${clients.map(({ name }) => name).join(', ')}`);
  }
  return chosen;
}

/**
 * Returns what the command line asks for.
 *
 * @throws {UsageError}
 */
export function parseOptions(args: readonly string[], clients: readonly Client[]): ClientsOptions {
  const { only, ...flags } = parseFlags('npm run test:clients', { args: [...args], options: OPTIONS }).values;
  return { ...flags, clients: chooseClients(clients, only) };
}
