import { VendError } from './errors.ts';

/** A parameter as it came: its name, and its value as far as the door's format tells. */
export type Parameter = readonly [name: string, value: unknown];

/** How a request came in, which is also how its answer has to leave. */
export type Door = {
  readonly kind: 'http-api' | 'rest-api' | 'direct';
  /** The ARN of the caller as API Gateway authenticated it; a direct invocation carries none. */
  readonly caller: string | undefined;
  /** Returns what was asked, unjudged. @throws {VendError} `invalid_request` if the format is broken */
  readonly parameters: () => readonly Parameter[];
};

type Fields = Readonly<Record<string, unknown>>;

/** What the two kinds of API Gateway event have in common. */
type HttpMessage = {
  readonly method: unknown;
  readonly headers: Fields;
  readonly body: unknown;
  readonly isBase64: boolean;
  readonly query: () => readonly Parameter[];
};

const MAX_BODY_LENGTH = 65_536;
/** IAM's own limit. What is longer was written by somebody else, and would fill the log. */
const MAX_ARN_LENGTH = 2_048;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function callerOf(identity: unknown): string | undefined {
  const userArn = textOf(fieldsOf(identity).userArn);
  return userArn !== undefined && userArn.length <= MAX_ARN_LENGTH ? userArn : undefined;
}

function invalid(message: string): VendError {
  return new VendError('invalid_request', message);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalid('A parameter is not percent-encoded UTF-8; encode it, as in audience=https%3A%2F%2F…');
  }
}

/** @see https://url.spec.whatwg.org/#application/x-www-form-urlencoded, but a broken escape is refused, not passed on */
function parseUrlEncoded(text: string): readonly Parameter[] {
  const pairs = text.split('&').filter((pair) => pair !== '');
  return pairs.map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [decode(name), decode(value.join('='))];
  });
}

/** `JSON.parse` keeps the last of two equal names and says nothing, so the names are counted in the text. */
function refuseRepeatedNames(json: string, names: readonly string[]): void {
  const written = [...json.matchAll(/"(?:[^"\\]|\\.)*"\s*(:?)/g)].filter(([, colon]) => colon === ':');
  if (written.length > names.length) {
    throw invalid('The JSON body repeats a name or holds an object; each parameter may be there once.');
  }
}

function parseJsonBody(text: string): readonly Parameter[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalid('The body is not JSON, although its content type says so.');
  }
  if (!isFields(body)) {
    throw invalid('The JSON body must be an object, such as {"audience": "https://…"}.');
  }
  refuseRepeatedNames(text, Object.keys(body));
  return Object.entries(body);
}

function decodeBody({ body, isBase64 }: HttpMessage): string {
  if (body === undefined || body === null) {
    return '';
  }
  if (typeof body !== 'string' || body.length > MAX_BODY_LENGTH) {
    throw invalid(`The body must be text of at most ${MAX_BODY_LENGTH} characters.`);
  }
  if (!isBase64) {
    return body;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64'));
  } catch {
    throw invalid('The body is not UTF-8 text.');
  }
}

function contentType(headers: Fields): string {
  const header = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return typeof header === 'string' ? (header.split(';')[0] ?? '').trim().toLowerCase() : '';
}

function parsePost(message: HttpMessage): readonly Parameter[] {
  if (message.query().length > 0) {
    throw invalid('A POST takes its parameters in the body; the query string must be empty.');
  }
  const body = decodeBody(message);
  if (body.trim() === '') {
    return [];
  }
  switch (contentType(message.headers)) {
    case 'application/json':
      return parseJsonBody(body);
    case 'application/x-www-form-urlencoded':
      return parseUrlEncoded(body);
    default:
      throw invalid('The body must be application/json or application/x-www-form-urlencoded.');
  }
}

function parseGet(message: HttpMessage): readonly Parameter[] {
  if (textOf(message.body) !== undefined) {
    throw invalid('A GET takes its parameters in the query string; the body must be empty.');
  }
  return message.query();
}

function parseHttp(message: HttpMessage): readonly Parameter[] {
  switch (message.method) {
    case 'GET':
      return parseGet(message);
    case 'POST':
      return parsePost(message);
    default:
      throw invalid('The method must be GET or POST.');
  }
}

/** A REST API decodes the query itself; each name has the list of its values. */
function restQuery(event: Fields): readonly Parameter[] {
  const lists = Object.entries(fieldsOf(event.multiValueQueryStringParameters));
  if (lists.length === 0) {
    return Object.entries(fieldsOf(event.queryStringParameters));
  }
  return lists.flatMap(([name, values]) =>
    Array.isArray(values) ? values.map((value): Parameter => [name, value]) : [[name, values] as const],
  );
}

function httpApiDoor(event: Fields, requestContext: Fields, http: Fields): Door {
  const message: HttpMessage = {
    method: http.method,
    headers: fieldsOf(event.headers),
    body: event.body,
    isBase64: event.isBase64Encoded === true,
    query: () => parseUrlEncoded(textOf(event.rawQueryString) ?? ''),
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
  return parseHttp(message);
}

function directDoor(event: unknown): Door {
  return {
    kind: 'direct',
    caller: undefined,
    parameters: () => {
      if (!isFields(event)) {
        throw invalid('The event must be an object, such as {"audience": "https://…"} or {"scopes": ["…"]}.');
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
