import { parseFlags } from '../infra/flags.ts';
import { UsageError } from '../infra/usage-error.ts';

/** Where the local vendor's credential comes from. */
export type CredentialChoice =
  | { readonly kind: 'stand-in' }
  /** A key file, or another credential document: the real Google. */
  | { readonly kind: 'key'; readonly file: string }
  /** A secret in the real Secrets Manager: the real Google, and the user's own AWS credentials. */
  | { readonly kind: 'secret'; readonly name: string };

export type StartOptions = {
  readonly help: boolean;
  /** 0 for any that is free; the stand-ins take the two ports above it. */
  readonly port: number;
  readonly profilesFile: string;
  readonly credential: CredentialChoice;
  readonly requireSignature: boolean;
  /** Whether `POST /oauth/token` is served too; not, if it is not said. */
  readonly oauth?: boolean;
};

export const DEFAULT_PORT = 8080;
export const DEFAULT_PROFILES_FILE = 'infra/profiles.json';

export const START_HELP = `Runs the token vendor on this machine: the function that CDK deploys, behind a local API Gateway and
Lambda Invoke API, with stand-ins for Secrets Manager and Google. Everything listens on 127.0.0.1 only.

Usage: npm start -- [options]

  --credential FILE use the credential document in this file, and the real Google: a service account's key, what
                    \`gcloud auth application-default login\` writes, one that impersonates, federation with AWS, or a
                    key in AWS KMS; the last two sign with your own AWS credentials, as \`aws sts get-caller-identity\`
                    shows them, and so must admit you and not only the function's role
  --key FILE        the same
  --secret NAME     read this secret from the real Secrets Manager with your own AWS credentials, and use the real Google
  --iam             demand signed requests (always so with --credential and --secret)
  --oauth           serve POST /oauth/token too, with OAuth clients whose secrets are printed
  --profiles FILE   the profiles (${DEFAULT_PROFILES_FILE})
  --port N          the vendor's port (${DEFAULT_PORT}); the stand-ins, if any, take N+1 and N+2; 0 for any that are free
  --help            this text

Examples:
  npm start
  npm start -- --port 9000 --iam
  npm start -- --key sa.json --profiles my-profiles.json
`;

const OPTIONS = {
  credential: { type: 'string' },
  key: { type: 'string' },
  secret: { type: 'string' },
  iam: { type: 'boolean', default: false },
  oauth: { type: 'boolean', default: false },
  profiles: { type: 'string', default: DEFAULT_PROFILES_FILE },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @throws {UsageError} */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_533) {
    throw new UsageError(`--port: ${JSON.stringify(text)} is no port; give a number from 0 to 65533.`);
  }
  return port;
}

type Choices = { readonly credential?: string; readonly key?: string; readonly secret?: string };

function parseCredential({ credential, key, secret }: Choices): CredentialChoice {
  const choices: CredentialChoice[] = [
    ...[credential, key].flatMap((file) => (file === undefined ? [] : [{ kind: 'key', file } as const])),
    ...(secret === undefined ? [] : [{ kind: 'secret', name: secret } as const]),
  ];
  if (choices.length > 1) {
    throw new UsageError('Give one of --credential, --key or --secret.');
  }
  return choices[0] ?? { kind: 'stand-in' };
}

/**
 * Returns what the arguments of `npm start` ask for.
 *
 * @throws {UsageError} naming the argument that is wrong
 */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const { help, port, profiles, iam, oauth, ...choices } = parseFlags('npm start', {
    args: [...args],
    options: OPTIONS,
  }).values;
  const credential = parseCredential(choices);
  return {
    help,
    port: parsePort(port),
    profilesFile: profiles,
    credential,
    requireSignature: iam || credential.kind !== 'stand-in',
    ...(oauth && { oauth }),
  };
}
