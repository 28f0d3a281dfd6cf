import type { Command } from 'commander';
import { helpText } from './help-text.ts';
import { parseLifetime } from './lifetime-flag.ts';
import type { AccessTokenFlags } from './print-access-token.ts';
import { addVendorFlags, flagsOf } from './vendor-flags.ts';

const HELP = helpText({
  examples: [
    ['all that the profile allows', 'gcp-token print-access-token'],
    [
      'for reading Cloud Storage, from another profile',
      'gcp-token print-access-token --profile reports --scopes storage-ro',
    ],
    [
      'into a request, with no token in the list of processes',
      'curl -H @<(printf "Authorization: Bearer %s" "$(gcp-token print-access-token)") \\\n  https://storage.googleapis.com/storage/v1/b/BUCKET/o',
    ],
  ],
});

async function run(account: string | undefined, command: Command): Promise<void> {
  const [{ openClient }, { printAccessToken }] = await Promise.all([
    import('./open-client.ts'),
    import('./print-access-token.ts'),
  ]);
  const flags = flagsOf<AccessTokenFlags>(command);
  const client = await openClient(flags);
  process.stdout.write(`${await printAccessToken(client, { ...flags, account }, Date.now())}\n`);
}

/** Makes `command` the one that prints an access token. */
export function definePrintAccessToken(command: Command): void {
  addVendorFlags(command)
    .summary('print an access token, as gcloud does')
    .description(
      'Prints an access token for Google’s APIs: the bare token and a newline, as gcloud auth print-access-token does.',
    )
    .argument('[account]', 'the account that the token must be of, as --impersonate-service-account')
    .option(
      '--scopes <list>',
      'what it is for: scopes or gcloud’s aliases, parted by commas (all of the profile’s)',
    )
    .option(
      '--lifetime <duration>',
      'how long it lives, as 1800, 1800s, 30m or 1h30m, if the profile allows it',
      parseLifetime,
    )
    .option('--subject <email>', 'the user that it acts for, if the profile allows it')
    .option(
      '--impersonate-service-account <email>',
      'the account that it must be of: the profile decides whom the vendor acts as',
    )
    .option('--json', 'the whole answer and errors as JSON')
    .addHelpText('after', HELP)
    .action(async (account: string | undefined) => await run(account, command));
}
