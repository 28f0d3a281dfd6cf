import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** An RSA key pair under the name by which tokens and certificates refer to it. */
export type RsaKey = {
  /** 40 hexadecimal digits, as Google's key ids have them. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

const generate = promisify(generateKeyPair);

/** Returns a new RSA key of 2,048 bits; it is made off the main thread, because that takes a tenth of a second or more. */
export async function createRsaKey(): Promise<RsaKey> {
  const pair = await generate('rsa', { modulusLength: 2048 });
  return { keyId: randomBytes(20).toString('hex'), ...pair };
}
