import { Annotations, RemovalPolicy, Stack, Token, Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { Profiles } from '../lambda/profiles.ts';
import { UsageError } from './usage-error.ts';

/** The secrets of credentials by the names that profiles call them by. */
// Both, because the class does not fit its own interface under exactOptionalPropertyTypes.
export type CredentialSecrets = Readonly<Record<string, ISecret | Secret>>;

/** What the function's environment may hold in all, names and values. */
const MAX_ENVIRONMENT_BYTES = 4096;
/** Kept free for the other variables, which are few and short. */
const RESERVED_BYTES = 256;
/** The ARN of a secret that CloudFormation is yet to name; long names are longer. */
const ESTIMATED_ARN = 'a'.repeat(160);

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

/**
 * Returns those of `credentials` that a profile mints from; a warning is left for each of the others, which the
 * function gets no permission to read.
 *
 * @throws {UsageError} if a profile names a credential that is not given
 */
export function usedCredentials(
  scope: Construct,
  profiles: Profiles,
  credentials: CredentialSecrets,
): CredentialSecrets {
  const known = Object.keys(credentials).sort();
  const used = new Set([...profiles.values()].map(({ credential }) => credential));
  const missing = [...profiles.values()].filter(({ credential }) => !known.includes(credential));
  if (missing.length > 0) {
    const faults = missing
      .map(({ name, credential }) => `  - ${name}.credential: "${credential}"`)
      .join('\n');
    throw new UsageError(
      `No credential of that name is given (there are: ${known.join(', ')}); leave the field out, or give the secret in the property credentials of GcpTokenVendor:\n${faults}`,
    );
  }
  for (const name of known.filter((name) => !used.has(name))) {
    Annotations.of(scope).addWarningV2(
      `gcp-token-vendor:unusedCredential:${name}`,
      `No profile mints from the credential "${name}", so the function may not read it.`,
    );
  }
  return Object.fromEntries(
    known.filter((name) => used.has(name)).map((name) => [name, credentials[name]]),
  ) as CredentialSecrets;
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
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html the encryption context
 */
export function readStatements(credentials: CredentialSecrets): PolicyStatement[] {
  const secrets = Object.values(credentials);
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

/**
 * Returns the environment variable `CREDENTIALS`: JSON of each credential's name and the ARN of its secret.
 *
 * @throws {UsageError} if it cannot fit into a Lambda function's environment
 */
export function credentialsVariable(scope: Construct, credentials: CredentialSecrets): string {
  const arns = Object.entries(credentials).map(
    ([name, secret]) => [name, secret.secretFullArn ?? secret.secretArn] as const,
  );
  const describe = (arnOf: (arn: string) => string) =>
    Object.fromEntries(arns.map(([name, arn]) => [name, { secret: arnOf(arn) }]));
  const estimate = JSON.stringify(describe((arn) => (Token.isUnresolved(arn) ? ESTIMATED_ARN : arn))).length;
  if (estimate > MAX_ENVIRONMENT_BYTES - RESERVED_BYTES) {
    throw new UsageError(
      `The names and ARNs of ${arns.length} credentials take about ${estimate} bytes, and a Lambda function's environment ends at ${MAX_ENVIRONMENT_BYTES}: use fewer credentials, or a second vendor.`,
    );
  }
  return Stack.of(scope).toJsonString(describe((arn) => arn));
}
