import { join, resolve } from 'node:path';
import { Annotations, App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { NeedsSecretError } from './no-secret.ts';
import { readProfilesFile } from './profiles-file.ts';
import { TokenVendorStack } from './token-vendor-stack.ts';
import { runCommand, UsageError } from './usage-error.ts';

const DEFAULT_PROFILES = join(import.meta.dirname, 'profiles.json');

/** The names of the app's context, each with what people write for it. */
const CONTEXT = {
  profiles: /^profiles?(?:[-_]?file)?$/i,
  credential: /^cred(?:s|entials?)?(?:[-_]?file)?$/i,
} as const;

type ContextName = keyof typeof CONTEXT;

/** A misspelt name would quietly deploy the default in the place of what was named. */
function refuseMisspelt({ node }: App): void {
  const given = Object.keys(node.getAllContext() as object);
  for (const [right, alike] of Object.entries(CONTEXT)) {
    const misspelt = given.find((name) => name !== right && alike.test(name));
    if (misspelt !== undefined) {
      throw new UsageError(
        `There is no context "${misspelt}"; the file of the ${right} is given with -c ${right}=FILE.`,
      );
    }
  }
}

function fileIn({ node }: App, name: ContextName): string | undefined {
  const given: unknown = node.tryGetContext(name);
  if (given !== undefined && (typeof given !== 'string' || given === '')) {
    throw new UsageError(`The context "${name}" names no file: -c ${name}=FILE.`);
  }
  return given;
}

/** A later deployment that leaves the option out replaces what an earlier one had. */
function announceSecret(stack: TokenVendorStack): void {
  Annotations.of(stack).addInfoV2(
    'gcp-token-vendor:noCredentialFile',
    'No file of a credential is given, so the credential is a secret that the stack makes. If the stack was deployed with -c credential=FILE, give it again: otherwise the function gets an empty secret in its place. "credential": "FILE" in the context of cdk.json gives it each time.',
  );
}

function createStack(app: App): void {
  const file = fileIn(app, 'credential');
  const stack = new TokenVendorStack(app, 'GcpTokenVendor', {
    description: 'Short-lived Google Cloud tokens for AWS workloads',
    profiles: readProfilesFile(resolve(fileIn(app, 'profiles') ?? DEFAULT_PROFILES)),
    ...(file !== undefined && { credentials: { default: { file } } }),
  });
  if (file === undefined) {
    announceSecret(stack);
  }
}

function main(): void {
  // What is refused is not synthesized: CDK would have its own to say of the rest.
  const app = new App({ autoSynth: false });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  refuseMisspelt(app);
  try {
    createStack(app);
  } catch (cause) {
    throw cause instanceof NeedsSecretError
      ? new UsageError(
          `${cause.message} Without -c credential=FILE the stack makes one, and prints the command that fills it.`,
          { cause },
        )
      : cause;
  }
  app.synth();
}

await runCommand(main);
