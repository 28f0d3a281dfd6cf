import { constants, generateKeyPair, type KeyObject, privateEncrypt, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { JsonFault } from './json-fault.ts';

/** A refusal by the name that KMS has for it. */
export type KmsFault = JsonFault<
  | 'AlreadyExistsException'
  | 'DisabledException'
  | 'DryRunOperationException'
  | 'InvalidAliasNameException'
  | 'InvalidKeyUsageException'
  | 'KMSInvalidStateException'
  | 'NotFoundException'
  | 'SerializationException'
  | 'UnsupportedOperationException'
  | 'ValidationException'
>;

export type KmsKeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';
export type KmsKeyUsage = 'SIGN_VERIFY' | 'ENCRYPT_DECRYPT';

/** An RSA key of 2,048 bits; its private half is in no field of it. */
export type KmsKey = {
  readonly id: string;
  readonly arn: string;
  readonly usage: KmsKeyUsage;
  readonly description: string;
  readonly createdMs: number;
  readonly publicKey: KeyObject;
  /** Returns the PKCS #1 v1.5 signature of a SHA-256 digest. */
  readonly signDigest: (digest: Buffer) => Buffer;
  state: KmsKeyState;
};

export type NewKmsKey = { readonly usage?: KmsKeyUsage; readonly description?: string };

export type KmsKeys = {
  readonly create: (options?: NewKmsKey) => Promise<KmsKey>;
  /** Finds by key id, key ARN, alias name or alias ARN. */
  readonly find: (keyId: string) => KmsKey | KmsFault;
  /** Gives a key a name, which begins with `alias/`. */
  readonly alias: (name: string, key: KmsKey) => KmsFault | undefined;
};

const ALIAS = /^alias\/(?!aws\/)[A-Za-z0-9/_-]{1,250}$/;
const ARN = /^arn:aws[a-z-]*:kms:([a-z0-9-]*):(\d*):(?:key\/)?(.+)$/;
/** RFC 8017's DigestInfo for SHA-256, which PKCS #1 v1.5 puts before the digest. */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const generate = promisify(generateKeyPair);

/** Node signs only what it has hashed itself, so a digest from outside is padded and raised to the key's power here. */
function signDigest(key: KeyObject, digest: Buffer): Buffer {
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([DIGEST_INFO, digest]));
}

/** Returns a region's keys in one account: none, to begin with. They are kept in memory and nowhere else. */
export function createKmsKeys(options: {
  readonly region: string;
  readonly accountId: string;
  readonly now: () => number;
}): KmsKeys {
  const { region, accountId, now } = options;
  const keys = new Map<string, KmsKey>();
  const aliases = new Map<string, KmsKey>();
  const prefix = `arn:aws:kms:${region}:${accountId}`;

  return {
    create: async ({ usage = 'SIGN_VERIFY', description = '' } = {}) => {
      const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 });
      const id = randomUUID();
      const key: KmsKey = {
        id,
        arn: `${prefix}:key/${id}`,
        usage,
        description,
        createdMs: now(),
        publicKey,
        signDigest: (digest) => signDigest(privateKey, digest),
        state: 'Enabled',
      };
      keys.set(id, key);
      return key;
    },
    find: (keyId) => {
      const [, arnRegion = region, arnAccount = accountId, name = keyId] = ARN.exec(keyId) ?? [];
      if (arnRegion !== region || arnAccount !== accountId) {
        return { fault: 'NotFoundException', message: `Invalid arn ${arnRegion}` };
      }
      const isAlias = name.startsWith('alias/');
      const message = isAlias
        ? `Alias ${prefix}:${name} is not found.`
        : `Key '${prefix}:key/${name}' does not exist`;
      return (isAlias ? aliases : keys).get(name) ?? { fault: 'NotFoundException', message };
    },
    alias: (name, key) => {
      if (!ALIAS.test(name)) {
        return {
          fault: 'InvalidAliasNameException',
          message: 'An alias begins with alias/, and not alias/aws/.',
        };
      }
      if (aliases.has(name)) {
        return {
          fault: 'AlreadyExistsException',
          message: `An alias with the name ${prefix}:${name} already exists`,
        };
      }
      aliases.set(name, key);
      return undefined;
    },
  };
}
