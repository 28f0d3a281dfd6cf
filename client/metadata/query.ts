import { MetadataFault } from './metadata-fault.ts';

/** The parameters of a request, each as often as it was given. */
export type Query = ReadonlyMap<string, readonly string[]>;

/** What was asked for: the parts of the path, decoded, of which the last is empty for a path that ends with a slash. */
export type Target = { readonly path: string; readonly segments: readonly string[]; readonly query: Query };

/** An audience that came unencoded may hold a `%` that is no escape, and a `+` in it is one. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseQuery(text: string): Query {
  const query = new Map<string, string[]>();
  for (const pair of text.split('&')) {
    const [name = '', ...value] = pair.split('=');
    const values = query.get(decode(name)) ?? [];
    query.set(decode(name), [...values, decode(value.join('='))]);
  }
  return query;
}

/**
 * Returns what the target of a request asks for. Values may be unencoded: Google's own clients send audiences so.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1 the origin form, the only one that is taken
 */
export function parseTarget(url: string): Target {
  const start = url.indexOf('?');
  const path = start < 0 ? url : url.slice(0, start);
  return {
    path,
    segments: path.slice(1).split('/').map(decode),
    query: parseQuery(start < 0 ? '' : url.slice(start + 1)),
  };
}

/**
 * Returns the value of a parameter, or `undefined`.
 *
 * @throws {MetadataFault} 400 if it is there more than once: two readers could take two different ones
 */
export function parameter(query: Query, name: string): string | undefined {
  const values = query.get(name) ?? [];
  if (values.length > 1) {
    throw new MetadataFault(400, `The parameter ${name} is given ${values.length} times; give it once.`);
  }
  return values[0];
}

/** Returns whether a parameter says yes, in whatever case. */
export function isTrue(query: Query, name: string): boolean {
  return parameter(query, name)?.toLowerCase() === 'true';
}
