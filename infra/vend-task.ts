import type { Alias, IFunction } from 'aws-cdk-lib/aws-lambda';
import { TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { authorize } from '../lambda/authorize.ts';
import { ERRORS, VendError } from '../lambda/errors.ts';
import type { Profile } from '../lambda/policy/profiles.ts';
import { parseRequest } from '../lambda/request.ts';
import { ExactInvoke } from './exact-invoke.ts';
import { TASK_RETRY, TRANSIENT_LAMBDA_ERRORS } from './task-retry.ts';
import { isDynamic, STATE_FIELDS, type StateProps } from './task-state.ts';
import { UsageError } from './usage-error.ts';

/**
 * What a task asks for: an ID token for an audience; or an access token for scopes, all of the profile's if there are none,
 * for a user (`subject`), and for a chosen time (`lifetime`, in seconds).
 */
export type VendTaskRequest =
  | {
      readonly audience: string;
      readonly scopes?: never;
      readonly subject?: never;
      readonly lifetime?: never;
    }
  | {
      readonly audience?: never;
      readonly scopes?: string | readonly string[];
      readonly subject?: string;
      /** A text is an expression in JSONata. */
      readonly lifetime?: number | string;
    };

/** A request, and what every task state takes (`resultPath`, `taskTimeout`, `queryLanguage`, …). */
export type VendTaskProps = VendTaskRequest & StateProps;

/** The names of the errors that another try can help, as `Retry` knows them. */
export const RETRYABLE_ERRORS: readonly string[] = [
  ...Object.values(ERRORS)
    .filter(({ retryable }) => retryable)
    .map(({ thrownAs }) => thrownAs),
  ...TRANSIENT_LAMBDA_ERRORS,
];

/** What is known at synth; a list of scopes may be known in part. */
function literalOf(value: unknown): readonly unknown[] {
  if (isDynamic(value)) {
    return [];
  }
  const literal = Array.isArray(value) ? value.filter((item) => !isDynamic(item)) : value;
  const isAllDynamic = Array.isArray(value) && value.length > 0 && (literal as unknown[]).length === 0;
  return isAllDynamic ? [] : [literal];
}

/** Whatever the value will be, such a profile allows none. */
function refuseHopeless(profile: Profile, { audience, subject, lifetime }: VendTaskRequest): void {
  const { name, audiences, subjects, maxLifetimeSeconds } = profile;
  const hopeless = [
    audience !== undefined && audiences.length === 0 && 'vends no ID tokens: leave audience out',
    subject !== undefined && subjects.length === 0 && 'acts for no user: leave subject out',
    lifetime !== undefined && maxLifetimeSeconds === undefined && 'has no maxLifetime: leave lifetime out',
  ].find((fault) => fault !== false);
  if (hopeless !== undefined) {
    throw new UsageError(`The profile ${name} ${hopeless}.`);
  }
}

/** What a literal request asks in vain is known at synth, by the very parser and policy that refuse it in the function. */
function refuseUnallowed(profile: Profile, request: VendTaskRequest): void {
  const { audience, ...accessToken } = request;
  if (audience !== undefined && Object.values(accessToken).some((value) => value !== undefined)) {
    throw new UsageError(
      'Ask for an audience (an ID token), or for scopes, a subject and a lifetime (an access token), not for both.',
    );
  }
  refuseHopeless(profile, request);
  if (audience !== undefined && isDynamic(audience)) {
    return;
  }
  const literal = Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => literalOf(value).map((known) => [name, known] as const));
  try {
    authorize(profile, parseRequest(literal));
  } catch (cause) {
    throw cause instanceof VendError ? new UsageError(cause.message, { cause }) : cause;
  }
}

/** Without types, a request's field that is misspelt would quietly ask for something else. */
function refuseUnknown(fields: object): void {
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(STATE_FIELDS, name));
  if (unknown !== undefined) {
    throw new UsageError(
      `A task of the vendor has no field "${unknown}"; it asks with audience, scopes, subject and lifetime, and takes of a task state ${Object.keys(STATE_FIELDS).join(', ')}.`,
    );
  }
}

/**
 * Returns a Step Functions task whose result is the vendor's answer, with a `Retry` on exactly the errors that another
 * try helps. A value may be a JSONPath (`JsonPath.stringAt`) or, with `queryLanguage: JSONATA`, an expression.
 *
 * The token is in the state's result, and so in the execution's history, where whoever may read it
 * (`states:GetExecutionHistory`) can take it while it lives. Where that matters, let the task that calls Google ask for the token itself.
 *
 * @throws {UsageError} if the profile does not allow what a literal request asks for, or for a field that is none
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
export function createVendTask(
  scope: Construct,
  id: string,
  { profile, alias, ...props }: { readonly profile: Profile; readonly alias: Alias } & VendTaskProps,
): LambdaInvoke {
  const { audience, scopes, subject, lifetime, ...state } = props;
  refuseUnknown(state);
  const request = { audience, scopes, subject, lifetime } as VendTaskRequest;
  refuseUnallowed(profile, request);
  const task = new ExactInvoke(scope, id, alias, {
    ...state,
    // CDK's classes do not fit their own interfaces under exactOptionalPropertyTypes.
    lambdaFunction: alias as IFunction,
    payload: TaskInput.fromObject(
      Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)),
    ),
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
  });
  task.addRetry({ ...TASK_RETRY, errors: [...RETRYABLE_ERRORS] });
  return task;
}
