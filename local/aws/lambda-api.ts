import { randomUUID } from 'node:crypto';
import { parseFunctionName } from '../../lambda/aws/function-name.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { Invoker, Outcome } from './invoker.ts';
import { headerValue, type ReceivedRequest } from './received-request.ts';
import { parseQuery } from './signed-request.ts';
import type { SignatureVerifier } from './sigv4.ts';

/** What every path of Lambda's API begins with. */
export const LAMBDA_API_PREFIX = '/2015-03-31/';

/** The largest payload of a synchronous invocation. */
export const LAMBDA_MAX_PAYLOAD_BYTES = 6_291_456;

export type LambdaApiOptions = {
  readonly invoke: Invoker;
  readonly verify: SignatureVerifier;
  readonly functionName: string;
  readonly region: string;
  readonly accountId: string;
  readonly aliases: readonly string[];
  readonly requireSignature: boolean;
  /** Hears how an asynchronous invocation ended, which no caller does. */
  readonly log: (line: string) => void;
};

/** Which of the function's versions is to run: an alias, or `undefined` for an unqualified invocation. */
type Target = { readonly alias: string | undefined };

const INVOCATIONS = /^\/2015-03-31\/functions\/([^/]{1,400})\/invocations\/?$/;

/** Returns an error as Lambda words it; clients find its name in the header. */
export function lambdaError(status: number, type: string, message: string): Answer {
  return jsonAnswer(
    status,
    { Type: status >= 500 ? 'Service' : 'User', message },
    { 'x-amzn-errortype': type, 'x-amzn-requestid': randomUUID() },
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** No payload is an empty object to the function. */
function parsePayload(body: Buffer): { readonly event: unknown } | Answer {
  try {
    return { event: body.length === 0 ? {} : JSON.parse(body.toString('utf8')) };
  } catch {
    // The parser's own message would repeat the payload.
    const message = 'Could not parse request body into json: Could not parse payload into json';
    return lambdaError(400, 'InvalidRequestContentException', message);
  }
}

function outcomeAnswer(outcome: Outcome): Answer {
  if (outcome.kind === 'throttled') {
    return lambdaError(429, 'TooManyRequestsException', 'Rate Exceeded.');
  }
  const headers = { 'x-amzn-requestid': outcome.requestId, 'x-amz-executed-version': outcome.version };
  if (outcome.kind === 'returned') {
    return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body: outcome.json };
  }
  const { errorType, errorMessage } = outcome;
  const trace = outcome.kind === 'failed' ? { trace: [] } : {};
  return jsonAnswer(
    200,
    { errorType, errorMessage, ...trace },
    { ...headers, 'x-amz-function-error': 'Unhandled' },
  );
}

/**
 * Returns Lambda's Invoke API in front of one function and its aliases: `RequestResponse`, `Event`
 * (which runs the function once; Lambda would try again twice) and `DryRun`.
 *
 * An error that the function throws is a 200 with `X-Amz-Function-Error`, and its `trace` is empty, so that nothing
 * of this machine is in it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function createLambdaApi(options: LambdaApiOptions): (request: ReceivedRequest) => Promise<Answer> {
  const { invoke, functionName, region, accountId, aliases } = options;

  async function authenticationFault(request: ReceivedRequest): Promise<Answer | undefined> {
    const verdict = await options.verify(request);
    switch (verdict.kind) {
      case 'verified':
        return undefined;
      case 'unsigned':
        return options.requireSignature
          ? lambdaError(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token')
          : undefined;
      case 'refused':
        return lambdaError(403, verdict.type, [verdict.message, verdict.hint].filter(Boolean).join(' / '));
    }
  }

  function findTarget(nameInPath: string, query: string): Target | Answer {
    const reference = parseFunctionName(decode(nameInPath));
    const named = parseQuery(query).Qualifier;
    if (reference === undefined || Array.isArray(named)) {
      return lambdaError(
        400,
        'InvalidParameterValueException',
        'The function name or qualifier is malformed.',
      );
    }
    if (reference.qualifier !== undefined && named !== undefined && named !== reference.qualifier) {
      const message = 'The derived qualifier from the function name does not match the specified qualifier.';
      return lambdaError(400, 'InvalidParameterValueException', message);
    }
    const alias = reference.qualifier ?? named;
    const isHere =
      reference.name === functionName &&
      (reference.region ?? region) === region &&
      (reference.accountId ?? accountId) === accountId;
    if (isHere && (alias === undefined || alias === '$LATEST' || aliases.includes(alias))) {
      return { alias };
    }
    const arn = `arn:aws:lambda:${region}:${accountId}:function:${reference.name}`;
    const qualified = alias === undefined ? arn : `${arn}:${alias}`;
    return lambdaError(404, 'ResourceNotFoundException', `Function not found: ${qualified}`);
  }

  async function runAside(event: unknown, alias: string | undefined): Promise<void> {
    const outcome = await invoke(event, alias);
    if (outcome.kind !== 'returned') {
      options.log(`asynchronous invocation ${outcome.requestId}: ${outcome.kind}`);
    }
  }

  async function run(type: string, event: unknown, alias: string | undefined): Promise<Answer> {
    const headers = { 'x-amzn-requestid': randomUUID() };
    switch (type) {
      case 'RequestResponse':
        return outcomeAnswer(await invoke(event, alias));
      case 'Event':
        void runAside(event, alias);
        return { status: 202, headers, body: '' };
      case 'DryRun':
        return { status: 204, headers, body: '' };
      default:
        return lambdaError(
          400,
          'InvalidParameterValueException',
          'X-Amz-Invocation-Type must be RequestResponse, Event or DryRun.',
        );
    }
  }

  return async (request) => {
    const refusal = await authenticationFault(request);
    if (refusal !== undefined) {
      return refusal;
    }
    const name = INVOCATIONS.exec(request.path)?.[1];
    if (name === undefined || request.method !== 'POST') {
      return lambdaError(404, 'UnknownOperationException', 'Only Invoke is to be had here.');
    }
    const target = findTarget(name, request.query);
    if ('status' in target) {
      return target;
    }
    const payload = parsePayload(request.body);
    const type = headerValue(request.headers, 'x-amz-invocation-type') ?? 'RequestResponse';
    return 'status' in payload ? payload : run(type, payload.event, target.alias);
  };
}
