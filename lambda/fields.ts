/** The members of an object that has been parsed from outside and not judged yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Returns whether `value` is an object with members: no array, no `null`. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the members of `value`, none if it has none. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** Returns `value` if it is a string with something in it. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
