import { randomBytes, randomUUID } from 'node:crypto';

/** What Lambda's Node.js runtime hands to a handler beside the event. */
export type LambdaContext = {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  callbackWaitsForEmptyEventLoop: boolean;
  /** Milliseconds until Lambda ends the invocation; never below 0. */
  readonly getRemainingTimeInMillis: () => number;
};

export type Handler = (event: unknown, context: LambdaContext) => Promise<unknown>;

/** How an invocation ended. `version` is the one that ran: `$LATEST`, or `1` behind every alias. */
export type Outcome =
  | { readonly kind: 'returned'; readonly requestId: string; readonly version: string; readonly json: string }
  | {
      readonly kind: 'failed' | 'timed-out';
      readonly requestId: string;
      readonly version: string;
      readonly errorType: string;
      readonly errorMessage: string;
    }
  | { readonly kind: 'throttled'; readonly requestId: string };

/** Runs the function once; `alias` is `undefined` or `$LATEST` for the unpublished code. It never rejects. */
export type Invoker = (event: unknown, alias: string | undefined) => Promise<Outcome>;

export type InvokerOptions = {
  readonly handler: Handler;
  /** The unqualified ARN: `arn:aws:lambda:REGION:ACCOUNT:function:NAME`. */
  readonly functionArn: string;
  readonly timeoutMs: number;
  readonly memoryMB: number;
  /** Invocations at one time; one more is throttled, as Lambda does. */
  readonly maxConcurrent: number;
  readonly now: () => number;
};

const TIMED_OUT = Symbol('timed out');

function describeThrown(thrown: unknown): { errorType: string; errorMessage: string } {
  return thrown instanceof Error
    ? { errorType: thrown.name, errorMessage: thrown.message }
    : { errorType: typeof thrown, errorMessage: String(thrown) };
}

/** Resolves to what `work` makes of itself, or to `TIMED_OUT`; leaves no timer behind. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | typeof TIMED_OUT> {
  const { promise, resolve } = Promise.withResolvers<typeof TIMED_OUT>();
  const timer = setTimeout(() => resolve(TIMED_OUT), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns what runs the handler as Lambda does: a context of its own for each invocation, a result that has been
 * through JSON, and an end when its time is up. What overruns cannot be killed inside one process; it is no longer
 * waited for, as after Lambda's own time-out nobody is.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 */
export function createInvoker(options: InvokerOptions): Invoker {
  const { handler, functionArn, timeoutMs, now } = options;
  const functionName = functionArn.split(':').at(-1) ?? '';
  const container = randomBytes(16).toString('hex');
  let active = 0;

  function contextFor(requestId: string, alias: string | undefined, version: string): LambdaContext {
    const deadlineMs = now() + timeoutMs;
    const day = new Date(now()).toISOString().slice(0, 10).replaceAll('-', '/');
    return {
      awsRequestId: requestId,
      functionName,
      functionVersion: version,
      invokedFunctionArn: alias === undefined ? functionArn : `${functionArn}:${alias}`,
      memoryLimitInMB: String(options.memoryMB),
      logGroupName: `/aws/lambda/${functionName}`,
      logStreamName: `${day}/[${version}]${container}`,
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, deadlineMs - now()),
    };
  }

  async function run(event: unknown, context: LambdaContext): Promise<string> {
    return JSON.stringify(await handler(event, context)) ?? 'null';
  }

  return async (event, alias) => {
    const requestId = randomUUID();
    if (active >= options.maxConcurrent) {
      return { kind: 'throttled', requestId };
    }
    const version = alias === undefined || alias === '$LATEST' ? '$LATEST' : '1';
    active += 1;
    try {
      const json = await within(timeoutMs, run(event, contextFor(requestId, alias, version)));
      if (json !== TIMED_OUT) {
        return { kind: 'returned', requestId, version, json };
      }
      const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
      return { kind: 'timed-out', requestId, version, errorType: 'Sandbox.Timedout', errorMessage };
    } catch (thrown) {
      return { kind: 'failed', requestId, version, ...describeThrown(thrown) };
    } finally {
      active -= 1;
    }
  };
}
