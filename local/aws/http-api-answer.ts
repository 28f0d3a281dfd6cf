import type { Answer } from './answer.ts';

type Fields = Readonly<Record<string, unknown>>;

const OWNED_BY_HTTP = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade']);

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function answerHeaders(headers: Fields): Record<string, string> | undefined {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const isSound = entries.every(
    ([name, value]) =>
      isScalar(value) && /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && !/[^\t\x20-\x7e\x80-\xff]/.test(`${value}`),
  );
  return isSound
    ? Object.fromEntries(
        entries.filter(([name]) => !OWNED_BY_HTTP.has(name)).map(([name, value]) => [name, `${value}`]),
      )
    : undefined;
}

function isStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599;
}

function isCookies(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.every((cookie) => typeof cookie === 'string' && /^[\x20-\x7e]*$/.test(cookie))
  );
}

/**
 * Returns the HTTP answer that API Gateway makes of what a function returned, in payload format 2.0, or `undefined`
 * for something that it cannot make one of. A result without a `statusCode` is the body of a 200, as JSON.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.response
 */
export function httpApiAnswer(result: unknown): Answer | undefined {
  if (!isFields(result) || result.statusCode === undefined) {
    const body = typeof result === 'string' ? result : JSON.stringify(result);
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const { statusCode, body = '', cookies = [] } = result;
  const headers = answerHeaders(isFields(result.headers) ? result.headers : {});
  if (!isStatus(statusCode) || headers === undefined || typeof body !== 'string' || !isCookies(cookies)) {
    return undefined;
  }
  return {
    status: statusCode,
    headers: {
      'content-type': 'text/plain;charset=UTF-8',
      ...headers,
      ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
    },
    body: result.isBase64Encoded === true ? Buffer.from(body, 'base64') : body,
  };
}
