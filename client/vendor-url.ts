import { UsageError } from '../infra/usage-error.ts';
import { hideUser } from './hide-user.ts';

/** Where the vendor's HTTP API is. */
export type VendorUrl = {
  readonly url: URL;
  /** The vendor that `npm start` runs, which may take unsigned requests. */
  readonly isLoopback: boolean;
  /** What the host of API Gateway says of itself; a custom domain says nothing. */
  readonly apiId: string | undefined;
  readonly region: string | undefined;
};

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const API_GATEWAY =
  /^([a-z0-9]{1,64})(?:-vpce-[a-z0-9-]+)?\.execute-api\.([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)$/;

function fault(text: string, what: string): UsageError {
  return new UsageError(
    `url: ${JSON.stringify(hideUser(text).slice(0, 200))} ${what}; give the stack's output TokenApiUrl, such as https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com.`,
  );
}

/** Returns whether a host of a URL is this machine itself. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/**
 * Returns what the address of a vendor's HTTP API says.
 *
 * @throws {UsageError} for anything that a signed request must not be sent to, or that is not the address alone
 */
export function parseVendorUrl(text: string): VendorUrl {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw fault(text, 'is no https URL, and no http:// one of this machine');
  }
  if (url.username !== '' || url.password !== '') {
    // It is not shown, for it may be a secret.
    throw fault(`${url.protocol}//${url.host}`, 'has a user or a password in it');
  }
  const isLoopback = isLoopbackHost(url.hostname);
  if (url.protocol === 'http:' && !isLoopback) {
    throw fault(text, 'must be https');
  }
  if (url.search !== '' || url.hash !== '') {
    throw fault(text, 'must have no query and no fragment');
  }
  if (/\/token\/?$/.test(url.pathname)) {
    throw fault(text, 'must end before /token; the profile is an option of its own');
  }
  if (!/^[\w$./~-]*$/.test(url.pathname)) {
    throw fault(text, 'has a path that is no stage of API Gateway');
  }
  const [, apiId, region] = API_GATEWAY.exec(url.hostname) ?? [];
  return { url, isLoopback, apiId, region };
}
