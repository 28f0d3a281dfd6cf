import type { Duration, IResolvable } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { authorizeCall } from '../lambda/call/authorize-call.ts';
import { retryableCallErrors } from '../lambda/call/call-errors.ts';
import { DEFAULT_TIMEOUT_SECONDS } from '../lambda/call/call-limits.ts';
import { METHODS, methodOf, parseCallRequest } from '../lambda/call/call-request.ts';
import { VendError } from '../lambda/errors.ts';
import type { Profile } from '../lambda/policy/profiles.ts';
import type { CallFunction } from './call-function.ts';
import { ExactInvoke } from './exact-invoke.ts';
import { TASK_RETRY, THROTTLED_LAMBDA_ERRORS, TRANSIENT_LAMBDA_ERRORS } from './task-retry.ts';
import { isDynamic, STATE_FIELDS, type StateProps } from './task-state.ts';
import { UsageError } from './usage-error.ts';

type QueryValue = string | number | boolean | IResolvable;

/** A call. Each value, and each in an object, is literal, a JSONPath (`JsonPath.stringAt`) or an expression in JSONata. */
export type CallTaskRequest = {
  /** https, in its plain spelling; it, or what it begins with, must be an audience of the profile. */
  readonly url: string;
  /**
   * Whom the token is for: a custom audience, or IAP's OAuth client id.
   * @default - the origin of the URL; of a URL at `*.cloudfunctions.net` with the first segment of its path
   */
  readonly audience?: string;
  /** @default - `POST` if there is a body, and `GET` if not */
  readonly method?: string;
  /** Without those that say who calls, and those of the connection: they are refused. */
  readonly headers?: Readonly<Record<string, string | number | boolean>> | IResolvable | string;
  /** Parameters to put, escaped, behind those that the URL has. */
  readonly query?: Readonly<Record<string, QueryValue | readonly QueryValue[]>> | IResolvable | string;
  /** An object or a list, sent as JSON, or a text. */
  readonly body?: object | string;
};

/** A call, what becomes of it, and what every task state takes (`resultPath`, `taskTimeout`, `queryLanguage`, …). */
export type CallTaskProps = CallTaskRequest &
  Omit<StateProps, 'timeout'> & {
    /**
     * Statuses from 400 on that are results, and no errors.
     * @default none
     */
    readonly acceptStatuses?: readonly number[];
    /**
     * How large the body of the answer may be; 262,144 at the most. What does not fit into a state is an error all the same.
     * @default 184320
     */
    readonly maxResponseBytes?: number;
    /**
     * What the token and the call may take together: whole seconds, 895 at the most.
     * @default Duration.seconds(30)
     */
    readonly timeout?: Duration;
    /**
     * Whether a POST or a PATCH is tried again even where the service may have done what it was asked to: when it answered 408,
     * 500, 502, 503 or 504, when the connection broke and when time was up.
     * @default false
     */
    readonly retryNonIdempotent?: boolean;
  };

const CALL_FIELDS = [
  'url',
  'audience',
  'method',
  'headers',
  'query',
  'body',
  'acceptStatuses',
  'maxResponseBytes',
  'timeout',
  'retryNonIdempotent',
] as const;

/** Whatever is dynamic is taken to be right: the function will see. */
const PLACEHOLDERS: Readonly<Record<string, unknown>> = {
  url: 'https://dynamic.example',
  audience: undefined,
  method: 'POST',
  headers: {},
  query: {},
  body: '',
};

type Fields = Readonly<Record<string, unknown>>;

/** What a task is made of. */
export type CallTaskParts = {
  readonly profile: Profile;
  /** Returns the one function that makes the profile's calls, made when it is first needed. */
  readonly openCallFunction: () => CallFunction;
  readonly props: CallTaskProps;
};

/** The function's own time-out follows from it, so the running state machine cannot choose it. */
function secondsOf(timeout: Duration | undefined): number {
  if (timeout?.isUnresolved()) {
    throw new UsageError(
      'timeout: it must be known at synth, because the time-out of the function that calls follows from it: write it out.',
    );
  }
  return timeout?.toSeconds({ integral: false }) ?? DEFAULT_TIMEOUT_SECONDS;
}

