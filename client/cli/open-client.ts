import { UsageError } from '../../infra/usage-error.ts';
import type { TokenClient } from '../token-client.ts';
import { CommandLineError } from './command-line-error.ts';
import type { VendorFlags } from './vendor-flags.ts';
import { placeOf, type VendorPlace } from './vendor-place.ts';

/**
 * Returns a client of a vendor for each of its profiles that is asked for, in their order.
 *
 * @throws {CommandLineError} for what is no address of a vendor, and no profile or region
 */
export async function clientsOf({ target, profiles, region }: VendorPlace): Promise<readonly TokenClient[]> {
  const { createTokenClient } = await import('../token-client.ts');
  try {
    return profiles.map((profile) => createTokenClient({ ...target, profile, region }));
  } catch (cause) {
    throw cause instanceof UsageError ? new CommandLineError(cause.message, { cause }) : cause;
  }
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
