const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * Returns text as one word for a POSIX shell, which nothing in it is special to.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02
 */
export function shellQuote(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
