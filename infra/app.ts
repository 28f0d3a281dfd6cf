import { join, resolve } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readProfilesFile } from './profiles-file.ts';
import type { GcpTokenVendorProps } from './token-vendor.ts';
import { TokenVendorStack } from './token-vendor-stack.ts';
import { runCommand, UsageError } from './usage-error.ts';

const DEFAULT_PROFILES = join(import.meta.dirname, 'profiles.json');

/** What people write for the names of the app's context. */
const MISSPELT = new Map([
  ['profile', 'the file of the profiles is given with -c profiles=FILE'],
  ['credentials', 'the file of the credential is given with -c credential=FILE'],
]);

function refuseMisspelt({ node }: App): void {
  for (const [name, right] of MISSPELT) {
    if (node.tryGetContext(name) !== undefined) {
      throw new UsageError(`There is no context "${name}"; ${right}.`);
    }
  }
}

function profilesPath(app: App): string {
  const given: unknown = app.node.tryGetContext('profiles');
  return typeof given === 'string' && given !== '' ? resolve(given) : DEFAULT_PROFILES;
}

/** A credential without a secret, if a file of one is named; otherwise the stack makes a secret. */
function givenCredential(app: App): Pick<GcpTokenVendorProps, 'credentials'> {
  const given: unknown = app.node.tryGetContext('credential');
  if (given === undefined) {
    return {};
  }
  if (typeof given !== 'string' || given === '') {
    throw new UsageError('The context "credential" names no file: -c credential=FILE.');
  }
  return { credentials: { default: { file: given } } };
}

function main(): void {
  const app = new App();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  refuseMisspelt(app);
  new TokenVendorStack(app, 'GcpTokenVendor', {
    description: 'Short-lived Google Cloud tokens for AWS workloads',
    profiles: readProfilesFile(profilesPath(app)),
    ...givenCredential(app),
  });
  app.synth();
}

await runCommand(main);
