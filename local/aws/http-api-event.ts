import { randomBytes } from 'node:crypto';
import type { IamIdentity } from './principal.ts';
import { headerValue, type ReceivedRequest } from './received-request.ts';
import { parseQuery } from './signed-request.ts';

/** The event that an HTTP API hands to its function, payload format 2.0. */
export type HttpApiEvent = {
  readonly version: '2.0';
  readonly routeKey: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly accountId: string;
    readonly apiId: string;
    /** Not there on a route without an authorizer. */
    readonly authorizer?: { readonly iam: IamIdentity };
    readonly domainName: string;
    readonly domainPrefix: string;
    readonly http: {
      readonly method: string;
      readonly path: string;
      readonly protocol: string;
      readonly sourceIp: string;
      readonly userAgent: string;
    };
    readonly requestId: string;
    readonly routeKey: string;
    readonly stage: '$default';
    /** `12/Mar/2026:19:03:58 +0000` */
    readonly time: string;
    /** Milliseconds since the epoch. */
    readonly timeEpoch: number;
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
};

/** What the event says beside the request itself. */
export type EventSetting = {
  readonly routeKey: string;
  /** Who IAM says the caller is; nobody on a route without an authorizer. */
  readonly identity: IamIdentity | undefined;
  readonly accountId: string;
  readonly region: string;
  readonly nowMs: number;
};

const API_ID = 'local00000';
const TEXT_TYPE = /^(?:text\/.+|application\/(?:json|javascript|xml|.+\+json|.+\+xml))$/;

/** Returns the time in the common log format, in UTC. */
function logTime(ms: number): string {
  const [, day, month, year, time] = new Date(ms).toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}

function eventHeaders({ headers }: ReceivedRequest): Record<string, string> {
  const names = Object.keys(headers).filter((name) => name !== 'cookie');
  return Object.fromEntries(names.map((name) => [name, headerValue(headers, name) ?? '']));
}

function eventCookies({ headers }: ReceivedRequest): { cookies?: readonly string[] } {
  const cookies = headers.cookie?.flatMap((line) => line.split(';')).map((cookie) => cookie.trim());
  return cookies === undefined ? {} : { cookies };
}

function eventQuery({ query }: ReceivedRequest): Pick<HttpApiEvent, 'queryStringParameters'> {
  const parameters = Object.entries(parseQuery(query)).map(([name, value]) => [
    name,
    [value].flat().join(','),
  ]);
  return parameters.length === 0 ? {} : { queryStringParameters: Object.fromEntries(parameters) };
}

/** API Gateway passes text as it is and everything else, forms included, as base64. */
function eventBody({ headers, body }: ReceivedRequest): Pick<HttpApiEvent, 'body' | 'isBase64Encoded'> {
  if (body.length === 0) {
    return { isBase64Encoded: false };
  }
  const type = (headerValue(headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const isText = TEXT_TYPE.test(type) && headers['content-encoding'] === undefined;
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}

/**
 * Returns the event for a request, as API Gateway makes it: names of headers in lower case, repeats joined by
 * commas, cookies apart, path and query also as they were sent.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function httpApiEvent(request: ReceivedRequest, setting: EventSetting): HttpApiEvent {
  const { routeKey, nowMs } = setting;
  return {
    version: '2.0',
    routeKey,
    rawPath: request.path,
    rawQueryString: request.query,
    ...eventCookies(request),
    headers: eventHeaders(request),
    ...eventQuery(request),
    requestContext: {
      accountId: setting.accountId,
      apiId: API_ID,
      ...(setting.identity && { authorizer: { iam: setting.identity } }),
      domainName: `${API_ID}.execute-api.${setting.region}.amazonaws.com`,
      domainPrefix: API_ID,
      http: {
        method: request.method,
        path: request.path,
        protocol: request.protocol,
        sourceIp: request.sourceIp,
        userAgent: headerValue(request.headers, 'user-agent') ?? '',
      },
      requestId: randomBytes(11).toString('base64'),
      routeKey,
      stage: '$default',
      time: logTime(nowMs),
      timeEpoch: nowMs,
    },
    ...eventBody(request),
  };
}
