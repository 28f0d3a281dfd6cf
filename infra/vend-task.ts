import { Duration, Token } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Alias, IFunction } from 'aws-cdk-lib/aws-lambda';
import { JitterType, TaskInput, type TaskStateBaseProps } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { ERRORS } from '../lambda/errors.ts';
import type { Profile } from '../lambda/profiles.ts';
import { expandScopes, isScope } from '../lambda/scopes.ts';
import { UsageError } from './usage-error.ts';

/** What a task asks for: an ID token for an audience, or an access token for scopes; for neither, all the profile's scopes. */
export type VendTaskRequest =
  | { readonly audience: string; readonly scopes?: never }
  | { readonly scopes: string | readonly string[]; readonly audience?: never }
  | { readonly audience?: never; readonly scopes?: never };

/** A request, and what every task state takes (`resultPath`, `taskTimeout`, `queryLanguage`, …). */
export type VendTaskProps = VendTaskRequest & Omit<TaskStateBaseProps, 'integrationPattern'>;

/** Errors of Lambda's that pass by themselves; `States.TaskFailed` would take in those that do not. */
const TRANSIENT_LAMBDA_ERRORS = [
  'Lambda.AWSLambdaException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.SdkClientException',
  'Lambda.ServiceException',
  'Lambda.TooManyRequestsException',
];

const RETRY = {
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxAttempts: 4,
  maxDelay: Duration.seconds(20),
  jitterStrategy: JitterType.FULL,
};

/** The names of the errors that another try can help, as `Retry` knows them. */
export const RETRYABLE_ERRORS: readonly string[] = [
  ...Object.values(ERRORS)
    .filter(({ retryable }) => retryable)
    .map(({ thrownAs }) => thrownAs),
  ...TRANSIENT_LAMBDA_ERRORS,
];

/** What only the running state machine knows: a JSONPath token of CDK's, or a JSONata expression. */
function isDynamic(value: unknown): boolean {
  return Token.isUnresolved(value) || (typeof value === 'string' && value.startsWith('{%'));
}

function refuseAudience(profile: Profile, audience: string): void {
  if (!profile.allowsAudience(audience)) {
    const allowed = profile.audiences.join(', ') || 'none';
    throw new UsageError(
      `The profile ${profile.name} does not allow the audience "${audience}"; it allows: ${allowed}`,
    );
  }
}

function refuseScopes(profile: Profile, scopes: readonly string[]): void {
  const literal = scopes.filter((scope) => !isDynamic(scope));
  const refused = literal.filter(
    (scope) => !isScope(scope) || !expandScopes([scope]).every((uri) => profile.scopes.includes(uri)),
  );
  if (refused.length > 0 || scopes.length === 0) {
    const allowed = profile.scopes.join(', ') || 'none';
    throw new UsageError(
      `The profile ${profile.name} does not allow the scopes ${JSON.stringify(refused)}; it allows: ${allowed}`,
    );
  }
}

/** What a literal request asks in vain is known at synth, by the same policy that refuses it in the function. */
function refuseUnallowed(profile: Profile, { audience, scopes }: VendTaskRequest): void {
  if (audience !== undefined && scopes !== undefined) {
    throw new UsageError('Ask for an audience (an ID token) or for scopes (an access token), not for both.');
  }
  if (audience !== undefined && !isDynamic(audience)) {
    refuseAudience(profile, audience);
  }
  if (scopes !== undefined && !isDynamic(scopes)) {
    refuseScopes(profile, typeof scopes === 'string' ? scopes.split(/[ ,]+/).filter(Boolean) : scopes);
  }
  if (audience === undefined && scopes === undefined && profile.scopes.length === 0) {
    throw new UsageError(`The profile ${profile.name} vends no access tokens: ask for one of its audiences.`);
  }
}

/** Grants the state machine the one alias; CDK's own task adds all its qualifiers. */
class AliasInvoke extends LambdaInvoke {
  protected override readonly taskPolicies: PolicyStatement[];

  constructor(
    scope: Construct,
    id: string,
    alias: Alias,
    props: ConstructorParameters<typeof LambdaInvoke>[2],
  ) {
    super(scope, id, props);
    this.taskPolicies = [
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [alias.functionArn] }),
    ];
  }
}

/**
 * Returns a Step Functions task whose result is the vendor's answer, with a `Retry` on exactly the errors that another
 * try helps. A value may be a JSONPath (`JsonPath.stringAt`) or, with `queryLanguage: JSONATA`, an expression.
 *
 * The token is in the state's result, and so in the execution's history, where whoever may read it
 * (`states:GetExecutionHistory`) can take it while it lives. Where that matters, let the task that calls Google ask for the token itself.
 *
 * @throws {UsageError} if the profile does not allow what a literal request asks for
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
export function createVendTask(
  scope: Construct,
  id: string,
  { profile, alias, ...props }: { readonly profile: Profile; readonly alias: Alias } & VendTaskProps,
): LambdaInvoke {
  const { audience, scopes, ...state } = props;
  refuseUnallowed(profile, props);
  const task = new AliasInvoke(scope, id, alias, {
    ...state,
    // CDK's classes do not fit their own interfaces under exactOptionalPropertyTypes.
    lambdaFunction: alias as IFunction,
    payload: TaskInput.fromObject({ ...(audience && { audience }), ...(scopes && { scopes }) }),
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
  });
  task.addRetry({ ...RETRY, errors: [...RETRYABLE_ERRORS] });
  return task;
}
