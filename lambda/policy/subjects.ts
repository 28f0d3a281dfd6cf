const LOCAL_PART = "(?=[^@]{1,64}@)[a-z0-9_'+-]+(?:\\.[a-z0-9_'+-]+)*";
const DOMAIN = '(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?';
const SUBJECT = new RegExp(`^${LOCAL_PART}@${DOMAIN}$`);
const MAX_LENGTH = 254;

/** Decides whether a user may be acted for. */
export type SubjectPolicy = (subject: string) => boolean;

/**
 * Returns whether `text` is the e-mail address of a user in its one spelling here: lower-case, as Google Workspace
 * shows it.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#delegatingauthority
 * @see https://support.google.com/a/answer/9193374
 */
export function isSubject(text: string): boolean {
  return text.length <= MAX_LENGTH && SUBJECT.test(text);
}

/**
 * Returns what is wrong with a subject pattern of a profile, or `undefined` for a good one: an address, or one with a
 * `*` before its `@` for one or more characters other than `+`. Its domain is always exact.
 */
export function subjectPatternFault(pattern: string): string | undefined {
  return isSubject(pattern.replace(/^([^@*]*)\*/, '$1x'))
    ? undefined
    : 'is no e-mail address in lower case; one `*` may stand before the @ (robot-*@example.com, *@example.com)';
}

/** What stands behind a `+` is not a part of whose mailbox it is: `*-robot` is not to admit `ceo+x-robot`. */
function compilePattern(pattern: string): RegExp {
  const literal = pattern.replace(/[.+]/g, '\\$&').replace('*', "[a-z0-9._'-]+");
  return new RegExp(`^${literal}$`);
}

/** Returns the policy that admits exactly the addresses which one of `patterns` matches; a faulty pattern admits nobody. */
export function compileSubjects(patterns: readonly string[]): SubjectPolicy {
  const sound = patterns.filter((pattern) => subjectPatternFault(pattern) === undefined);
  const exact = new Set(sound.filter((pattern) => !pattern.includes('*')));
  const compiled = sound.filter((pattern) => pattern.includes('*')).map(compilePattern);
  return (subject) =>
    isSubject(subject) && (exact.has(subject) || compiled.some((pattern) => pattern.test(subject)));
}
