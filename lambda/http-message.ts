import { VendError } from './errors.ts';
import { type Fields, isFields, textOf } from './fields.ts';

/** A parameter as it came: its name, and its value as far as the door's format tells. */
export type Parameter = readonly [name: string, value: unknown];

/** What the two kinds of API Gateway event have in common. */
export type HttpMessage = {
  readonly method: unknown;
  readonly headers: Fields;
  readonly body: unknown;
  readonly isBase64: boolean;
  readonly query: () => readonly Parameter[];
};

const MAX_TEXT_LENGTH = 65_536;

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

/**
 * Returns the pairs of a query string or a form. A broken escape is refused, where browsers would pass it on.
 *
 * @throws {VendError} `invalid_request`
 * @see https://url.spec.whatwg.org/#application/x-www-form-urlencoded
 */
export function parseUrlEncoded(text: string): readonly Parameter[] {
  if (text.length > MAX_TEXT_LENGTH) {
    throw invalid(`The parameters must be text of at most ${MAX_TEXT_LENGTH} characters.`);
  }
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
  if (typeof body !== 'string' || body.length > MAX_TEXT_LENGTH) {
    throw invalid(`The body must be text of at most ${MAX_TEXT_LENGTH} characters.`);
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

/**
 * Returns the parameters of a message, unjudged: those of the query of a GET, those of the body of a POST.
 *
 * @throws {VendError} `invalid_request` if there is more than one place for them, or its format is broken
 */
export function parseHttpMessage(message: HttpMessage): readonly Parameter[] {
  switch (message.method) {
    case 'GET':
      return parseGet(message);
    case 'POST':
      return parsePost(message);
    default:
      throw invalid('The method must be GET or POST.');
  }
}
