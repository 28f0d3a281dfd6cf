import { CommandFailure } from './command-failure.ts';

/** curl's own exit statuses: a script that was written for it goes by them. */
export const CURL = {
  unknownHost: 6,
  noConnection: 7,
  partialAnswer: 18,
  httpError: 22,
  writeError: 23,
  timeout: 28,
  noAnswer: 52,
  receiveError: 56,
  badCertificate: 60,
} as const;

const UNKNOWN_HOST: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);
const NO_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
const BAD_CERTIFICATE = /^(?:CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_)/;

/**
 * Returns the failure that is told if no answer came, or only a part of one.
 *
 * @see https://curl.se/docs/manpage.html#EXIT
 */
export function callFailure(error: unknown, host: string, hasAnswered: boolean): CommandFailure {
  const { name = '', code = '', message = '' } = error as Partial<NodeJS.ErrnoException>;
  const fail = (text: string, status: number) => new CommandFailure(text, status, { cause: error });
  if (name === 'TimeoutError') {
    return fail(`${host} took too long; give it more time with --max-time SECONDS.`, CURL.timeout);
  }
  if (UNKNOWN_HOST.has(code)) {
    return fail(`${host} is not known (${code}); check the URL and DNS.`, CURL.unknownHost);
  }
  if (NO_CONNECTION.has(code)) {
    return fail(`no connection to ${host} (${code}).`, CURL.noConnection);
  }
  if (BAD_CERTIFICATE.test(code)) {
    return fail(
      `the certificate of ${host} is not accepted (${code}); NODE_EXTRA_CA_CERTS=FILE adds an authority.`,
      CURL.badCertificate,
    );
  }
  if (hasAnswered) {
    return fail(`the answer of ${host} broke off.`, CURL.partialAnswer);
  }
  return code === 'ECONNRESET'
    ? fail(`${host} closed the connection without an answer.`, CURL.noAnswer)
    : fail(`${host} could not be called: ${message}`, CURL.receiveError);
}
