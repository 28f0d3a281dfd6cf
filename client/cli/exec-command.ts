import type { Command } from 'commander';
import { collectValues } from './collect-values.ts';
import { helpText } from './help-text.ts';
import { addVendorFlags, flagsOf } from './vendor-flags.ts';

type ExecFlags = {
  readonly project?: string;
  readonly email?: readonly string[];
  readonly quiet?: boolean;
  readonly verbose?: boolean;
};

const DESCRIPTION = `Runs a command with the vendor’s tokens: anything that finds its login as on Google’s own machines, unchanged, be it gcloud, gsutil, Terraform, rclone, or a program with one of Google’s libraries. Beside it runs a metadata server, on this machine alone and for as long as the command does. What would be used before it (GOOGLE_APPLICATION_CREDENTIALS, an account of gcloud’s, …) is kept from the command; gcloud’s other settings, such as the project, hold, and it writes into a folder that is removed at the end. Input, output, signals and the exit status are the command’s own.`;

const HELP = helpText({
  examples: [
    [
      'gcloud, with the account of the profile reports',
      'gcp-token exec --profile reports -- gcloud storage ls',
    ],
    ['an unchanged Python program', 'gcp-token exec -- python3 report.py'],
    ['a shell in which everything has the vendor’s tokens', 'gcp-token exec -- bash'],
    [
      'two accounts: the first is the default, the other has its own address',
      'gcp-token exec --profile default --profile reports -- gcloud auth list',
    ],
  ],
  environment: [['TMPDIR', 'where the temporary folder is']],
});

const STATUS = `
The exit status is the command’s; 128 and the signal’s number if it died of one; 127 if it was not found, 126 if it
cannot be run; 1 and 2 also for failures of gcp-token itself, before the command is run.
`;

async function run(command: Command, args: readonly string[]): Promise<void> {
  const flags = flagsOf<ExecFlags>(command);
  const [{ clientsOf }, { placeOf }, { execute }, { emailsOf }] = await Promise.all([
    import('./open-client.ts'),
    import('./vendor-place.ts'),
    import('./exec.ts'),
    import('./profile-emails.ts'),
  ]);
  const clients = await clientsOf(placeOf(flags, process.env));
  const status = await execute({
    command: args,
    clients,
    emails: emailsOf(flags.email ?? [], clients),
    environment: process.env,
    projectId: flags.project,
    quiet: flags.quiet === true,
    verbose: flags.verbose === true,
  });
  // Connections to the vendor that are still open must not keep the caller waiting.
  process.exit(status);
}

/** Makes `command` the one that runs another command. */
export function defineExec(command: Command): void {
  addVendorFlags(command, { several: true })
    .summary('run a command with the vendor’s tokens: gcloud, Terraform, any program')
    .description(DESCRIPTION)
    .usage('[options] -- COMMAND [ARGUMENTS…]')
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .option('--project <id>', 'the project that the command is to find')
    .option(
      '--email <profile=email>',
      'a profile’s account, where the vendor does not know it; again for more',
      collectValues,
    )
    .option('-q, --quiet', 'do not say what is kept from the command')
    .option('-v, --verbose', 'tell of each request for a token on standard error')
    .addHelpText('after', `${STATUS}${HELP}`)
    .action(async (args: readonly string[]) => await run(command, args));
}
