import { Fn, Stack } from 'aws-cdk-lib';
import type { CfnSecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { OAuthClientGrant } from './oauth-request.ts';
import { UsageError } from './usage-error.ts';

/** A client as the function is told of it. */
export type ClientEntry = {
  readonly id: string;
  readonly profile: string;
  readonly grant: OAuthClientGrant;
  readonly registry: Secret;
};

/** What the function's environment may hold in all, as JSON of names and values. */
const MAX_ENVIRONMENT_BYTES = 4096;
/** Kept free for the other variables, which are few and short. */
const RESERVED_BYTES = 384;
/** What CloudFormation and Secrets Manager put behind a secret's logical id, each with a hyphen before it. */
const RANDOM_END = `-${'a'.repeat(12)}-${'a'.repeat(6)}`;

function documentOf(entries: readonly ClientEntry[], registryOf: (entry: ClientEntry) => string): object {
  const sorted = [...entries].sort((a, b) => (a.id < b.id ? -1 : 1));
  return Object.fromEntries(
    sorted.map((entry) => [
      entry.id,
      { profile: entry.profile, ...entry.grant, registry: registryOf(entry) },
    ]),
  );
}

/** The end of the ARN that a registry will have, or as long a text. */
function estimatedName({ registry }: ClientEntry): string {
  const { logicalId } = registry.node.defaultChild as CfnSecret;
  return `${Stack.of(registry).resolve(logicalId)}${RANDOM_END}`;
}

/** What the ARN of a secret begins with, the same for all of a stack's. */
export function secretsPrefix(scope: Construct): string {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:secretsmanager:${region}:${account}:secret:`;
}

/**
 * Returns the environment variable `CLIENTS`: JSON of each client's id, and of what it is bound to; of the ARN of its registry
 * only what {@link secretsPrefix} does not say, because an environment ends at 4 KB.
 *
 * @throws {UsageError} if it cannot fit
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function clientsVariable(scope: Construct, entries: readonly ClientEntry[]): string {
  const estimate = Buffer.byteLength(
    JSON.stringify({ CLIENTS: JSON.stringify(documentOf(entries, estimatedName)) }),
  );
  if (estimate > MAX_ENVIRONMENT_BYTES - RESERVED_BYTES) {
    throw new UsageError(
      `${entries.length} OAuth clients take about ${estimate} bytes, and a Lambda function's environment ends at ${MAX_ENVIRONMENT_BYTES}: bind clients to fewer scopes, let several callers share a connection, or use a second vendor.`,
    );
  }
  return Stack.of(scope).toJsonString(
    documentOf(entries, ({ registry }) => Fn.select(6, Fn.split(':', registry.secretArn))),
  );
}
