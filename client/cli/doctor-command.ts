import type { Command } from 'commander';
import type { DoctorFlags } from './doctor.ts';
import { helpText } from './help-text.ts';
import { addVendorFlags, flagsOf } from './vendor-flags.ts';

const DESCRIPTION =
  `Walks the way from this machine to a token, link by link, and says where it breaks and what mends it: the configuration, the
region, the AWS login and whose it is, the vendor, the clock, the tokens and whose they are. With --function the vendor’s
own doctor goes on from there to Google, if you may invoke it.`.replaceAll('\n', ' ');

const HELP = helpText({
  examples: [
    ['what the environment names', 'gcp-token doctor'],
    [
      'an ID token too, of another profile',
      'gcp-token doctor --profile reports --audience https://europe-west1-example.cloudfunctions.net/report',
    ],
    ['all the way to Google', 'gcp-token doctor --function "$TokenFunctionName"'],
    [
      'what is broken, for a program',
      'gcp-token doctor --json | jq \'.checks[].links[] | select(.outcome == "failed")\'',
    ],
  ],
});

const STATUS = `
Each line is a link: ✓ holds, ! is a warning, ✗ is broken, – was not reached or not needed. The last line is the verdict.
The exit status is 0 if nothing is broken, otherwise 1.
`;

async function run(command: Command): Promise<void> {
  const flags = flagsOf<DoctorFlags>(command);
  const { examine, printed } = await import('./doctor.ts');
  const answer = await examine(flags);
  process.stdout.write(printed(answer, flags.json === true));
  process.exitCode = answer.ok ? 0 : 1;
}

/** Makes `command` the one that examines the caller's side. */
export function defineDoctor(command: Command): void {
  addVendorFlags(command)
    .summary('find out where the way to a token breaks, and what mends it')
    .description(DESCRIPTION)
    .option('--audience <audience>', 'try an ID token for this audience, too')
    .option('--scopes <list>', 'try an access token for these scopes (all of the profile’s)')
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', `${STATUS}${HELP}`)
    .action(async () => await run(command));
}
