import type { InvocationContext } from '../lambda/handler.ts';

export const CALLER = 'arn:aws:sts::123456789012:assumed-role/reporter/monday';
export const FUNCTION_ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:vendor';

/** What the tests vary of an HTTP request. */
export type Request = {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly isBase64?: boolean;
  /** `null` for a request without an IAM identity. */
  readonly caller?: string | null;
};

/** Returns an event of an HTTP API or a function URL, payload 2.0. */
export function httpApiEvent(request: Request = {}) {
  const { method = 'GET', query = '', headers = {}, body, isBase64 = false, caller = CALLER } = request;
  return {
    version: '2.0',
    routeKey: `${method} /token`,
    rawPath: '/token',
    rawQueryString: query,
    headers,
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc',
      authorizer: caller === null ? undefined : { iam: { userArn: caller, accountId: '123456789012' } },
      http: { method, path: '/token', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: 'gateway-request',
      stage: '$default',
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: isBase64,
  };
}

/** Returns an event of a REST API, payload 1.0, which decodes the query itself. */
export function restApiEvent(request: Request = {}) {
  const {
    method = 'GET',
    query = '',
    headers = {},
    body = null,
    isBase64 = false,
    caller = CALLER,
  } = request;
  const parameters = new URLSearchParams(query);
  const names = [...new Set(parameters.keys())];
  return {
    resource: '/token',
    path: '/token',
    httpMethod: method,
    headers,
    queryStringParameters: names.length === 0 ? null : Object.fromEntries(parameters),
    multiValueQueryStringParameters:
      names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, parameters.getAll(name)])),
    requestContext: {
      accountId: '123456789012',
      identity: { userArn: caller, sourceIp: '192.0.2.1' },
      requestId: 'gateway-request',
      stage: 'prod',
    },
    body,
    isBase64Encoded: isBase64,
  };
}

let invocations = 0;

/** Returns the context of a new invocation by `alias`, with `timeMs` left for good. */
export function contextFor(alias: string | undefined, timeMs: number = 30_000): InvocationContext {
  invocations += 1;
  return {
    awsRequestId: `request-${invocations}`,
    invokedFunctionArn: alias === undefined ? FUNCTION_ARN : `${FUNCTION_ARN}:${alias}`,
    getRemainingTimeInMillis: () => timeMs,
  };
}
