import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { UsageError } from '../infra/usage-error.ts';
import { awsErrorName, retryAdvice } from '../lambda/aws/aws-failure.ts';
import { DOCTOR_ALIAS } from '../lambda/doctor/doctor-alias.ts';
import { fieldsOf } from '../lambda/fields.ts';
import { demandLogin } from './machine-aws.ts';

export type DeployedDoctor = {
  /** The function's name, or its ARN. */
  readonly name: string;
  /** `undefined` for that of the user's AWS configuration. */
  readonly region: string | undefined;
};

const CONNECTION_TIMEOUT_MS = 5_000;
/** No invocation lasts longer than a quarter of an hour. */
const TOTAL_TIMEOUT_MS = 905_000;

const CREDENTIAL_FAULTS: ReadonlySet<string> = new Set([
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
]);

function explain(cause: unknown, name: string, region: string): UsageError {
  const kind = awsErrorName(cause);
  if (kind === 'ResourceNotFoundException') {
    return new UsageError(
      `There is no function ${name} with the alias ${DOCTOR_ALIAS} in ${region} (${kind}). Compare the name with the stack's output TokenFunctionName; if it is right, deploy the stack again, which makes the alias: npx cdk deploy.`,
      { cause },
    );
  }
  if (kind === 'AccessDeniedException') {
    return new UsageError(
      `Your AWS credentials may not invoke the alias ${DOCTOR_ALIAS} of ${name} (${kind}): they need lambda:InvokeFunction on it. In the stack, vendor.grantDoctor(role) grants it; deploy that.`,
      { cause },
    );
  }
  return CREDENTIAL_FAULTS.has(kind)
    ? new UsageError(
        `AWS does not accept your credentials (${kind}). Check them with \`aws sts get-caller-identity\`.`,
        { cause },
      )
    : new UsageError(
        `Lambda did not answer for ${name} in ${region} (${kind}). Check the region. ${retryAdvice(kind)}`,
        { cause },
      );
}

/** What the function threw stands on its own; the runtime's own errors, such as a time-out, have the same form. */
function payloadOf({ FunctionError, Payload }: InvokeCommandOutput, name: string): unknown {
  const text = Payload?.transformToString() ?? '';
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`The function ${name} answered with what is not JSON. Is it the token vendor?`, {
      cause,
    });
  }
  if (FunctionError !== undefined) {
    const { errorType, errorMessage } = fieldsOf(payload);
    throw new UsageError(`The function ${name} threw ${errorType}: ${errorMessage}`);
  }
  return payload;
}

/**
 * Returns what the alias `Doctor` of a deployed function answers to an event.
 *
 * @throws {UsageError} if it cannot be invoked, with the fix, or throws
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function invokeDoctor({ name, region: given }: DeployedDoctor, event: object): Promise<unknown> {
  const { region, credentials } = await demandLogin({
    what: '--function',
    region: given,
    regionFlag: '--region',
  });
  const requestHandler = { connectionTimeout: CONNECTION_TIMEOUT_MS };
  const client = new LambdaClient({ region, credentials, requestHandler });
  const command = new InvokeCommand({
    FunctionName: name,
    Qualifier: DOCTOR_ALIAS,
    Payload: JSON.stringify(event),
  });
  try {
    const output = await client
      .send(command, { abortSignal: AbortSignal.timeout(TOTAL_TIMEOUT_MS) })
      .catch((error: unknown) => Promise.reject(explain(error, name, region)));
    return payloadOf(output, name);
  } finally {
    client.destroy();
  }
}
