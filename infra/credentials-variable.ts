import { Stack, Tokenization } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Credentials } from './credentials.ts';
import { UsageError } from './usage-error.ts';

/** What the function's environment may hold in all, as JSON of names and values. */
const MAX_ENVIRONMENT_BYTES = 4096;
/** Kept free for the other variables, which are few and short. */
const RESERVED_BYTES = 256;
/** The ARN of a secret that CloudFormation is yet to name; long names are longer, and a key's is shorter. */
const ESTIMATED_ARN = 'a'.repeat(160);

/** Where each credential is, as the function's configuration has it, by name in sorted order. */
function locationsOf({ secrets, documents }: Credentials): Readonly<Record<string, object>> {
  const inSecrets = Object.entries(secrets).map(([name, secret]): [string, object] => [
    name,
    { secret: secret.secretFullArn ?? secret.secretArn },
  ]);
  const here = Object.entries(documents).map(([name, { fields }]): [string, object] => [
    name,
    { document: fields },
  ]);
  return Object.fromEntries([...inSecrets, ...here].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What CloudFormation is yet to put into a text is counted as an ARN. */
function estimateText(text: string): string {
  return Tokenization.reverseString(text)
    .mapTokens({ mapToken: () => ESTIMATED_ARN })
    .join({ join: (left = '', right = '') => `${left}${right}` });
}

/**
 * Lambda measures the variables as JSON, in which each quote within a value takes two bytes.
 *
 * @see https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594 its refusal has the text that it measured
 */
function estimateBytes(value: object): number {
  const CREDENTIALS = JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'string' ? estimateText(member) : member,
  );
  return Buffer.byteLength(JSON.stringify({ CREDENTIALS }));
}

/**
 * Returns the environment variable `CREDENTIALS`: JSON of each credential's name and the ARN of its secret, or its document.
 *
 * @throws {UsageError} if it cannot fit into a Lambda function's environment
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function credentialsVariable(scope: Construct, credentials: Credentials): string {
  const locations = locationsOf(credentials);
  const estimate = estimateBytes(locations);
  if (estimate > MAX_ENVIRONMENT_BYTES - RESERVED_BYTES) {
    throw new UsageError(
      `The names, documents and ARNs of ${Object.keys(locations).length} credentials take about ${estimate} bytes, and a Lambda function's environment ends at ${MAX_ENVIRONMENT_BYTES}: use fewer credentials, or a second vendor.`,
    );
  }
  return Stack.of(scope).toJsonString(locations);
}
