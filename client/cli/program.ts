import { Command, type CommanderError } from 'commander';
import { defineCall } from './call-command.ts';
import { CommandLineError } from './command-line-error.ts';
import { defineCompletion } from './completion-command.ts';
import { defineDoctor } from './doctor-command.ts';
import { defineExec } from './exec-command.ts';
import { defineMetadataServer } from './metadata-server-command.ts';
import { definePrintAccessToken } from './print-access-token-command.ts';
import { definePrintIdentityToken } from './print-identity-token-command.ts';
import { addVendorFlags } from './vendor-flags.ts';
import { packageVersion } from './version.ts';

const NAME = 'gcp-token';

const DESCRIPTION = `Google Cloud tokens on AWS, from the token vendor: for a shell, for any program that speaks Google, and for private Cloud Functions and Cloud Run services. No Google key, and no Google login.`;

const FIRST_STEPS = `
First steps, with \`npm start\` of the vendor's repository in another terminal, or the outputs of your stack:
  export GCP_TOKEN_URL=http://127.0.0.1:8080
  gcp-token print-access-token
  gcp-token exec -- gcloud auth print-access-token

Each command has a help of its own: gcp-token exec --help.
`;

/** What the parser says begins with `error:`, and has its suggestion in a line of its own. */
function explain(error: CommanderError, name: string): CommanderError | CommandLineError {
  if (error.exitCode === 0) {
    return error;
  }
  const help = `See ${name} --help.`;
  if (error.code === 'commander.help') {
    return new CommandLineError(`which command? ${help}`, { cause: error });
  }
  const [fault = '', suggestion = ''] = error.message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .split('\n');
  const guess = suggestion.replace(/^\(Did (.*)\?\)$/, '; did $1?');
  return new CommandLineError(`${fault}${guess === '' ? '.' : guess} ${help}`, { cause: error });
}

/** One fault, one line: what the parser would print itself is printed where all failures are. */
function quietly(command: Command): Command {
  const name = command.name() === NAME ? NAME : `${NAME} ${command.name()}`;
  return command
    .exitOverride((error) => {
      throw explain(error, name);
    })
    .configureOutput({ outputError: () => {}, writeErr: () => {} })
    .helpOption('-h, --help', 'this text')
    .allowExcessArguments(false);
}

/** Returns the parser of `gcp-token`, which knows all commands and has loaded none of them. */
export function createProgram(): Command {
  const program = quietly(new Command(NAME))
    .description(DESCRIPTION)
    .version(packageVersion(), '-V, --version', 'the version')
    .enablePositionalOptions()
    .helpCommand('help [command]', 'the help of a command')
    .addHelpText('after', FIRST_STEPS);
  addVendorFlags(program).option('--json', 'answers and errors as JSON');

  const define = (name: string, fill: (command: Command) => void) => {
    const command = quietly(new Command(name));
    fill(command);
    program.addCommand(command);
  };
  define('print-access-token', definePrintAccessToken);
  define('print-identity-token', definePrintIdentityToken);
  define('exec', defineExec);
  define('call', defineCall);
  define('metadata-server', defineMetadataServer);
  define('doctor', defineDoctor);
  define('completion', (command) => defineCompletion(command, program));
  return program;
}
