import type { Command } from 'commander';
import { CommandLineError } from './command-line-error.ts';
import { helpText } from './help-text.ts';
import type { IdentityTokenFlags } from './print-identity-token.ts';
import { addVendorFlags, flagsOf } from './vendor-flags.ts';

const HELP = helpText({
  examples: [
    [
      'for a private Cloud Function',
      'gcp-token print-identity-token --audiences https://europe-west1-example.cloudfunctions.net/hello',
    ],
    [
      'with when it ends, and whose it is',
      'gcp-token print-identity-token --json --audiences https://europe-west1-example.cloudfunctions.net/hello',
    ],
  ],
});

async function run(account: string | undefined, command: Command): Promise<void> {
  const [{ openClient }, { printIdentityToken }] = await Promise.all([
    import('./open-client.ts'),
    import('./print-identity-token.ts'),
  ]);
  const { audiences, ...flags } = flagsOf<Partial<IdentityTokenFlags>>(command);
  // The parser itself would miss it before it looks at a flag that is misspelt, such as --audience.
  if (audiences === undefined) {
    throw new CommandLineError(
      `required option '--audiences <audience>' not specified. See gcp-token print-identity-token --help.`,
    );
  }
  const client = await openClient(flags);
  process.stdout.write(`${await printIdentityToken(client, { ...flags, audiences, account }, Date.now())}\n`);
}

/** Makes `command` the one that prints an ID token. */
export function definePrintIdentityToken(command: Command): void {
  addVendorFlags(command)
    .summary('print an ID token, as gcloud does')
    .description(
      'Prints an ID token for a private Cloud Function, a Cloud Run service or an app behind IAP: the bare token and a newline, as gcloud auth print-identity-token does. To call the function too, use gcp-token call.',
    )
    .argument('[account]', 'the account that the token must be of, as --impersonate-service-account')
    .option('--audiences <audience>', 'whom it is for: a URL, or an OAuth client id (IAP); one, and always')
    .option('--include-email', 'fail if the token does not carry the account’s e-mail address')
    .option(
      '--impersonate-service-account <email>',
      'the account that it must be of: the profile decides whom the vendor acts as',
    )
    .option('--json', 'the whole answer and errors as JSON')
    .addHelpText('after', HELP)
    .action(async (account: string | undefined) => await run(account, command));
}
