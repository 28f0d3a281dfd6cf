import { createHash } from 'node:crypto';
import { type JsonAction, type JsonFields, textField } from './json-api.ts';
import { isFault } from './json-fault.ts';
import type { KmsFault, KmsKey, KmsKeys } from './kms-keys.ts';

const ALGORITHM = 'RSASSA_PKCS1_V1_5_SHA_256';
/** What KMS has for such a key; the first alone is to be had here. */
const SIGNING_ALGORITHMS = [
  ALGORITHM,
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
];
const ENCRYPTION_ALGORITHMS = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'];
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_MESSAGE_BYTES = 4_096;
const SHA256_BYTES = 32;

function invalid(message: string): KmsFault {
  return { fault: 'ValidationException', message };
}

function findKey(keys: KmsKeys, input: JsonFields, name = 'KeyId'): KmsKey | KmsFault {
  const keyId = textField(input, name);
  return keyId === undefined || keyId === '' || keyId.length > 2_048
    ? invalid(`${name} must be a string of 1 to 2048 characters.`)
    : keys.find(keyId);
}

/** A key that is disabled or about to be deleted can be described, and nothing else. */
function findUsable(keys: KmsKeys, input: JsonFields): KmsKey | KmsFault {
  const key = findKey(keys, input);
  if (isFault(key) || key.state === 'Enabled') {
    return key;
  }
  return key.state === 'Disabled'
    ? { fault: 'DisabledException', message: `${key.arn} is disabled.` }
    : { fault: 'KMSInvalidStateException', message: `${key.arn} is pending deletion.` };
}

function algorithmsOf({ usage }: KmsKey): JsonFields {
  return usage === 'SIGN_VERIFY'
    ? { SigningAlgorithms: SIGNING_ALGORITHMS }
    : { EncryptionAlgorithms: ENCRYPTION_ALGORITHMS };
}

function metadata(key: KmsKey, accountId: string): JsonFields {
  return {
    KeyMetadata: {
      AWSAccountId: accountId,
      KeyId: key.id,
      Arn: key.arn,
      CreationDate: key.createdMs / 1000,
      Enabled: key.state === 'Enabled',
      Description: key.description,
      KeyUsage: key.usage,
      KeyState: key.state,
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: 'RSA_2048',
      KeySpec: 'RSA_2048',
      MultiRegion: false,
      ...algorithmsOf(key),
    },
  };
}

async function createKey(keys: KmsKeys, accountId: string, input: JsonFields) {
  const spec = textField(input, 'KeySpec') ?? 'SYMMETRIC_DEFAULT';
  const usage = textField(input, 'KeyUsage') ?? 'ENCRYPT_DECRYPT';
  if (spec !== 'RSA_2048') {
    const message = `Only RSA_2048 keys are to be had here, not ${spec}.`;
    return { fault: 'UnsupportedOperationException', message };
  }
  if (usage !== 'SIGN_VERIFY' && usage !== 'ENCRYPT_DECRYPT') {
    return invalid(`KeyUsage ${usage} is not compatible with KeySpec RSA_2048`);
  }
  return metadata(
    await keys.create({ usage, description: textField(input, 'Description') ?? '' }),
    accountId,
  );
}

function getPublicKey(keys: KmsKeys, input: JsonFields): JsonFields | KmsFault {
  const key = findUsable(keys, input);
  return isFault(key)
    ? key
    : {
        KeyId: key.arn,
        PublicKey: key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        CustomerMasterKeySpec: 'RSA_2048',
        KeySpec: 'RSA_2048',
        KeyUsage: key.usage,
        ...algorithmsOf(key),
      };
}

/** Returns the SHA-256 digest that is to be signed: the message's, or the message itself if it is one. */
function digestOf(input: JsonFields): Buffer | KmsFault {
  const text = textField(input, 'Message');
  const type = input.MessageType ?? 'RAW';
  if (text === undefined || !BASE64.test(text)) {
    return { fault: 'SerializationException', message: 'Message must be base64.' };
  }
  if (type !== 'RAW' && type !== 'DIGEST') {
    return invalid('MessageType must be RAW or DIGEST.');
  }
  const message = Buffer.from(text, 'base64');
  if (message.length < 1 || message.length > MAX_MESSAGE_BYTES) {
    return invalid(`Message must be of 1 to ${MAX_MESSAGE_BYTES} bytes.`);
  }
  if (type === 'RAW') {
    return createHash('sha256').update(message).digest();
  }
  return message.length === SHA256_BYTES
    ? message
    : invalid(`Digest is invalid length for algorithm ${ALGORITHM}.`);
}

function algorithmFault(algorithm: string | undefined): KmsFault | undefined {
  if (algorithm === undefined || algorithm === ALGORITHM) {
    return algorithm === undefined ? invalid('SigningAlgorithm must be a string.') : undefined;
  }
  return SIGNING_ALGORITHMS.includes(algorithm)
    ? { fault: 'UnsupportedOperationException', message: `${algorithm} is not to be had here.` }
    : {
        fault: 'InvalidKeyUsageException',
        message: `Algorithm ${algorithm} is incompatible with key spec RSA_2048.`,
      };
}

function sign(keys: KmsKeys, input: JsonFields): JsonFields | KmsFault {
  const digest = digestOf(input);
  if (!Buffer.isBuffer(digest)) {
    return digest;
  }
  const key = findUsable(keys, input);
  if (isFault(key)) {
    return key;
  }
  if (key.usage !== 'SIGN_VERIFY') {
    const message = `${key.arn} key usage is ${key.usage} which is not valid for Sign.`;
    return { fault: 'InvalidKeyUsageException', message };
  }
  const fault = algorithmFault(textField(input, 'SigningAlgorithm'));
  if (fault !== undefined) {
    return fault;
  }
  return input.DryRun === true
    ? {
        fault: 'DryRunOperationException',
        message: 'The request would have succeeded, but the DryRun option is set.',
      }
    : { KeyId: key.arn, Signature: key.signDigest(digest).toString('base64'), SigningAlgorithm: ALGORITHM };
}

function createAlias(keys: KmsKeys, input: JsonFields): JsonFields | KmsFault {
  const key = findKey(keys, input, 'TargetKeyId');
  return isFault(key) ? key : (keys.alias(textField(input, 'AliasName') ?? '', key) ?? {});
}

/**
 * Returns the actions of KMS that are to be had locally, by name: what makes a signing key, and what signs with it.
 *
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export function createKmsActions(keys: KmsKeys, accountId: string): ReadonlyMap<string, JsonAction> {
  return new Map<string, JsonAction>([
    ['CreateKey', (input) => createKey(keys, accountId, input)],
    ['CreateAlias', (input) => createAlias(keys, input)],
    [
      'DescribeKey',
      (input) => {
        const key = findKey(keys, input);
        return isFault(key) ? key : metadata(key, accountId);
      },
    ],
    ['GetPublicKey', (input) => getPublicKey(keys, input)],
    ['Sign', (input) => sign(keys, input)],
  ]);
}
