import { randomUUID } from 'node:crypto';
import type { Answer } from './answer.ts';
import { isFault, type JsonFault } from './json-fault.ts';
import { headerValue, type ReceivedHeaders, type ReceivedRequest } from './received-request.ts';
import { type StandIn, startStandIn } from './stand-in.ts';

/** The JSON of a request or an answer. */
export type JsonFields = Readonly<Record<string, unknown>>;

/** An action of the service; its result is the JSON of the answer. */
export type JsonAction = (input: JsonFields) => JsonFields | JsonFault | Promise<JsonFields | JsonFault>;

export type JsonApiOptions<Subject> = {
  /** 0 for any that is free. */
  readonly port: number;
  /** As credential scopes name it: `kms`, `secretsmanager`. */
  readonly service: string;
  /** What stands before the action in `X-Amz-Target`, without the dot. */
  readonly targetPrefix: string;
  readonly actions: ReadonlyMap<string, JsonAction>;
  /** What tests may know of a request beside its action: nothing of it may be a secret. */
  readonly subject: (input: JsonFields | undefined) => Subject;
  /** The error's name for what is refused before it is read. */
  readonly unreadable: string;
};

/** Returns a JSON 1.1 answer, with a request's id as AWS gives to each. */
export function amzJson(status: number, value: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
    body: JSON.stringify(value),
  };
}

/** Returns an error as the JSON services of AWS send it: its name, and its message in both of the spellings. */
export function amzJsonError(type: string, message: string, status = 400): Answer {
  return amzJson(status, { __type: type, message, Message: message });
}

/** Returns the text that a request has under `name`, or `undefined` for anything else. */
export function textField(input: JsonFields | undefined, name: string): string | undefined {
  const value = input?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** The key is not checked, but no real client comes without a signature, and none of the product's may. */
function authenticationFault(headers: ReceivedHeaders, signed: RegExp): Answer | undefined {
  const authorization = headerValue(headers, 'authorization');
  if (authorization === undefined) {
    return amzJsonError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  return signed.test(authorization) && headers['x-amz-date'] !== undefined
    ? undefined
    : amzJsonError('UnrecognizedClientException', 'The security token included in the request is invalid.');
}

function parseInput(body: Buffer): JsonFields | undefined {
  try {
    const input: unknown = JSON.parse(body.toString('utf8'));
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input } : undefined;
  } catch {
    return undefined;
  }
}

async function act(perform: JsonAction | undefined, action: string, input: JsonFields | undefined) {
  if (perform === undefined) {
    return amzJsonError('UnknownOperationException', `${action || 'No action'} is not to be had here.`);
  }
  if (input === undefined) {
    return amzJsonError('SerializationException', 'The body must be a JSON object.');
  }
  const result = await perform(input);
  return isFault(result) ? amzJsonError(result.fault, result.message) : amzJson(200, result);
}

/**
 * Starts a service of AWS that speaks the JSON 1.1 protocol on loopback, as the SDKs and the AWS CLI speak it. It
 * wants each request signed, but does not verify by which key.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function startJsonApi<Subject extends object>(
  options: JsonApiOptions<Subject>,
): Promise<StandIn<{ readonly action: string } & Subject>> {
  const { actions, service, targetPrefix } = options;
  const signed = new RegExp(
    `^AWS4-HMAC-SHA256 Credential=[^/,\\s]+/\\d{8}/[a-z0-9-]+/${service}/aws4_request, ?SignedHeaders=[a-z0-9;_-]+, ?Signature=[0-9a-f]{64}$`,
  );

  function actionOf({ headers }: ReceivedRequest): string {
    const target = headerValue(headers, 'x-amz-target') ?? '';
    return target.startsWith(`${targetPrefix}.`) ? target.slice(targetPrefix.length + 1) : target;
  }

  return startStandIn({
    port: options.port,
    see: (request) => ({ action: actionOf(request), ...options.subject(parseInput(request.body)) }),
    serve: async (request) => {
      const action = actionOf(request);
      return (
        authenticationFault(request.headers, signed) ??
        (await act(actions.get(action), action, parseInput(request.body)))
      );
    },
    refuse: (message) => amzJsonError(options.unreadable, message),
  });
}
