import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TokenClient } from '../token-client.ts';
import { openBody } from './call-body.ts';
import { CURL, callFailure } from './call-failure.ts';
import type { CallFlags } from './call-flags.ts';
import { type CallHeaders, callHeadersOf } from './call-headers.ts';
import { type CallTarget, callTargetOf } from './call-target.ts';
import { headOf, traceRequest } from './call-trace.ts';
import { CommandFailure } from './command-failure.ts';
import { CommandLineError } from './command-line-error.ts';
import { type Call, sendCall } from './send-call.ts';

/** What a call is made with. */
export type CallDependencies = {
  /** Asked when all else is known to be right. */
  readonly client: () => Promise<TokenClient>;
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** Writes a line to standard error. */
  readonly tell: (line: string) => void;
  readonly version: string;
};

/** A request to Cloud Run lasts an hour at the most. */
const DEFAULT_MAX_SECONDS = 3_600;
const METHOD = /^[A-Za-z][A-Za-z-]{0,31}$/;

type Authorized = { readonly token: string; readonly principal?: string };

/** A vendor that does not answer must not take longer than the whole call may. */
async function beforeTheEnd<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const end = () =>
    reject(new CommandFailure('no token came within --max-time; give it more SECONDS.', CURL.timeout));
  signal.addEventListener('abort', end);
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function tokenFor(target: CallTarget, client: TokenClient): Promise<Authorized> {
  return target.kind === 'id_token'
    ? await client.idToken({ audience: target.audience })
    : await client.accessToken({ scopes: target.scopes });
}

function methodOf({ request, data = [] }: CallFlags): string {
  const method = request ?? (data.length > 0 ? 'POST' : 'GET');
  if (!METHOD.test(method)) {
    throw new CommandLineError(`-X: ${JSON.stringify(method)} is no method; give one such as POST.`);
  }
  return method;
}

function headersOf({ header = [], data = [] }: CallFlags, version: string): CallHeaders {
  return callHeadersOf(header, {
    'user-agent': `gcp-token/${version}`,
    accept: '*/*',
    ...(data.length > 0 && { 'content-type': 'application/x-www-form-urlencoded' }),
  });
}

function demandNoError(
  { statusCode = 0 }: IncomingMessage,
  { url }: CallTarget,
  principal: string | undefined,
): void {
  if (statusCode < 400) {
    return;
  }
  const who = principal ?? 'the profile’s account';
  const hints = new Map([
    [
      401,
      ': it does not take the token; compare its audience (--audience, -v shows it) with what the service expects',
    ],
    [403, `: may ${who} call it? For Cloud Run and Cloud Functions it needs roles/run.invoker`],
  ]);
  throw new CommandFailure(
    `${url.host} answered with ${statusCode}${hints.get(statusCode) ?? ''}.`,
    CURL.httpError,
  );
}

async function writeAnswer(answer: IncomingMessage, flags: CallFlags, stdout: Writable): Promise<void> {
  const file = flags.output === undefined || flags.output === '-' ? undefined : flags.output;
  const target = file === undefined ? stdout : createWriteStream(file);
  const head = flags.include === true ? `${headOf(answer).join('\r\n')}\r\n\r\n` : '';
  async function* content(): AsyncGenerator<Uint8Array | string> {
    yield head;
    yield* answer;
  }
  try {
    await pipeline(content, target, { end: file !== undefined });
  } catch (error) {
    if (error === answer.errored) {
      throw error;
    }
    const reason = error instanceof Error ? error.message : '';
    throw new CommandFailure(`the answer cannot be written (${reason}).`, CURL.writeError, { cause: error });
  }
}

/**
 * Calls a URL with the right token, in curl's manner: the answer's body goes to standard output, whatever its status.
 *
 * @throws {CommandLineError} for arguments that are wrong, before a token is asked for
 * @throws {VendError} the vendor's own
 * @throws {CommandFailure} with curl's exit status if there is no whole answer, and with `--fail` for an error's
 */
export async function call(text: string, flags: CallFlags, dependencies: CallDependencies): Promise<void> {
  const target = callTargetOf(text, flags);
  const method = methodOf(flags);
  const headers = headersOf(flags, dependencies.version);
  const signal = AbortSignal.timeout((flags.maxTime ?? DEFAULT_MAX_SECONDS) * 1_000);
  const body = await openBody(flags.data ?? [], dependencies.stdin);
  const { token, principal } = await beforeTheEnd(tokenFor(target, await dependencies.client()), signal);
  const request: Call = {
    url: target.url,
    method,
    body,
    headers: { ...headers, ...(body?.length !== undefined && { 'content-length': String(body.length) }) },
  };
  if (flags.verbose === true) {
    traceRequest(request, target, principal).forEach(dependencies.tell);
  }
  let answer: IncomingMessage | undefined;
  try {
    answer = await sendCall(
      { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } },
      signal,
    );
    if (flags.verbose === true) {
      [...headOf(answer), ''].forEach((line) => {
        dependencies.tell(`< ${line}`.trimEnd());
      });
    }
    if (flags.fail === true) {
      demandNoError(answer, target, principal);
    }
    await writeAnswer(answer, flags, dependencies.stdout);
    if (flags.failWithBody === true) {
      demandNoError(answer, target, principal);
    }
  } catch (error) {
    answer?.destroy();
    throw error instanceof CommandFailure
      ? error
      : callFailure(signal.aborted ? signal.reason : error, target.url.host, answer !== undefined);
  }
}
