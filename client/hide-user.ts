/** Up to the last `@`: whoever writes a URL wrongly does not encode its password either. */
const USER = /^([a-z][a-z0-9+.-]*:)?(\/\/)?.*@/is;

/** Returns a text that should have been a URL as it may be shown: without what may be a user and a password in it. */
export function hideUser(text: string): string {
  return text.replace(USER, '$1$2[redacted]@');
}
