import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import {
  GetPublicKeyCommand,
  type GetPublicKeyCommandOutput,
  KMSClient,
  KMSServiceException,
  SignCommand,
} from '@aws-sdk/client-kms';
import { UsageError } from './usage-error.ts';

/** A key pair whose private half is in KMS, and stays there. */
export type KmsSigningKey = {
  /** The key's own, whichever of its names was given. */
  readonly arn: string;
  /** `RSA_2048`, … */
  readonly spec: string;
  readonly publicKey: KeyObject;
  /**
   * Returns the PKCS #1 v1.5 signature of the message's SHA-256 digest.
   *
   * @throws {UsageError}
   */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
};

/** For one attempt, of which there are three at the most, and for all of them. */
const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 4_000;
const TOTAL_TIMEOUT_MS = 8_000;
/** Of AWS's own words in a message of ours. */
const MAX_WORDS = 500;

const ALGORITHM = 'RSASSA_PKCS1_V1_5_SHA_256';
/** Google wants RSA. 2,048 bits is what its own keys have, and the fastest to sign with. */
const SPECS: ReadonlySet<string> = new Set(['RSA_2048', 'RSA_3072', 'RSA_4096']);
const MAKE_ONE = 'Make one with `aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY`';
const CHECK_LOGIN = 'Check them with `aws sts get-caller-identity`';

/** What KMS says of a key, and what a person does about it. */
const KEY_FAULTS: ReadonlyMap<string, string> = new Map([
  [
    'NotFoundException',
    'does not exist in this account and region. Give its id, its ARN, or its alias as alias/NAME, and --region',
  ],
  [
    'AccessDeniedException',
    'is closed to your AWS credentials: they need kms:GetPublicKey and kms:Sign on it, and its key policy must allow that',
  ],
  ['DisabledException', 'is disabled. Enable it with `aws kms enable-key --key-id KEY`'],
  [
    'KMSInvalidStateException',
    'cannot be used in its state, such as pending deletion. Look with `aws kms describe-key --key-id KEY`',
  ],
  ['InvalidKeyUsageException', `is not for signing with RSA: its KeyUsage must be SIGN_VERIFY. ${MAKE_ONE}`],
  ['UnsupportedOperationException', `has no public half: it must be an RSA key. ${MAKE_ONE}`],
  ['InvalidArnException', 'has no valid ARN. Look with `aws kms list-keys`'],
  ['ValidationException', 'has no valid name. Give its id, its ARN, or its alias as alias/NAME'],
]);

const CREDENTIAL_FAULTS: ReadonlySet<string> = new Set([
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
]);

/** An error's name and words, in one line. A network error says more by its code (`ENOTFOUND`) than by its name. */
function wordsOf(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : name;
  const kind = name === 'Error' ? code : name;
  const words = message.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, MAX_WORDS);
  return kind === 'Error' || words.includes(kind) ? words : `${kind}: ${words}`;
}

function explain(cause: unknown, keyId: string): UsageError {
  const isTimeout = cause instanceof Error && cause.name === 'AbortError';
  const words = isTimeout ? `no answer within ${TOTAL_TIMEOUT_MS / 1000} seconds` : wordsOf(cause);
  if (!(cause instanceof KMSServiceException)) {
    const advice = 'Check the region, the network, and AWS_ENDPOINT_URL_KMS if you set it';
    return new UsageError(`KMS cannot be reached (${words}). ${advice}.`, { cause });
  }
  const fault = KEY_FAULTS.get(cause.name);
  if (fault !== undefined) {
    return new UsageError(`The KMS key ${keyId} ${fault} (${words}).`, { cause });
  }
  return CREDENTIAL_FAULTS.has(cause.name)
    ? new UsageError(`AWS does not accept your credentials (${words}). ${CHECK_LOGIN}.`, { cause })
    : new UsageError(`KMS did not answer for the key ${keyId} (${words}). Try again later.`, { cause });
}

/** Before the first call, so that a failure is known by what was asked for, and not by its words. */
async function demandConfiguration({ config }: KMSClient): Promise<void> {
  await config.region().catch((cause: unknown) => {
    throw new UsageError(
      `There is no AWS region to look in (${wordsOf(cause)}): give --region, or set AWS_REGION.`,
      { cause },
    );
  });
  await config.credentials().catch((cause: unknown) => {
    const instance = 'On an EC2 instance with a role, set AWS_EC2_METADATA_DISABLED=false';
    throw new UsageError(
      `There are no AWS credentials (${wordsOf(cause)}). Log in as for the AWS CLI, or set AWS_PROFILE. ${instance}.`,
      { cause },
    );
  });
}

function readPublicKey(output: GetPublicKeyCommandOutput, keyId: string): Omit<KmsSigningKey, 'sign'> {
  const { KeyUsage: usage, KeySpec: spec = 'none', KeyId: arn, PublicKey: der } = output;
  if (usage !== 'SIGN_VERIFY' || !SPECS.has(spec)) {
    throw new UsageError(
      `The KMS key ${keyId} cannot be a Google key: its KeyUsage is ${usage} and its KeySpec ${spec}, and SIGN_VERIFY and RSA_2048 would be right. ${MAKE_ONE}.`,
    );
  }
  if (arn === undefined || der === undefined) {
    throw new UsageError(`KMS answered without the public half of the key ${keyId}. Try again later.`);
  }
  const publicKey = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  return { arn, spec, publicKey };
}

/**
 * Returns the RSA key pair that KMS has under a name, ready to sign. AWS's own ways to a region and to credentials are
 * used, as by the AWS CLI.
 *
 * @throws {UsageError} in one line with what would mend it: an unknown or unfit key, no permission, no way to KMS
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export async function openKmsSigningKey(keyId: string, region: string | undefined): Promise<KmsSigningKey> {
  const client = new KMSClient({
    ...(region === undefined ? {} : { region }),
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
  const bounds = () => ({ abortSignal: AbortSignal.timeout(TOTAL_TIMEOUT_MS) });
  const fail = (cause: unknown) => Promise.reject(explain(cause, keyId));

  await demandConfiguration(client);
  const output = await client.send(new GetPublicKeyCommand({ KeyId: keyId }), bounds()).catch(fail);
  const key = readPublicKey(output, keyId);

  return {
    ...key,
    sign: async (message) => {
      // By its ARN: an alias may have been given to another key by now.
      const command = new SignCommand({
        KeyId: key.arn,
        Message: hash('sha256', message, 'buffer'),
        MessageType: 'DIGEST',
        SigningAlgorithm: ALGORITHM,
      });
      const { Signature: signature } = await client.send(command, bounds()).catch(fail);
      if (signature === undefined) {
        throw new UsageError(`KMS answered without a signature of the key ${keyId}. Try again later.`);
      }
      return signature;
    },
  };
}
