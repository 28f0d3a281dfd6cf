import type { Command } from 'commander';
import type { CallFlags } from './call-flags.ts';
import { collectValues } from './collect-values.ts';
import { CommandLineError } from './command-line-error.ts';
import { failureOf } from './failure.ts';
import { helpText } from './help-text.ts';
import { addVendorFlags, flagsOf } from './vendor-flags.ts';

const DESCRIPTION =
  `Calls a private Cloud Function or Cloud Run service with an ID token for it, or one of Google’s APIs with an access
token, in curl’s manner. The token goes to the URL’s own host over https (or to this machine), and never to where the answer
may redirect; no redirect is followed.`.replaceAll('\n', ' ');

const HELP = helpText({
  examples: [
    ['a private Cloud Function', 'gcp-token call https://europe-west1-example.cloudfunctions.net/hello'],
    [
      'with JSON, and status 22 for an answer of 400 and more',
      `gcp-token call --fail -H 'Content-Type: application/json' -d '{"name": "Ada"}' \\
  https://europe-west1-example.cloudfunctions.net/hello`,
    ],
    [
      'behind a domain of its own: the audience is the service’s own URL',
      'gcp-token call --audience https://service-abc-ew.a.run.app https://api.example.com/orders',
    ],
    [
      'one of Google’s APIs',
      'gcp-token call --scopes cloud-platform https://compute.googleapis.com/compute/v1/projects/PROJECT/zones',
    ],
    [
      'what another command prints, into a file',
      'ls | gcp-token call -d - -o answer.txt https://service-abc-ew.a.run.app/',
    ],
  ],
  environment: [['NODE_EXTRA_CA_CERTS', 'a file with further authorities whose certificates are accepted']],
});

const STATUS = `
The audience, if none is given, is the function’s URL (origin and first segment of the path) at cloudfunctions.net, and
the origin everywhere else.

The exit status is curl’s: 0 for an answer, 6 for an unknown host, 7 for no connection, 22 for an error with --fail, 23
if the answer cannot be written, 26 if DATA cannot be read, 28 for a time-out, 52 for no answer, 60 for a certificate.
1 is for what the vendor refuses, and 2 for wrong arguments.
`;

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d{1,6}(?:\.\d{1,3})?$/.test(text) || seconds === 0) {
    throw new CommandLineError(
      `--max-time: ${JSON.stringify(text)} is no number of seconds; give one such as 30 or 0.5.`,
    );
  }
  return seconds;
}

async function run(url: string, command: Command): Promise<void> {
  const flags = flagsOf<CallFlags>(command);
  const [{ call }, { openClient }, { packageVersion }, { tell }] = await Promise.all([
    import('./call.ts'),
    import('./open-client.ts'),
    import('./version.ts'),
    import('./tell.ts'),
  ]);
  try {
    await call(url, flags, {
      client: async () => await openClient(flags),
      stdin: process.stdin,
      stdout: process.stdout,
      tell,
      version: packageVersion(),
    });
  } catch (error) {
    if (flags.silent !== true || flags.showError === true) {
      throw error;
    }
    process.exitCode = failureOf(error).status;
  }
}

/** Makes `command` the one that calls a URL. */
export function defineCall(command: Command): void {
  addVendorFlags(command)
    .summary('call a private Cloud Function or Cloud Run service, as curl would')
    .description(DESCRIPTION)
    .argument('<url>', 'what is called')
    .optionsGroup('The token:')
    .option('--audience <audience>', 'whom the ID token is for (the service at the URL)')
    .option('--scopes <list>', 'an access token with these scopes instead, for one of Google’s APIs')
    .option('--universe-domain <domain>', 'whose APIs those are (googleapis.com)')
    .optionsGroup('The request, as curl has it:')
    .option('-X, --request <method>', 'the method (GET; POST with -d)')
    .option('-H, --header <line>', "a header, as 'Name: value'; again for more", collectValues)
    .option(
      '-d, --data <data>',
      'the body: text, @FILE, or - for standard input; again for more, joined by &',
      collectValues,
    )
    .option('-m, --max-time <seconds>', 'how long all of it may take (3600)', parseSeconds)
    .optionsGroup('The answer, as curl has it:')
    .option('-o, --output <file>', 'write it to a file')
    .option('-i, --include', 'with its status line and headers')
    .option('-f, --fail', 'end with status 22, and write nothing, if it is an error (400 and more)')
    .option('--fail-with-body', 'the same, but write it')
    .option('-s, --silent', 'say nothing of failures')
    .option('-S, --show-error', 'with -s: do')
    .option('-v, --verbose', 'show request and answer on standard error, without the token')
    .optionsGroup('Options:')
    .option('--json', 'failures as JSON')
    .addHelpText('after', `${STATUS}${HELP}`)
    .action(async (url: string) => {
      await run(url, command);
      // A body that nobody asks for any more must not keep the caller waiting.
      process.exit();
    });
}
