import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Answer, send } from './answer.ts';
import { guardFault } from './guard.ts';
import { type Listening, listen } from './listen.ts';
import { type ReceivedHeaders, type ReceivedRequest, receive } from './received-request.ts';

/** What happens to a request instead of an answer: an answer of the test's own, a reset, or silence until `close`. */
export type Interference =
  | {
      readonly status: number;
      readonly body?: Answer['body'];
      readonly headers?: Answer['headers'];
    }
  | 'reset'
  | 'hang';

/** Decides what happens to a request; `undefined` lets it through. */
export type Interferer<Seen> = (
  request: Seen,
) => Interference | undefined | Promise<Interference | undefined>;

/** What a request was answered with; 0 where there was no answer. */
export type Recorded<Seen> = Seen & { readonly status: number };

export type StandIn<Seen> = Listening & {
  /** The last 10,000 requests, in the order of their answers. */
  readonly requests: readonly Recorded<Seen>[];
  /** Puts `interferer` in front of every request from here on; `undefined` takes it away. */
  readonly interfere: (interferer: Interferer<Seen> | undefined) => void;
  /** Makes the server go by the host of `origin` too, as that of a proxy in front of it. */
  readonly alsoKnownAs: (origin: string) => void;
  /** Answers a request as if it had come over the wire: recorded, and interfered with. */
  readonly answer: (request: ReceivedRequest) => Promise<Answer | 'reset' | 'hang'>;
};

export type StandInOptions<Seen> = {
  /** 0 for any that is free. */
  readonly port: number;
  /** What tests may know of a request: nothing of it may be a secret. */
  readonly see: (request: ReceivedRequest) => Seen;
  readonly serve: (request: ReceivedRequest) => Answer | Promise<Answer>;
  /** Makes the answer to what is refused before it is read: a page's request, or one that is too large. */
  readonly refuse: (message: string) => Answer;
  /** Host names of the real service that this server answers to as well, without a port. */
  readonly hosts?: readonly string[];
  /**
   * Milliseconds since the epoch, for the `Date` of each answer.
   * @default - the system's
   */
  readonly now?: () => number;
};

const MAX_BODY_BYTES = 1_048_576;
const MAX_RECORDED = 10_000;

/** A client that dials loopback and still says the service's own name is no page: pages cannot have that name. */
function asLoopback(headers: ReceivedHeaders, hosts: readonly string[]): ReceivedHeaders {
  return hosts.includes(headers.host?.join() ?? '') ? { ...headers, host: ['127.0.0.1'] } : headers;
}

/**
 * Starts one of AWS's services on loopback: every request is recorded, may be interfered with by a test, and is kept
 * out if a browser sends it for a page.
 *
 * @throws {Error} the listener's own error (`EADDRINUSE`, …)
 */
export async function startStandIn<Seen extends object>(
  options: StandInOptions<Seen>,
): Promise<StandIn<Seen>> {
  const { port, now = Date.now } = options;
  const hosts = [...(options.hosts ?? [])];
  const requests: Recorded<Seen>[] = [];
  let interferer: Interferer<Seen> | undefined;

  function record(seen: Seen, status: number): void {
    requests.push({ ...seen, status });
    requests.splice(0, requests.length - MAX_RECORDED);
  }

  async function answer(request: ReceivedRequest): Promise<Answer | 'reset' | 'hang'> {
    const seen = options.see(request);
    const interference = await interferer?.(seen);
    if (typeof interference === 'string') {
      record(seen, 0);
      return interference;
    }
    const made: Answer =
      interference === undefined ? await options.serve(request) : { body: '', headers: {}, ...interference };
    record(seen, made.status);
    return made;
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = guardFault({
      method: request.method ?? '',
      target: request.url ?? '',
      headers: asLoopback(request.headersDistinct, hosts),
      port: request.socket.localPort ?? port,
      strict: true,
    });
    const received = fault === undefined ? await receive(request, MAX_BODY_BYTES) : undefined;
    if (received === undefined) {
      send(response, options.refuse(fault ?? 'The body is too large.'));
      return;
    }
    const made = await answer(received);
    if (made === 'reset') {
      request.socket.resetAndDestroy();
    } else if (made !== 'hang') {
      send(response, { ...made, headers: { date: new Date(now()).toUTCString(), ...made.headers } });
    }
  }

  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy());
  });
  const listening = await listen(server, port);

  return {
    ...listening,
    requests,
    answer,
    alsoKnownAs: (origin) => {
      hosts.push(new URL(origin).host);
    },
    interfere: (next) => {
      interferer = next;
    },
  };
}
