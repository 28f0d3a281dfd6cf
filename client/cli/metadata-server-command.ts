import type { Command } from 'commander';
import { collectValues } from './collect-values.ts';
import { CommandLineError } from './command-line-error.ts';
import { helpText } from './help-text.ts';
import type { ServeFlags } from './serve-metadata.ts';
import { addVendorFlags, flagsOf } from './vendor-flags.ts';

const DEFAULT_PORT = 8988;
const MAX_PORT = 65_535;

const DESCRIPTION =
  `Runs Google’s metadata server for the programs of this machine, with the vendor’s tokens, until it is stopped. Prints the
lines that lead a shell to it; everything else is said on standard error. Whoever can connect to it can have the tokens:
that is every program of this machine, or with --host of this network. To run just one command, use gcp-token exec.`.replaceAll(
    '\n',
    ' ',
  );

const HELP = helpText({
  examples: [
    [
      'in the background, with this shell led to it',
      'eval "$(gcp-token metadata-server --port 0 &)"\npython3 report.py\nkill "$GCP_TOKEN_METADATA_PID"',
    ],
    [
      'two accounts, the first of them the default',
      'gcp-token metadata-server --profile default --profile reports',
    ],
    [
      'a sidecar, for the containers of its ECS task or its pod: they share its loopback',
      'gcp-token metadata-server --function ARN --profile reports',
    ],
  ],
});

/** @throws {CommandLineError} */
function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > MAX_PORT) {
    throw new CommandLineError(
      `--port: ${JSON.stringify(text)} is no port; give one from 0 (any that is free) to ${MAX_PORT}.`,
    );
  }
  return port;
}

async function run(command: Command): Promise<void> {
  const flags = flagsOf<ServeFlags>(command);
  const [{ serveMetadata }, { clientsOf }, { placeOf }] = await Promise.all([
    import('./serve-metadata.ts'),
    import('./open-client.ts'),
    import('./vendor-place.ts'),
  ]);
  await serveMetadata(await clientsOf(placeOf(flags, process.env)), flags);
  // Connections to the vendor that are still open must not keep the caller waiting.
  process.exit();
}

/** Makes `command` the one that runs the metadata server. */
export function defineMetadataServer(command: Command): void {
  addVendorFlags(command, { several: true })
    .summary('run a metadata server as on Google’s machines, for unchanged programs')
    .description(DESCRIPTION)
    .option('-p, --port <number>', 'the port; 0 for any that is free', parsePort, DEFAULT_PORT)
    .option('--host <address>', 'the address to listen at', '127.0.0.1')
    .option(
      '--allowed-host <name>',
      'a name besides its own that clients call it by; again for more',
      collectValues,
    )
    .option('--project <id>', 'the project that it tells of')
    .option('--numeric-project <number>', 'and that project’s number')
    .option('--universe-domain <domain>', 'and the universe (googleapis.com)')
    .option(
      '--email <profile=email>',
      'a profile’s account, where the vendor does not know it; again for more',
      collectValues,
    )
    .option('-q, --quiet', 'do not tell of requests on standard error')
    .addHelpText('after', HELP)
    .action(async () => await run(command));
}
