import { ArnFormat, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { UsageError } from './usage-error.ts';

// Both, because the class does not fit its own interface under exactOptionalPropertyTypes.
export type SigningKey = IKey | Key;

/**
 * Returns a new key that can serve as a Google service account's: 2,048 bits, as Google's own keys have, and the fastest to
 * sign with. It outlives the stack, since Google knows its certificate.
 *
 * @see https://cloud.google.com/iam/docs/keys-upload
 */
export function createSigningKey(scope: Construct, credential: string): Key {
  return new Key(scope, `SigningKey-${credential}`, {
    description: 'Signs as a Google service account for the token vendor; Google has its certificate',
    keySpec: KeySpec.RSA_2048,
    keyUsage: KeyUsage.SIGN_VERIFY,
    removalPolicy: RemovalPolicy.RETAIN,
  });
}

/** Returns the ARN of a key that was given. @throws {UsageError} for an alias, which may be given to another key */
export function signingKeyArn(key: SigningKey, credential: string): string {
  if ('aliasName' in key || key.keyArn.includes(':alias/')) {
    throw new UsageError(
      `The key of the credential ${credential} is an alias, on which kms:Sign cannot be granted: give the key itself.`,
    );
  }
  return key.keyArn;
}

function arnOf(scope: Construct, keyId: string): string {
  return keyId.startsWith('arn:') || Token.isUnresolved(keyId)
    ? keyId
    : Stack.of(scope).formatArn({
        service: 'kms',
        resource: 'key',
        resourceName: keyId,
        arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      });
}

/**
 * Returns what it takes to have one key sign what the function has it sign, and nothing else.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-signing-algorithm
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-message-type
 */
export function signStatement(scope: Construct, keyId: string): PolicyStatement {
  return new PolicyStatement({
    actions: ['kms:Sign'],
    resources: [arnOf(scope, keyId)],
    conditions: {
      StringEquals: {
        'kms:SigningAlgorithm': 'RSASSA_PKCS1_V1_5_SHA_256',
        'kms:MessageType': 'DIGEST',
      },
    },
  });
}
