import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Compares two digests of the same length, in a time that does not tell where they differ. */
export type CompareDigests = (left: Uint8Array, right: Uint8Array) => boolean;

/** As many secrets of a client are good at one time: the current one, and the one before or after it. */
export const VALID_SECRETS = 2;

/** What stands in the place of a secret that is not there. Nothing has this digest. */
const NOBODYS = randomBytes(32);

/**
 * Returns the SHA-256 of a client's secret, in hexadecimal.
 *
 * No salt and no slow hash: those make guessing a person's password costly, and this secret is random, of more than
 * 256 bits. Whoever has the digest has to try 2^256 secrets, whatever each try costs.
 */
export function digestSecret(secret: string): string {
  return hash('sha256', secret);
}

/**
 * Returns whether a secret has one of the digests. It compares with as many for every client and for none, and does not stop
 * at the first that fits.
 */
export function matchesDigest(
  secret: string,
  digests: readonly string[],
  compare: CompareDigests = timingSafeEqual,
): boolean {
  const given = Buffer.from(digestSecret(secret), 'hex');
  const slots = Array.from({ length: VALID_SECRETS }, (_, slot) => digests[slot]);
  const matches = slots.map((digest) => {
    const equal = compare(given, digest === undefined ? NOBODYS : Buffer.from(digest, 'hex'));
    return equal && digest !== undefined;
  });
  return matches.includes(true);
}

/** Returns a new secret for a client: 256 random bits, in letters that need no encoding anywhere. */
export function createClientSecret(): string {
  return randomBytes(32).toString('hex');
}
