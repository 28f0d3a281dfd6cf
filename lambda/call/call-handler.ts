import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { asVendError } from '../errors.ts';
import type { Clock } from '../google/clock.ts';
import type { Handler, InvocationContext } from '../handler.ts';
import type { Profile } from '../policy/profiles.ts';
import { authorizeCall } from './authorize-call.ts';
import type { CallAudit, CallVisit } from './call-audit.ts';
import { CallError } from './call-errors.ts';
import { type CallRequest, parseCallRequest } from './call-request.ts';
import type { CallService } from './call-service.ts';
import type { CallTokens } from './call-tokens.ts';
import { createTokenHider } from './hide-token.ts';
import { respondToCall } from './respond-to-call.ts';

export type CallHandlerDependencies = {
  readonly profile: Profile;
  readonly tokens: CallTokens;
  readonly call: CallService;
  readonly clock: Clock;
  readonly audit: CallAudit;
};

/** What the log line will say of a call, noted down as it becomes known. */
type Notes = {
  -readonly [Name in 'url' | 'method' | 'audience' | 'vended' | 'status' | 'tokenHidden']: CallVisit[Name];
} & { readonly startedAtMs: number };

/** So much of an invocation's time is kept back for saying that the rest was not enough. */
const ANSWER_MARGIN_MS = 500;
const TIMEOUT_MARGIN_MS = 200;

function timedOut(): never {
  throw new CallError('service_timeout', 'The time of the invocation ended before the call did.');
}

/** Returns the handler of calls: request → authorize → token → call → respond. */
export function createCallHandler(dependencies: CallHandlerDependencies): Handler {
  const { profile, tokens, call, clock, audit } = dependencies;
  const notebook = new WeakMap<object, Notes>();

  const notesFor = (context: InvocationContext): Notes => {
    const notes = notebook.get(context) ?? {
      startedAtMs: clock.systemMs(),
      url: undefined,
      method: undefined,
      audience: undefined,
      vended: undefined,
      status: undefined,
      tokenHidden: false,
    };
    notebook.set(context, notes);
    return notes;
  };

  const deadlineOf = ({ timeoutMs }: CallRequest, context: InvocationContext): number =>
    clock.systemMs() + Math.min(timeoutMs, context.getRemainingTimeInMillis() - ANSWER_MARGIN_MS);

  const run = async (event: unknown, context: InvocationContext): Promise<unknown> => {
    const notes = notesFor(context);
    const request = parseCallRequest(event);
    Object.assign(notes, { url: request.url, method: request.method });
    const grant = authorizeCall(profile, request);
    notes.audience = grant.audience;
    const deadlineMs = deadlineOf(request, context);
    const vended = await tokens.get(grant, deadlineMs);
    notes.vended = vended;
    const { answer, sent } = await call({ request, grant, vended }, deadlineMs);
    Object.assign(notes, { vended: sent.at(-1), status: answer.status });
    const hide = createTokenHider(sent.map(({ token }) => token.value));
    return respondToCall(request, answer, (text) => {
      const shown = hide(text);
      notes.tokenHidden ||= shown !== text;
      return shown;
    });
  };

  const record = (context: InvocationContext, error?: CallVisit['error']): void => {
    const { startedAtMs, ...known } = notesFor(context);
    const durationMs = clock.systemMs() - startedAtMs;
    audit.record({ requestId: context.awsRequestId, profile: profile.name, durationMs, ...known, error });
  };

  /** The cause stays here: what is thrown to Lambda is logged by the runtime and sent to the state machine. */
  const mapError = (request: middy.Request<unknown, unknown, Error, Context>): void => {
    const error = request.error instanceof CallError ? request.error : asVendError(request.error);
    record(request.context, error);
    request.error = error.withoutCause();
  };

  return middy<unknown, unknown, Error, Context>({
    timeoutEarlyInMillis: TIMEOUT_MARGIN_MS,
    timeoutEarlyResponse: timedOut,
  })
    .after(({ context }) => record(context))
    .onError(mapError)
    .handler(run as (event: unknown, context: Context) => unknown) as unknown as Handler;
}
