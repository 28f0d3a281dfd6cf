const MAX_LENGTH = 120;
const SECRETS = /eyJ[\w-]{8,}[\w.-]*|ya29\.[\w.-]*|-----BEGIN[\s\S]*|AKIA[A-Z0-9]{12,}|1\/\/0[\w-]{10,}/g;

/** Returns `text` without what looks like a token or a key: for messages that others than we have written. */
export function redact(text: string): string {
  return text.replace(SECRETS, '[redacted]');
}

/**
 * Returns a value as it may stand in a message: quoted, with control characters escaped, cut short, and without
 * what looks like a token or a key that was put in the wrong place.
 */
export function quote(value: unknown): string {
  if (typeof value !== 'string') {
    return Array.isArray(value) ? 'a list' : value === null ? 'null' : `a value of type ${typeof value}`;
  }
  const shown = redact(value);
  return JSON.stringify(shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}…` : shown);
}
