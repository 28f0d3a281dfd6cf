import type { TokenClient } from '../token-client.ts';
import { CommandLineError } from './command-line-error.ts';
import type { VendorFlags } from './vendor-flags.ts';
import { placeOf, type VendorPlace } from './vendor-place.ts';

/** Returns a client of a vendor for each of its profiles that is asked for, in their order. */
export async function clientsOf({ target, profiles, region }: VendorPlace): Promise<readonly TokenClient[]> {
  const { createTokenClient } = await import('../token-client.ts');
  return [...new Set(profiles)].map((profile) =>
    createTokenClient({ ...target, profile, ...(region !== undefined && { region }) }),
  );
}

/**
 * Returns a client of the vendor and the one profile that flags and environment name.
 *
 * @throws {CommandLineError} if they name no vendor, or more than one profile
 */
export async function openClient(flags: VendorFlags): Promise<TokenClient> {
  const place = placeOf(flags, process.env);
  const [client, ...others] = await clientsOf(place);
  if (client === undefined || others.length > 0) {
    throw new CommandLineError('--profile: this command asks for one token; give one profile.');
  }
  return client;
}
