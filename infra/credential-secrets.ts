import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

/** The secrets of credentials by the names that profiles call them by. */
// Both, because the class does not fit its own interface under exactOptionalPropertyTypes.
export type CredentialSecrets = Readonly<Record<string, ISecret | Secret>>;

/**
 * Returns a new secret for a Google credential, with its own key; both outlive the stack, since Google shows a
 * service-account key one time only. It has no value until one is put in: a made-up one would be taken for a credential.
 */
export function createCredentialSecret(scope: Construct): Secret {
  const encryptionKey = new Key(scope, 'CredentialKey', {
    description: "Encrypts the token vendor's Google credential",
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const secret = new Secret(scope, 'Credential', {
    description: 'Google credential of the token vendor: a service-account key file, as Google hands it out',
    encryptionKey,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  (secret.node.defaultChild as CfnSecret).generateSecretString = undefined;
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'Only Google can issue a new key for a service account: it is put in by its owner, and the function takes it up without a deployment.',
  });
  return secret;
}

/** The ARN as a policy must have it: one that is imported by its name lacks the six characters that AWS adds. */
function policyArn(secret: CredentialSecrets[string]): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}

function decryptStatement(secret: CredentialSecrets[string], keyArn: string): PolicyStatement {
  const exact = secret.secretFullArn !== undefined;
  const viaService = { 'kms:ViaService': `secretsmanager.${secret.env.region}.amazonaws.com` };
  const ofSecret = { 'kms:EncryptionContext:SecretARN': policyArn(secret) };
  return new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [keyArn],
    conditions: exact
      ? { StringEquals: { ...viaService, ...ofSecret } }
      : { StringEquals: viaService, StringLike: ofSecret },
  });
}

/**
 * Returns what it takes to read the secrets and nothing more: their values, and the use of their keys for them alone.
 * Without secrets it takes nothing.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html the encryption context
 */
export function readStatements(credentials: CredentialSecrets): PolicyStatement[] {
  const secrets = Object.values(credentials);
  if (secrets.length === 0) {
    return [];
  }
  const keys = secrets.flatMap((secret) =>
    secret.encryptionKey === undefined ? [] : [decryptStatement(secret, secret.encryptionKey.keyArn)],
  );
  return [
    new PolicyStatement({
      effect: Effect.ALLOW,
      actions: ['secretsmanager:GetSecretValue'],
      resources: secrets.map(policyArn),
    }),
    ...keys,
  ];
}
