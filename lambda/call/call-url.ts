import { isAudience } from '../policy/audiences.ts';

const SCHEME = 'https://';
/** Some servers take an escaped slash or a backslash for a slash, cut off what follows a semicolon, and undo escapes twice: then this leads upwards. */
const LAX_DOT_SEGMENT = /(?:\/|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){1,2}(?:[/;]|%(?:25)*(?:2f|5c|3b)|$)/i;

/**
 * Returns the URL that `text` spells, or `undefined` unless it is an https URL in the one plain spelling that audiences have:
 * lower-case host, no user, default port, fragment or dot segment, and none that only some servers take for one (`..;`, `..%2f`). What is compared is then what is called.
 */
export function parseCallUrl(text: string): URL | undefined {
  if (!text.startsWith(SCHEME) || !isAudience(text)) {
    return undefined;
  }
  const url = URL.parse(text);
  if (url === null || LAX_DOT_SEGMENT.test(url.pathname)) {
    return undefined;
  }
  const [, host = '', rest = ''] = /^([^/?]*)(.*)$/.exec(text.slice(SCHEME.length)) ?? [];
  // The parser takes some hosts for others: that of https://0x7f.1 is 127.0.0.1.
  const isPlain =
    url.origin === `${SCHEME}${host}` &&
    url.href === `${url.origin}${rest.startsWith('/') ? '' : '/'}${rest}`;
  return isPlain ? url : undefined;
}

/** Returns the origin of a URL and, one segment longer each, what its path begins with; its whole path is the last. */
export function prefixesOf({ origin, pathname }: URL): readonly string[] {
  const ends = [...pathname.matchAll(/\//g)].map(({ index }) => index);
  return [...ends, pathname.length].map((end) => `${origin}${pathname.slice(0, end)}`);
}

/** Returns a URL as a log line or an error may show it: host and path. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}
