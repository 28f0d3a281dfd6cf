import { type Fields, fieldsOf, isFields } from '../fields.ts';
import { type Parameter, parseUrlEncoded } from '../http-message.ts';
import { type ClientCredentials, clientCredentials } from './client-credentials.ts';
import { OAuthRefusal } from './oauth-refusal.ts';

/** A token request that is well-formed, and nothing more. */
export type OAuthRequest = {
  readonly credentials: ClientCredentials;
  readonly grantType: string | undefined;
  readonly scope: string | undefined;
  readonly audience: string | undefined;
};

const MAX_BODY_LENGTH = 8_192;
const MAX_PARAMETERS = 32;
const FORM = /^application\/x-www-form-urlencoded[\t ]*(?:;[\t ]*(?:charset=(?:utf-8|"utf-8")[\t ]*)?)*$/i;
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

function invalid(message: string): OAuthRefusal {
  return new OAuthRefusal('invalid_request', message);
}

/** API Gateway writes each name once and in small letters; what does not is no event of its making. */
function readHeaders(headers: unknown): Fields {
  const entries = Object.entries(fieldsOf(headers)).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  const named = new Map(entries);
  if (named.size < entries.length) {
    throw invalid('A header is there twice.');
  }
  return Object.fromEntries(named);
}

function readBody(event: Fields): string {
  const { body, isBase64Encoded } = event;
  if (typeof body !== 'string' || body.length > MAX_BODY_LENGTH) {
    throw invalid(`The body must be a form of at most ${MAX_BODY_LENGTH} characters.`);
  }
  if (isBase64Encoded !== true) {
    return body;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64'));
  } catch {
    throw invalid('The body is not UTF-8 text.');
  }
}

function parsePairs(text: string): readonly Parameter[] {
  try {
    return parseUrlEncoded(text);
  } catch {
    throw invalid('The body is not percent-encoded UTF-8.');
  }
}

/** A parameter without a value is one that was not sent; those that are not known are ignored (RFC 6749, section 3.2). */
function parseForm(text: string): ReadonlyMap<string, string> {
  const pairs = parsePairs(text);
  const names = new Set(pairs.map(([name]) => name));
  if (pairs.length > MAX_PARAMETERS || names.size < pairs.length) {
    throw invalid(`Each parameter may be there once, and there may be ${MAX_PARAMETERS}.`);
  }
  const form = new Map(pairs.map(([name, value]) => [name, String(value)] as const));
  if ([...form.values()].some((value) => CONTROL.test(value))) {
    throw invalid('A parameter has a control character in it.');
  }
  return new Map([...form].filter(([, value]) => value !== ''));
}

/** A secret in a URL ends up in logs, so nothing at all is taken from there. */
function refuseQuery({ rawQueryString, queryStringParameters }: Fields): void {
  if ((rawQueryString ?? '') !== '' || Object.keys(fieldsOf(queryStringParameters)).length > 0) {
    throw invalid('All parameters belong into the body; the query string must be empty.');
  }
}

/**
 * Returns the token request of an HTTP API's event: a POST of a form, with nothing in its query.
 *
 * @throws {OAuthRefusal} `invalid_request` for everything else, before anything is looked up
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4.2
 */
export function parseTokenRequest(event: unknown): OAuthRequest {
  const fields = fieldsOf(event);
  const { http } = fieldsOf(fields.requestContext);
  if (!isFields(http) || http.method !== 'POST') {
    throw invalid('A token is asked for with a POST.');
  }
  refuseQuery(fields);
  const headers = readHeaders(fields.headers);
  if (typeof headers['content-type'] !== 'string' || !FORM.test(headers['content-type'].trim())) {
    throw invalid('The body must be application/x-www-form-urlencoded.');
  }
  const form = parseForm(readBody(fields));
  return {
    credentials: clientCredentials(headers, form),
    grantType: form.get('grant_type'),
    scope: form.get('scope'),
    audience: form.get('audience'),
  };
}
