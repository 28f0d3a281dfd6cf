const EMAIL = /^[a-z0-9][a-z0-9._-]{0,62}@(?:[a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{0,62}$/;

/** Returns whether `text` is the e-mail address of a service account, which Google writes in lower case. */
export function isServiceAccountEmail(text: unknown): text is string {
  return typeof text === 'string' && EMAIL.test(text);
}
