import { parseFlags } from '../infra/flags.ts';
import { UsageError } from '../infra/usage-error.ts';
import { type CredentialChoice, DEFAULT_PROFILES_FILE } from './start-options.ts';

/** What is examined from this machine, or where the function is that examines itself. */
export type DoctorTarget =
  | CredentialChoice
  | { readonly kind: 'function'; readonly name: string; readonly region: string | undefined };

export type DoctorOptions =
  | { readonly help: true }
  | {
      readonly help: false;
      readonly target: DoctorTarget;
      /** The doctor's event. */
      readonly event: Readonly<Record<string, string>>;
      /** Of what is examined from this machine. */
      readonly profilesFile: string;
      readonly json: boolean;
    };

export const DOCTOR_HELP = `Walks the way from a credential to its first token, link by link, and shows where it breaks and what mends it: the
secret, the document in it, the signature, Google's token endpoint or STS, impersonation, downscoping, the clock, and
the token, which is made for real and shown to nobody.

Usage: npm run doctor -- [options]

What is examined is one of
  --function NAME   the deployed function (its name or ARN), from where it runs and as the role that it has: your own AWS
                    credentials invoke its alias Doctor, and must be allowed to (vendor.grantDoctor(role) in the stack)
  --credential FILE a credential document in a file, from this machine and with the real Google: before it goes into the
                    secret. One that needs AWS gets your own AWS credentials, and so must admit you
  --secret NAME     the same, of the document in this secret of the real Secrets Manager
  without any       the stand-ins of \`npm start\`: what a healthy chain looks like

How much of it
  --profile NAME    this profile alone (all of them)
  --profiles FILE   the profiles, not with --function (${DEFAULT_PROFILES_FILE})
  --audience URL    with --profile: an ID token for this audience and nothing else
  --scopes LIST     with --profile: an access token with these scopes (parted by commas) and nothing else
  --subject EMAIL   with --profile: an access token that acts for this user
  --lifetime N      with --profile: an access token that lives for N seconds

  --region REGION   the function's, if neither its ARN nor your AWS configuration says it
  --json            print the answer as JSON, with what was "examined", and nothing else
  --help            this text

Examples:
  npm run doctor
  npm run doctor -- --credential sa.json
  npm run doctor -- --secret google/credential --profile reports
  npm run doctor -- --function "$TokenFunctionName"
  npm run doctor -- --function "$TokenFunctionName" --profile default \\
    --audience https://europe-west1-example.cloudfunctions.net/hello
  npm run --silent doctor -- --function "$TokenFunctionName" --json | jq '.checks[] | select(.ok | not)'

Each line is a link: ✓ holds, ! is a warning, ✗ is broken, – was not reached. The last line is the verdict. The status
is 0 if every chain holds, and 1 if one is broken or could not be examined.
`;

const COMMAND = 'npm run doctor';

const OPTIONS = {
  function: { type: 'string' },
  credential: { type: 'string' },
  secret: { type: 'string' },
  region: { type: 'string' },
  profile: { type: 'string' },
  profiles: { type: 'string' },
  audience: { type: 'string' },
  scopes: { type: 'string' },
  subject: { type: 'string' },
  lifetime: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** The fields of the event, by the flags of the same names. */
const REQUEST_FLAGS = ['audience', 'scopes', 'subject', 'lifetime'] as const;

/** A function's name, or its ARN as the stack or the AWS CLI prints it, without a qualifier. */
const FUNCTION_NAME = /^(?:arn:[a-z-]+:lambda:([a-z0-9-]+):\d{12}:function:)?[\w-]{1,64}$/;
const REGION = /^[a-z]+(?:-[a-z]+)+-\d{1,2}$/;

type Flags = { readonly [Name in Exclude<keyof typeof OPTIONS, 'json' | 'help'>]?: string };

/** Returns what is examined, as the answer in JSON names it. */
export function nameTarget(target: DoctorTarget): string {
  switch (target.kind) {
    case 'stand-in':
      return 'stand-ins';
    case 'key':
      return `file ${target.file}`;
    case 'secret':
    case 'function':
      return `${target.kind} ${target.name}`;
    default:
      return target satisfies never;
  }
}

/** Returns the line above a report, which says what is examined. */
export function headingOf(target: DoctorTarget): string {
  return target.kind === 'stand-in'
    ? 'Examined: the stand-ins of npm start, nothing of yours (that is --credential, --secret or --function)'
    : `Examined: ${nameTarget(target)}`;
}

function refuse(message: string): never {
  throw new UsageError(`${message} See ${COMMAND} -- --help.`);
}

function parseFunction(name: string, { region, profiles }: Flags): DoctorTarget {
  const match = FUNCTION_NAME.exec(name);
  if (match === null) {
    refuse(
      `--function: ${JSON.stringify(name)} is neither a function's name nor its ARN without an alias; the alias is always Doctor.`,
    );
  }
  if (profiles !== undefined) {
    refuse('--profiles: the function has its own profiles; leave the flag out.');
  }
  if (region !== undefined && !REGION.test(region)) {
    refuse(`--region: ${JSON.stringify(region)} will not do; give one such as eu-west-1.`);
  }
  return { kind: 'function', name, region: region ?? match[1] };
}

function parseTarget(flags: Flags): DoctorTarget {
  const { function: name, credential, secret, region } = flags;
  if ([name, credential, secret].filter((flag) => flag !== undefined).length > 1) {
    refuse('Give one of --function, --credential or --secret.');
  }
  if (name !== undefined) {
    return parseFunction(name, flags);
  }
  if (region !== undefined) {
    refuse('--region: it is for --function; elsewhere set AWS_REGION.');
  }
  if (credential !== undefined) {
    return { kind: 'key', file: credential };
  }
  return secret === undefined ? { kind: 'stand-in' } : { kind: 'secret', name: secret };
}

function parseEvent(flags: Flags): Readonly<Record<string, string>> {
  const given = ['profile', ...REQUEST_FLAGS] as const;
  const event = given.flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  if (flags.profile === undefined && event[0] !== undefined) {
    refuse(`--${event[0][0]}: name the profile too, with --profile NAME.`);
  }
  return Object.fromEntries(event);
}

/**
 * Returns what the arguments of `npm run doctor` ask for.
 *
 * @throws {UsageError} in one line, naming the argument that is wrong
 */
export function parseDoctorOptions(args: readonly string[]): DoctorOptions {
  const { help, json, ...flags } = parseFlags(COMMAND, { args: [...args], options: OPTIONS }).values;
  if (help) {
    return { help };
  }
  return {
    help,
    target: parseTarget(flags),
    event: parseEvent(flags),
    profilesFile: flags.profiles ?? DEFAULT_PROFILES_FILE,
    json,
  };
}
