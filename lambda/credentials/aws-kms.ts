import { hash } from 'node:crypto';
import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { AWS_CLIENT_LIMITS, AWS_TIMEOUT_MS } from '../aws/aws-client-limits.ts';
import type { Aws } from '../aws/aws-environment.ts';
import {
  type AwsFailure,
  demandAws,
  OWN_CREDENTIALS_REFUSED,
  translateAwsError,
} from '../aws/aws-failure.ts';
import { VendError } from '../errors.ts';
import type { Claims, SignAssertion } from './assertion.ts';
import { createAssertionSource } from './assertion-source.ts';
import { type CredentialDocument, type Fault, textField, tokenUriOf } from './credential-document.ts';
import type { OpenSource, SourceDependencies } from './token-source.ts';

const FINAL: AwsFailure['final'] = new Map([
  [
    'AccessDeniedException',
    'may not be used by the function: its role needs kms:Sign on it, and its key policy must not forbid it',
  ],
  ['NotFoundException', 'does not exist in this account and region: correct key_id in the document'],
  ['DisabledException', 'is disabled. Enable it with `aws kms enable-key --key-id KEY`'],
  [
    'KMSInvalidStateException',
    'cannot sign in its present state, such as pending deletion. Look with `aws kms describe-key --key-id KEY`; `aws kms cancel-key-deletion --key-id KEY` and `aws kms enable-key --key-id KEY` bring one back',
  ],
  [
    'InvalidKeyUsageException',
    'is not for signing, or no RSA key: make one with `aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY`',
  ],
  [
    'UnsupportedOperationException',
    'is no RSA key: make one with `aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY`',
  ],
  ['ValidationException', 'cannot sign RS256: correct key_id in the document'],
  ...OWN_CREDENTIALS_REFUSED,
]);

/** Of keys of 2,048, 3,072 and 4,096 bits, which is what KMS has. */
const SIGNATURE_BYTES = [256, 384, 512];

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** One client, and so one pool of connections, for all the credentials of an AWS; the doctor opens them anew each time. */
const clients = new WeakMap<Aws, KMSClient>();

function clientFor(aws: Aws): KMSClient {
  const { region, credentials } = demandAws(aws);
  // Else the SDK would keep the first ones that it gets for good, though they rotate.
  const current = Object.assign(() => credentials(), { memoized: true });
  const client = clients.get(aws) ?? new KMSClient({ ...AWS_CLIENT_LIMITS, region, credentials: current });
  clients.set(aws, client);
  return client;
}

function createKmsSigner(
  { keyId, kid }: { readonly keyId: string; readonly kid: string },
  { aws, clock, step }: SourceDependencies,
): SignAssertion {
  const client = clientFor(aws);
  const failure: AwsFailure = {
    subject: `The KMS key ${keyId}`,
    unavailable: 'cannot be reached',
    final: FINAL,
  };

  const signDigest = async (digest: Uint8Array, deadlineMs: number): Promise<Uint8Array> => {
    const leftMs = Math.max(1, Math.ceil(Math.min(AWS_TIMEOUT_MS, deadlineMs - clock.systemMs())));
    const command = new SignCommand({
      KeyId: keyId,
      Message: digest,
      MessageType: 'DIGEST',
      SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    });
    const { Signature: signature } = await client
      .send(command, { abortSignal: AbortSignal.timeout(leftMs) })
      .catch((error: unknown) => Promise.reject(translateAwsError(error, failure)));
    if (signature === undefined || !SIGNATURE_BYTES.includes(signature.length)) {
      throw new VendError('credential_unavailable', 'KMS answered without a signature. Try again.');
    }
    return signature;
  };

  return async (claims: Claims, deadlineMs) => {
    const input = `${encode({ alg: 'RS256', typ: 'JWT', kid })}.${encode(claims)}`;
    const digest = hash('sha256', input, 'buffer');
    const signature = await step('KMS signature', () => signDigest(digest, deadlineMs));
    return {
      outcome: 'signed',
      jwt: `${input}.${Buffer.from(signature).toString('base64url')}`,
      googleMs: 0,
    };
  };
}

function keyIdOf(document: CredentialDocument, fault: Fault): string {
  const { private_key_id: kid } = document;
  if (typeof kid !== 'string' || kid === '') {
    throw fault(
      'private_key_id',
      'is missing: print the certificate of the KMS key (npm run kms-certificate), give it to Google (gcloud iam service-accounts keys upload), and put the id that Google answers here',
    );
  }
  return kid;
}

/**
 * Returns the source for a service account whose private key is in AWS KMS, and never leaves it: KMS signs the assertion
 * (RSA PKCS #1 v1.5, SHA-256). `{"type": "aws_kms", "key_id", "client_email", "private_key_id"}`, where
 * `private_key_id` is what Google named the certificate that it was given. The document holds no secret.
 *
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 * @see https://cloud.google.com/iam/docs/keys-upload
 */
export const openAwsKms: OpenSource = async (document, fault, dependencies) => {
  if (document.key_id === undefined) {
    throw fault(
      'key_id',
      'is missing: only the stack can do without, where it makes the key. Put in the ARN of the key that it made',
    );
  }
  const keyId = textField(document, 'key_id', fault);
  const clientEmail = textField(document, 'client_email', fault);
  const tokenUri = tokenUriOf(document, fault);
  const sign = createKmsSigner({ keyId, kid: keyIdOf(document, fault) }, dependencies);
  dependencies.connectAhead(new URL(tokenUri));
  return createAssertionSource({ clientEmail, tokenUri, sign, signer: 'aws_kms' }, dependencies);
};
