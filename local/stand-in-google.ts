import type { Profile, Profiles } from '../lambda/policy/profiles.ts';
import type { KeyFile } from './google/key-file.ts';
import { FUNCTION_AUDIENCE, type Google, startGoogle } from './google/server.ts';
import type { ServiceAccount } from './google/service-accounts.ts';

/** The account whose key the vendor has. */
const VENDOR = 'vendor@example-project.iam.gserviceaccount.com';

/** The stand-in's function expects an audience that the profiles allow, so that there is a token for it. */
function functionAudience(profiles: readonly Profile[]): string {
  const exact = profiles.flatMap(({ audiences }) => audiences).find((audience) => !audience.includes('*'));
  return profiles.some((profile) => profile.allowsAudience(FUNCTION_AUDIENCE))
    ? FUNCTION_AUDIENCE
    : (exact ?? FUNCTION_AUDIENCE);
}

/** The accounts by which a profile's tokens are had: the key's own first, last the one whose tokens they are. */
function chainOf({ impersonate }: Profile): readonly string[] {
  return impersonate === undefined
    ? [VENDOR]
    : [VENDOR, ...impersonate.delegates, impersonate.serviceAccount];
}

/** All that an organisation would have set up for the profiles, and no more: each admits just the one before it. */
function createAccounts(google: Google, profiles: readonly Profile[]): ServiceAccount {
  const accountOf = (email: string): ServiceAccount =>
    google.createServiceAccount({
      email,
      lifetimeExtension: true,
      subjects: (user) =>
        profiles.some((profile) => chainOf(profile).at(-1) === email && profile.allowsSubject(user)),
    });
  const vendor = accountOf(VENDOR);
  const accounts = new Map([[VENDOR, vendor]]);
  for (const [before, email] of profiles.flatMap((profile) => pairs(chainOf(profile)))) {
    const account = accounts.get(email) ?? accountOf(email);
    accounts.set(email, account);
    account.allowImpersonationBy(`serviceAccount:${before}`);
  }
  return vendor;
}

function pairs(chain: readonly string[]): readonly (readonly [string, string])[] {
  return chain.slice(1).map((email, index) => [chain[index] ?? VENDOR, email]);
}

/**
 * Returns a stand-in for Google on `port`, and a key of an account of its, by which all can be had that the profiles allow:
 * there are the accounts that they impersonate, and domain-wide delegation for the users that they name.
 *
 * @throws {Error} `EADDRINUSE` for a port that is taken
 */
export async function startStandInGoogle(
  port: number,
  profiles: Profiles,
): Promise<Google & { readonly key: KeyFile }> {
  const all = [...profiles.values()];
  const google = await startGoogle({ port, functionAudience: functionAudience(all) });
  return { ...google, key: await createAccounts(google, all).createKey() };
}
