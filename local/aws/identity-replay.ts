import type { ReceivedRequest } from './received-request.ts';

/** Who signed a request, as STS knows it. */
export type CallerIdentity = { readonly arn: string; readonly account: string; readonly userId: string };

/** Why no caller was found: STS's own code (`SignatureDoesNotMatch`, …), or `InvalidSubjectToken` before it was asked. */
export type IdentityRefusal = { readonly kind: 'refused'; readonly type: string; readonly message: string };

type Fields = Readonly<Record<string, unknown>>;
type Header = readonly [name: string, value: string];

const QUERY = 'Action=GetCallerIdentity&Version=2011-06-15';
const MAX_HEADERS = 50;
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function refuse(message: string, type = 'InvalidSubjectToken'): IdentityRefusal {
  return { kind: 'refused', type, message };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The token as Google gets it is percent-encoded; what has been decoded, or parsed, is taken as well. */
function parseToken(token: unknown): unknown {
  if (typeof token !== 'string') {
    return token;
  }
  try {
    return JSON.parse(token.startsWith('{') ? token : decodeURIComponent(token));
  } catch {
    return undefined;
  }
}

function parseHeader(key: unknown, value: unknown): readonly Header[] {
  const isSound =
    typeof key === 'string' && typeof value === 'string' && HEADER_NAME.test(key) && HEADER_VALUE.test(value);
  return isSound ? [[key.toLowerCase(), value]] : [];
}

/** A list of `{key, value}`, or an object of names and values. */
function parseHeaders(given: unknown): readonly Header[] | undefined {
  const list = isFields(given) ? Object.entries(given).map(([key, value]) => ({ key, value })) : given;
  if (!Array.isArray(list) || list.length > MAX_HEADERS) {
    return undefined;
  }
  const headers = list.flatMap((item: unknown) => (isFields(item) ? parseHeader(item.key, item.value) : []));
  const names = new Set(headers.map(([name]) => name));
  return headers.length === list.length && names.size === list.length ? headers : undefined;
}

/** Google sends the request where it says, so it must say STS of a region, and nothing but who is calling. */
function parseUrl(text: unknown, host: string): URL | string {
  const url = typeof text === 'string' ? URL.parse(text) : null;
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    return 'url must be an https URL.';
  }
  if (url.host !== host) {
    return `url must name ${host}, not ${url.host}.`;
  }
  const sorted = url.search.slice(1).split('&').sort().join('&');
  return url.pathname === '/' && sorted === QUERY && url.hash === ''
    ? url
    : `url must have no path and the query ${QUERY}.`;
}

/**
 * Returns the request that Google sends to STS for an AWS subject token, or why it sends none. The signature is left
 * to STS; `x-goog-cloud-target-resource` may be among the signed headers or beside them.
 *
 * @param token `{url, method, headers: [{key, value}]}`: percent-encoded JSON, JSON, or the object itself, whose
 *   headers may be a record
 * @see https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token#request-body
 */
export function identityRequest(token: unknown, host: string): ReceivedRequest | IdentityRefusal {
  const request = parseToken(token);
  if (!isFields(request)) {
    return refuse('The subject token must be a percent-encoded JSON object.');
  }
  const url = parseUrl(request.url, host);
  if (typeof url === 'string') {
    return refuse(url);
  }
  if (request.method !== 'POST') {
    return refuse('method must be POST.');
  }
  const headers = parseHeaders(request.headers);
  if (headers === undefined) {
    return refuse('headers must be a list of {key, value}, each key once.');
  }
  const values = new Map(headers);
  if (values.get('host') !== host || !values.has('authorization') || !values.has('x-amz-date')) {
    return refuse(`headers must have host (${host}), authorization and x-amz-date.`);
  }
  return {
    method: 'POST',
    path: '/',
    query: url.search.slice(1),
    protocol: 'HTTP/1.1',
    sourceIp: '127.0.0.1',
    headers: {
      ...Object.fromEntries(headers.map(([name, value]) => [name, [value]])),
      accept: ['application/json'],
    },
    body: Buffer.alloc(0),
  };
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Returns what STS's JSON answer says: the caller, or STS's own refusal. */
export function identityOf(body: string): CallerIdentity | IdentityRefusal {
  const parsed = parseBody(body);
  const { GetCallerIdentityResponse: response, Error: error } = isFields(parsed) ? parsed : {};
  const result =
    isFields(response) && isFields(response.GetCallerIdentityResult) ? response.GetCallerIdentityResult : {};
  const { Arn: arn, Account: account, UserId: userId } = result;
  if (typeof arn === 'string' && typeof account === 'string' && typeof userId === 'string') {
    return { arn, account, userId };
  }
  const { Code: code, Message: message } = isFields(error) ? error : {};
  return typeof code === 'string' && typeof message === 'string'
    ? refuse(message, code)
    : refuse('STS gave no answer that says who is calling.', 'ServiceUnavailable');
}
