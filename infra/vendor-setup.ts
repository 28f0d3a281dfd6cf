import type { Profiles } from '../lambda/policy/profiles.ts';
import type { CredentialDocuments } from './credential-documents.ts';
import type { CredentialUse } from './google-bindings.ts';
import { googleSetup } from './google-setup.ts';
import type { AwsRole, SetupStep } from './setup-step.ts';

/** What the profiles that mint from a credential take of it. */
function usesOf(profiles: Profiles, name: string): readonly CredentialUse[] {
  return [...profiles.values()]
    .filter(({ credential }) => credential === name)
    .map(({ impersonate, selfSigned, subjects }) => ({
      impersonate,
      signs: selfSigned || subjects.length > 0,
    }));
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
    googleSetup({ document, role, uses: usesOf(profiles, name) }).map(({ does, command }) => ({
      does: `For the credential ${name}: ${does}`,
      command,
    })),
  );
  const commands = steps.map(({ command }) => command);
  return steps.filter(({ command }, index) => commands.indexOf(command) === index);
}
