import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { Audit } from './audit.ts';
import { authorize, profileOf } from './authorize.ts';
import { openDoor } from './door.ts';
import { asVendError, VendError } from './errors.ts';
import type { Clock } from './google/clock.ts';
import type { Profiles } from './policy/profiles.ts';
import { parseRequest } from './request.ts';
import { respond, respondWithError } from './respond.ts';
import type { Minter, Vended } from './types.ts';
import type { Visit } from './visit.ts';

/** What of Lambda's context the vendor uses. */
export type InvocationContext = Pick<
  Context,
  'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'
>;

/** The function as Lambda calls it. It throws to a direct invoker, and answers an error to an HTTP caller. */
export type Handler = (event: unknown, context: InvocationContext) => Promise<unknown>;

export type HandlerDependencies = {
  readonly profiles: Profiles;
  readonly mint: Minter;
  readonly clock: Clock;
  readonly audit: Audit;
};

/** What the audit line will say of a request, noted down as it becomes known. */
type Notes = { -readonly [Name in 'door' | 'profile' | 'request' | 'grant']: Visit[Name] } & {
  readonly startedAtMs: number;
  vended: Vended | undefined;
};

/** So much of an invocation's time is kept back for saying that the rest was not enough. */
const TIMEOUT_MARGIN_MS = 200;

function timedOut(): never {
  throw new VendError('timeout', 'The time of the invocation ended before Google answered. Try again.');
}

function then<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Returns the vendor's handler: request → authorize → cache and mint → respond. */
export function createHandler({ profiles, mint, clock, audit }: HandlerDependencies): Handler {
  const notebook = new WeakMap<object, Notes>();

  const notesFor = (context: InvocationContext): Notes => {
    const blank = {
      startedAtMs: clock.systemMs(),
      door: undefined,
      profile: undefined,
      request: undefined,
      grant: undefined,
      vended: undefined,
    };
    const notes = notebook.get(context) ?? blank;
    notebook.set(context, notes);
    return notes;
  };

  const vend = (event: unknown, context: InvocationContext): unknown => {
    const notes = notesFor(context);
    const door = openDoor(event);
    notes.door = door;
    const profile = profileOf(profiles, context.invokedFunctionArn);
    notes.profile = profile.name;
    const request = parseRequest(door.parameters());
    notes.request = request;
    const grant = authorize(profile, request);
    notes.grant = grant;
    const deadlineMs = clock.systemMs() + context.getRemainingTimeInMillis();
    return then(mint(grant, deadlineMs), (vended) => {
      notes.vended = vended;
      return respond(door, grant, vended.token, clock.googleMs());
    });
  };

  const visitOf = (context: InvocationContext, end: { vended: Vended } | { error: VendError }): Visit => {
    const { startedAtMs, vended: _, ...known } = notesFor(context);
    const durationMs = clock.systemMs() - startedAtMs;
    return { requestId: context.awsRequestId, durationMs, ...known, ...end };
  };

  const recordVended = ({ context }: { context: InvocationContext }): void => {
    const { vended } = notesFor(context);
    if (vended !== undefined) {
      audit.record(visitOf(context, { vended }));
    }
  };

  /** The cause stays here: what is thrown to Lambda is logged by the runtime and sent to the invoker. */
  const mapError = (request: middy.Request<unknown, unknown, Error, Context>): unknown => {
    const error = asVendError(request.error);
    audit.record(visitOf(request.context, { error }));
    if (openDoor(request.event).kind === 'direct') {
      request.error = error.withoutCause();
      return undefined;
    }
    return respondWithError(error, request.context.awsRequestId);
  };

  return middy<unknown, unknown, Error, Context>({
    timeoutEarlyInMillis: TIMEOUT_MARGIN_MS,
    timeoutEarlyResponse: timedOut,
  })
    .after(recordVended)
    .onError(mapError)
    .handler(vend as (event: unknown, context: Context) => unknown) as unknown as Handler;
}
