import { VendError } from './errors.ts';
import { type Fields, fieldsOf, isFields, textOf } from './fields.ts';
import { type HttpMessage, type Parameter, parseHttpMessage, parseUrlEncoded } from './http-message.ts';

/** How a request came in, which is also how its answer has to leave. */
export type Door = {
  readonly kind: 'http-api' | 'rest-api' | 'direct';
  /** The ARN of the caller as API Gateway authenticated it; a direct invocation carries none. */
  readonly caller: string | undefined;
  /** Returns what was asked, unjudged. @throws {VendError} `invalid_request` if the format is broken */
  readonly parameters: () => readonly Parameter[];
};

/** IAM's own limit. What is longer was written by somebody else, and would fill the log. */
const MAX_ARN_LENGTH = 2_048;

function callerOf(identity: unknown): string | undefined {
  const userArn = textOf(fieldsOf(identity).userArn);
  return userArn !== undefined && userArn.length <= MAX_ARN_LENGTH ? userArn : undefined;
}

function malformed(): VendError {
  return new VendError('invalid_request', 'The query is not as API Gateway writes it.');
}

function membersOf(value: unknown): readonly Parameter[] {
  if (value !== undefined && value !== null && !isFields(value)) {
    throw malformed();
  }
  return Object.entries(value ?? {});
}

/** A REST API decodes the query itself; each name has the list of its values. */
function restQuery(event: Fields): readonly Parameter[] {
  const lists = membersOf(event.multiValueQueryStringParameters);
  const single = membersOf(event.queryStringParameters);
  return lists.length === 0 ? single : lists.flatMap(([name, values]) => eachOf(name, values));
}

function eachOf(name: string, values: unknown): readonly Parameter[] {
  if (!Array.isArray(values) || values.length === 0) {
    throw malformed();
  }
  return values.map((value): Parameter => [name, value]);
}

function httpQuery(event: Fields): readonly Parameter[] {
  const { rawQueryString } = event;
  if (rawQueryString !== undefined && rawQueryString !== null && typeof rawQueryString !== 'string') {
    throw malformed();
  }
  return parseUrlEncoded(rawQueryString ?? '');
}

function httpApiDoor(event: Fields, requestContext: Fields, http: Fields): Door {
  const message: HttpMessage = {
    method: http.method,
    headers: fieldsOf(event.headers),
    body: event.body,
    isBase64: event.isBase64Encoded === true,
    query: () => httpQuery(event),
  };
  const caller = callerOf(fieldsOf(requestContext.authorizer).iam);
  return { kind: 'http-api', caller, parameters: () => authenticated(caller, message) };
}

function restApiDoor(event: Fields, requestContext: Fields): Door {
  const message: HttpMessage = {
    method: event.httpMethod,
    headers: fieldsOf(event.headers),
    body: event.body,
    isBase64: event.isBase64Encoded === true,
    query: () => restQuery(event),
  };
  const caller = callerOf(requestContext.identity);
  return { kind: 'rest-api', caller, parameters: () => authenticated(caller, message) };
}

/** A route or function URL that someone left open must not become a token dispenser for the whole internet. */
function authenticated(caller: string | undefined, message: HttpMessage): readonly Parameter[] {
  if (caller === undefined) {
    throw new VendError(
      'access_denied',
      'The request carries no IAM identity: its route or function URL must use IAM authorization (AWS_IAM).',
    );
  }
  return parseHttpMessage(message);
}

function directDoor(event: unknown): Door {
  return {
    kind: 'direct',
    caller: undefined,
    parameters: () => {
      if (!isFields(event)) {
        throw new VendError(
          'invalid_request',
          'The event must be an object, such as {"audience": "https://…"} or {"scopes": ["…"]}.',
        );
      }
      return Object.entries(event);
    },
  };
}

/**
 * Returns the door that an event came through: an HTTP API or function URL (payload 2.0), a REST API (payload 1.0),
 * or, for everything else, Step Functions and direct invocation. Never throws: what is wrong with the event is said
 * when its parameters are read, so that it is said in the door's own way.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
 */
export function openDoor(event: unknown): Door {
  const fields = fieldsOf(event);
  const requestContext = fields.requestContext;
  if (!isFields(requestContext)) {
    return directDoor(event);
  }
  if (isFields(requestContext.http)) {
    return httpApiDoor(fields, requestContext, requestContext.http);
  }
  return fields.httpMethod === undefined ? directDoor(event) : restApiDoor(fields, requestContext);
}
