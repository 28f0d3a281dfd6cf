import { audienceOfUrl } from '../../lambda/policy/audience-of-url.ts';
import { isAudience } from '../../lambda/policy/audiences.ts';
import { quote } from '../../lambda/quote.ts';
import { hideUser } from '../hide-user.ts';
import type { CallFlags } from './call-flags.ts';
import { CommandLineError } from './command-line-error.ts';

/** Where a call goes, and which token goes with it. */
export type CallTarget = { readonly url: URL } & (
  | { readonly kind: 'id_token'; readonly audience: string }
  | { readonly kind: 'access_token'; readonly scopes: string }
);

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const DOMAIN = /^(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}$/;
const GOOGLE_APIS = 'googleapis.com';

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CommandLineError(
      `${quote(hideUser(text))} is no URL that can be called; give one that begins with https://.`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new CommandLineError('a URL with a user in it is not called; the token says who is calling.');
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new CommandLineError(
      `a token goes over https alone, and over http to this machine; ${quote(url.origin)} is neither.`,
    );
  }
  return url;
}

function demandGoogleApi({ hostname }: URL, universe: string): void {
  if (!DOMAIN.test(universe)) {
    throw new CommandLineError(`--universe-domain: ${quote(universe)} is no domain, as ${GOOGLE_APIS} is.`);
  }
  if (!hostname.endsWith(`.${universe}`) && !LOOPBACK.test(hostname)) {
    throw new CommandLineError(
      `--scopes: an access token goes to Google’s APIs alone (*.${universe}), and ${quote(hostname)} is none of them. Leave --scopes out to call a service with an ID token.`,
    );
  }
}

function audienceFor(url: URL, audience: string | undefined): string {
  if (audience === undefined && url.protocol === 'http:') {
    throw new CommandLineError(
      '--audience is missing: for a service on this machine say whom the token is for.',
    );
  }
  const wanted = audience ?? audienceOfUrl(url);
  if (!isAudience(wanted)) {
    throw new CommandLineError(
      `--audience: ${quote(wanted)} is neither an https URL in its plain spelling nor an OAuth client id; say with --audience whom the token is for.`,
    );
  }
  return wanted;
}

/**
 * Returns where a call goes and with which token: an ID token for the service, or an access token for one of Google's APIs.
 *
 * @throws {CommandLineError} for a place that may not have the token
 */
export function callTargetOf(
  text: string,
  {
    audience,
    scopes,
    universeDomain = GOOGLE_APIS,
  }: Pick<CallFlags, 'audience' | 'scopes' | 'universeDomain'>,
): CallTarget {
  const url = parseUrl(text);
  if (scopes === undefined) {
    return { url, kind: 'id_token', audience: audienceFor(url, audience) };
  }
  if (audience !== undefined) {
    throw new CommandLineError('--audience and --scopes ask for two kinds of token; give one of them.');
  }
  demandGoogleApi(url, universeDomain);
  return { url, kind: 'access_token', scopes };
}
