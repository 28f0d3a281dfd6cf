import { join, resolve } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readProfilesFile } from './profiles-file.ts';
import { TokenVendorStack } from './token-vendor-stack.ts';
import { runCommand, UsageError } from './usage-error.ts';

const DEFAULT_PROFILES = join(import.meta.dirname, 'profiles.json');

function profilesPath(app: App): string {
  const given: unknown = app.node.tryGetContext('profiles');
  if (app.node.tryGetContext('profile') !== undefined) {
    throw new UsageError(
      'There is no context "profile"; the file of the profiles is given with -c profiles=FILE.',
    );
  }
  return typeof given === 'string' && given !== '' ? resolve(given) : DEFAULT_PROFILES;
}

function main(): void {
  const app = new App();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  new TokenVendorStack(app, 'GcpTokenVendor', {
    description: 'Short-lived Google Cloud tokens for AWS workloads',
    profiles: readProfilesFile(profilesPath(app)),
  });
  app.synth();
}

await runCommand(main);
