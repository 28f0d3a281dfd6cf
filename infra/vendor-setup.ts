import type { Profiles } from '../lambda/profiles.ts';
import type { CredentialDocuments } from './credential-documents.ts';
import { googleSetup } from './google-setup.ts';
import type { AwsRole, SetupStep } from './setup-step.ts';

/** Whether a profile has a credential's own account sign; one that impersonates has another account sign. */
function hasItSign(profiles: Profiles, credential: string): boolean {
  return [...profiles.values()].some(
    (profile) =>
      profile.credential === credential &&
      profile.impersonate === undefined &&
      (profile.selfSigned || profile.subjects.length > 0),
  );
}

/**
 * Returns the commands that make Google take the function for what its documents say, in the order to run them. What
 * several credentials share, a pool or an account, is made once.
 */
export function vendorSetup(
  documents: CredentialDocuments,
  profiles: Profiles,
  role: AwsRole,
): readonly SetupStep[] {
  const steps = Object.entries(documents).flatMap(([name, document]) =>
    googleSetup({ document, role, signs: hasItSign(profiles, name) }).map(({ does, command }) => ({
      does: `For the credential ${name}: ${does}`,
      command,
    })),
  );
  const commands = steps.map(({ command }) => command);
  return steps.filter(({ command }, index) => commands.indexOf(command) === index);
}
