const SEPARATORS = /[\s,+]+/;

/** Returns the scopes of a request, parted by commas as clients send them; none for all that the account has. */
export function parseScopesParameter(text: string | undefined): readonly string[] {
  return (text ?? '').split(SEPARATORS).filter((scope) => scope !== '');
}
