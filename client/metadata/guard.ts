import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { quote } from '../../lambda/quote.ts';
import { MetadataFault } from './metadata-fault.ts';

/** Lets a request pass, or throws why not. @throws {MetadataFault} */
export type Guard = (request: IncomingMessage) => void;

/** The names by which programs know Google's metadata server, and those of this machine for itself. */
const OWN_HOSTS = [
  '127.0.0.1',
  '[::1]',
  'localhost',
  'metadata',
  'metadata.google.internal',
  'metadata.google.internal.',
  '169.254.169.254',
];

const MAX_TARGET_LENGTH = 8_192;
const MAX_HEADERS = 100;
const HOST = /^(\[[0-9a-f:]{2,39}\]|[a-z0-9_.-]{1,253})(?::\d{1,5})?$/;
const PROXIED = /^(?:x-forwarded-|forwarded$)/;
/** Browsers send `Sec-Fetch-Site` and more of its kind; `Sec-Fetch-Mode` alone is what the `fetch` of Node.js sends. */
const BROWSER = /^(?:origin$|sec-fetch-(?!mode$))/;

/** Node.js keeps the first of several, of which a proxy in between might have taken another. */
function hostOf({ headers: { host = '' }, rawHeaders }: IncomingMessage): string | undefined {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  return hosts.length > 1 ? undefined : HOST.exec(host.toLowerCase())?.[1];
}

/** Node.js would pass over what is above a bound of its own, which may be the one by which a proxy tells of itself. */
function refuseNumber({ rawHeaders }: IncomingMessage): void {
  if (rawHeaders.length > 2 * MAX_HEADERS) {
    throw new MetadataFault(431, `There are more than ${MAX_HEADERS} headers.`, { Connection: 'close' });
  }
}

function refuseHeaders(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    if (PROXIED.test(name)) {
      throw new MetadataFault(403, `A request with ${name} came through a proxy, and is not answered.`);
    }
    if (BROWSER.test(name)) {
      throw new MetadataFault(403, 'Web pages are not answered.');
    }
  }
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function refuseForm({ method, url = '', headers }: IncomingMessage): void {
  if (method !== 'GET' && method !== 'HEAD') {
    throw new MetadataFault(405, 'Only GET and HEAD are answered.', { Allow: 'GET, HEAD' });
  }
  if (url.length > MAX_TARGET_LENGTH) {
    throw new MetadataFault(414, `The path and its query are longer than ${MAX_TARGET_LENGTH} characters.`);
  }
  if (!url.startsWith('/')) {
    throw new MetadataFault(400, 'The target must be a path, such as /computeMetadata/v1/.');
  }
  if (hasBody(headers) || headers.expect !== undefined) {
    throw new MetadataFault(400, 'A request has no body here.', { Connection: 'close' });
  }
}

/** A page cannot send it to another origin unasked, nor can a server be talked into it by a mere URL. */
function hasFlavor(headers: IncomingHttpHeaders): boolean {
  return (
    headers['metadata-flavor'] === 'Google' ||
    headers['x-google-metadata-request']?.toString().toLowerCase() === 'true'
  );
}

function needsFlavor(url: string): boolean {
  return url !== '/' && url !== '/computeMetadata' && url !== '/computeMetadata/';
}

/**
 * Returns what stands before every answer: only plain GETs of programs on this machine pass, that address one of its names
 * and say that they mean a metadata server.
 *
 * @see https://cloud.google.com/compute/docs/metadata/querying-metadata#parts-of-a-request
 */
export function createGuard(moreHosts: readonly string[]): Guard {
  const hosts = new Set([...OWN_HOSTS, ...moreHosts].map((host) => host.toLowerCase()));

  return (request) => {
    const { headers, url = '' } = request;
    refuseNumber(request);
    const host = hostOf(request);
    if (host === undefined || !hosts.has(host)) {
      throw new MetadataFault(
        403,
        `The host ${quote(headers.host ?? '')} is none of this server's names; they are ${[...hosts].join(', ')}.`,
      );
    }
    refuseHeaders(headers);
    refuseForm(request);
    if (needsFlavor(url) && !hasFlavor(headers)) {
      throw new MetadataFault(403, 'Missing Metadata-Flavor:Google header.');
    }
  };
}
