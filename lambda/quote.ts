const MAX_LENGTH = 120;
const SECRETS =
  /eyJ[\w-]{8,}[\w.-]*|ya29\.[\w.-]*|-----BEGIN[\s\S]*|A[KS]IA[A-Z0-9]{12,}|1\/\/[\w-]{10,}|GOCSPX-[\w-]+|AIza[\w-]{20,}/g;
/** AWS's session tokens, and a signed request as Google's subject token carries it, encoded once or twice. */
const AWS_SECRETS = /(?:IQoJ|F[wQ]oG)[\w+/=%-]{16,}|%(?:25)?7B%(?:25)?22[\w.~%!*'()-]{8,}/gi;
/** What stands behind these names is a secret of whatever form. */
const NAMED_SECRETS =
  /"?x-amz-security-token(?:"?[:=]\s?"?|",\s?"value":\s?")[\w+/=%-]+|"?(?:x-amz-)?signature"?[:=]\s?"?[\w+/=%-]{16,}/gi;
/** As long as an AWS secret key or a line of a PEM block, and as nothing that belongs into a request. */
const LONG_RANDOM = /[A-Za-z0-9+/]{40,}={0,2}/g;
/** What `JSON.stringify` lets through, and a terminal or a reader would act on: C1, line ends, directions. */
const UNSEEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Returns `text` without what looks like a token or a key: for messages that others than we have written. */
export function redact(text: string): string {
  // First what has others inside it: without its middle it would not be known.
  return text
    .replace(AWS_SECRETS, '[redacted]')
    .replace(NAMED_SECRETS, '[redacted]')
    .replace(SECRETS, '[redacted]');
}

/**
 * Returns a value as it may stand in a message: quoted, with control characters escaped, cut short, and without
 * what looks like a token or a key that was put in the wrong place.
 */
export function quote(value: unknown): string {
  if (typeof value !== 'string') {
    return Array.isArray(value) ? 'a list' : value === null ? 'null' : `a value of type ${typeof value}`;
  }
  const shown = redact(value).replace(LONG_RANDOM, '[redacted]');
  const quoted = JSON.stringify(shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown);
  return quoted.replace(UNSEEN, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
