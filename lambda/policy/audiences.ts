const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const PORT = '[1-9]\\d{0,4}';
const PATH = "[\\w.~!$&'()+,;=:@%/-]";
const URL_AUDIENCE = new RegExp(
  `^https://${LABEL}(?:\\.${LABEL})*(?::${PORT})?(?:/${PATH}*)?(?:\\?${PATH}*)?$`,
);
const URL_PATTERN = new RegExp(`^https://[a-z0-9.*-]+(?::${PORT})?(?:/(?:${PATH}|\\*)*)?$`);
const OAUTH_CLIENT_ID = /^\d{1,32}(?:-[a-z0-9]{1,64})?\.apps\.googleusercontent\.com$/;
const DOT_SEGMENT = /\/\.{1,2}(?:[/?]|$)|%2e/i;
const BROKEN_PERCENT = /%(?![0-9a-f]{2})/i;
const DEFAULT_PORT = /^https:\/\/[^/?]+:443(?:[/?]|$)/;

const MAX_AUDIENCE_LENGTH = 2048;

/** Decides whether an ID token may be vended for an audience. */
export type AudiencePolicy = (audience: string) => boolean;

function isPlainUrl(text: string): boolean {
  return !DOT_SEGMENT.test(text) && !BROKEN_PERCENT.test(text) && !DEFAULT_PORT.test(text);
}

/**
 * Returns whether `text` is an audience that can be asked for: an https URL in its one canonical spelling (lower-case
 * host, no user, default port, fragment or dot segment), or an OAuth client id as IAP uses them. One spelling only,
 * because the receiver compares the token's `aud` letter by letter, and so does the policy.
 *
 * @see https://cloud.google.com/functions/docs/securing/authenticating#generating_tokens_programmatically
 * @see https://cloud.google.com/iap/docs/authentication-howto
 */
export function isAudience(text: string): boolean {
  if (text.length > MAX_AUDIENCE_LENGTH) {
    return false;
  }
  return OAUTH_CLIENT_ID.test(text) || (URL_AUDIENCE.test(text) && isPlainUrl(text));
}

/**
 * Returns what is wrong with an audience pattern of a profile, or `undefined` for a good one.
 *
 * A pattern is an audience in which `*` stands for one or more characters of one host label or one path segment,
 * once in each at the most, and never in the last two labels of the host.
 */
export function audiencePatternFault(pattern: string): string | undefined {
  if (!pattern.includes('*')) {
    return isAudience(pattern) ? undefined : 'is neither an https URL nor an OAuth client id';
  }
  if (pattern.length > MAX_AUDIENCE_LENGTH || !URL_PATTERN.test(pattern) || !isPlainUrl(pattern)) {
    return 'is not an https URL; `*` may stand in the labels of its host and in the segments of its path';
  }
  const [host = '', ...segments] = pattern.slice('https://'.length).split('/');
  const labels = (host.split(':')[0] ?? '').split('.');
  if (labels.includes('')) {
    return 'has an empty label in its host';
  }
  if (labels.slice(-2).some((label) => label.includes('*'))) {
    return 'has a `*` in the last two labels of its host, which would admit the hosts of strangers';
  }
  return [...labels, ...segments].every((part) => part.split('*').length <= 2)
    ? undefined
    : 'has more than one `*` in one host label or path segment';
}

/** In the host `*` stays inside a label; in the path it crosses neither `/` nor its escape, nor opens a query. */
function compilePattern(pattern: string): RegExp {
  const [host = '', ...segments] = pattern.slice('https://'.length).split('/');
  const literal = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  const path = segments.map((segment) => `/${literal(segment).replace('*', '[^/?#%]+')}`);
  return new RegExp(`^https://${literal(host).replaceAll('*', '[a-z0-9-]+')}${path.join('')}$`);
}

/**
 * Returns the policy that admits exactly the audiences which one of `patterns` matches. Patterns are compiled when
 * the first audience that none of them equals is asked for: most containers never need it.
 */
export function compileAudiences(patterns: readonly string[]): AudiencePolicy {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  let compiled: readonly RegExp[] | undefined;

  return (audience) => {
    if (exact.has(audience)) {
      return true;
    }
    compiled ??= patterns.filter((pattern) => pattern.includes('*')).map(compilePattern);
    return compiled.some((pattern) => pattern.test(audience));
  };
}