/** Without types, a field that is misspelt would quietly call in another way. */
function refuseUnknown(props: object): void {
  const known = (name: string) => name !== 'timeout' && Object.hasOwn(STATE_FIELDS, name);
  const unknown = Object.keys(props).find((name) => !known(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `A call has no field "${unknown}"; it has ${CALL_FIELDS.join(', ')}, and takes of a task state ${Object.keys(STATE_FIELDS).filter(known).join(', ')}.`,
    );
  }
}

function withoutDynamicMembers(name: string, value: unknown): unknown {
  if (isDynamic(value)) {
    return PLACEHOLDERS[name];
  }
  const isMap = (name === 'headers' || name === 'query') && typeof value === 'object' && value !== null;
  const isKnown = (member: unknown): boolean => !(Array.isArray(member) ? member : [member]).some(isDynamic);
  return isMap && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, isKnown(member) ? member : 'x']))
    : value;
}

/** What a literal call asks in vain is known at synth, by the very parser and policy that refuse it in the function. */
function refuseUnallowed(profile: Profile, payload: Fields): void {
  const known = Object.entries(payload).map(([name, value]) => [name, withoutDynamicMembers(name, value)]);
  const request = parseCallRequest(Object.fromEntries(known));
  if (!isDynamic(payload.url) && !isDynamic(payload.audience)) {
    authorizeCall(profile, request);
  }
}

/** Returns what the function is told, with nothing in it that is known to be in vain. */
function payloadOf(profile: Profile, { method, ...given }: Fields): Fields {
  if (profile.audiences.length === 0) {
    throw new UsageError(
      `The profile ${profile.name} vends no ID tokens, so it can call nothing: give it audiences.`,
    );
  }
  try {
    const named = { ...given, method: isDynamic(method) ? method : methodOf({ ...given, method }) };
    const payload = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
    refuseUnallowed(profile, payload);
    return payload;
  } catch (cause) {
    throw cause instanceof VendError ? new UsageError(cause.message, { cause }) : cause;
  }
}

/** A method that is known only at run time is taken for one that does harm if it is done twice. */
function retryErrors({ method }: Fields, retryNonIdempotent: boolean): string[] {
  const repeatable = retryNonIdempotent || METHODS.get(method)?.repeatable === true;
  return [
    ...retryableCallErrors({ repeatable }),
    ...(repeatable ? TRANSIENT_LAMBDA_ERRORS : THROTTLED_LAMBDA_ERRORS),
  ];
}

/**
 * Returns a Step Functions task that calls a private service with an ID token of the profile, and whose result is what the service
 * answers: `{ status, headers, body }`. The token is nowhere but in the function that makes the call.
 *
 * It has a `Retry` on exactly the errors that another try helps; for methods that may do harm if they are done twice, on those
 * of which it is sure that the service did nothing.
 *
 * @throws {UsageError} if the profile does not allow what is known of the call, or for a field that is none
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
export function createCallTask(
  scope: Construct,
  id: string,
  { profile, openCallFunction, props }: CallTaskParts,
): LambdaInvoke {
  const { url, audience, method, headers, query, body, acceptStatuses, maxResponseBytes, ...rest } = props;
  const { timeout, retryNonIdempotent = false, ...state } = rest;
  refuseUnknown(state);
  const timeoutSeconds = secondsOf(timeout);
  const payload = payloadOf(profile, {
    url,
    audience,
    method,
    headers,
    query,
    body,
    acceptStatuses,
    maxResponseBytes,
    timeoutSeconds,
  });
  const caller = openCallFunction();
  caller.allowSeconds(timeoutSeconds);
  const task = new ExactInvoke(scope, id, caller.function, {
    ...state,
    // CDK's classes do not fit their own interfaces under exactOptionalPropertyTypes.
    lambdaFunction: caller.function as IFunction,
    payload: TaskInput.fromObject(payload),
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
  });
  task.addRetry({ ...TASK_RETRY, errors: retryErrors(payload, retryNonIdempotent) });
  return task;
}
