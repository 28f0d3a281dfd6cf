import type http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { fieldsOf, textOf } from '../fields.ts';
import { CallError } from './call-errors.ts';
import { shownUrl } from './call-url.ts';

/** What is sent to a service, token and all. */
export type ServiceRequest = {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

export type ServiceLimits = {
  readonly timeoutMs: number;
  /** How much of the body of an answer with such a status is read. */
  readonly maxBytes: (status: number) => number;
  /** Whether what is beyond that is left away, and no error. */
  readonly cutsOff: (status: number) => boolean;
};

export type ServiceAnswer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
};

/**
 * Sends one request on a connection of its own, and returns the answer, whatever its status. It follows nothing and
 * repeats nothing.
 *
 * @throws {CallError} `service_unreachable` if nothing was sent, `service_disconnected`, `service_timeout`,
 * `response_too_large`
 */
export type SendToService = (request: ServiceRequest, limits: ServiceLimits) => Promise<ServiceAnswer>;

export type ServiceNetworkDependencies = {
  /**
   * Opens a request; a test's leads to a stand-in.
   * @default - node:https's
   */
  readonly open?: (url: URL, options: https.RequestOptions) => http.ClientRequest;
};

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * TLS sessions are resumed; connections are not kept: whether one still is good shows only when a request is lost on it. No
 * variable of the environment (`NODE_TLS_REJECT_UNAUTHORIZED`) makes it less strict.
 */
const agent = new https.Agent({ keepAlive: false, rejectUnauthorized: true });

/** How far a request came. */
type Progress = { sent: boolean; tooSlow: boolean };

function describe(error: unknown): string {
  const code = textOf(fieldsOf(error).code);
  return code !== undefined && /^\w{1,64}$/.test(code) ? ` (${code})` : '';
}

function failureOf(error: unknown, url: URL, { sent, tooSlow }: Progress): CallError {
  if (error instanceof CallError) {
    return error;
  }
  const place = shownUrl(url);
  const details = { cause: error };
  if (!sent) {
    const why = tooSlow ? 'in time' : `at all${describe(error)}`;
    return new CallError(
      'service_unreachable',
      `${url.host} cannot be reached: no connection ${why}. Nothing was sent.`,
      details,
    );
  }
  if (tooSlow) {
    return new CallError('service_timeout', `${place} gave no whole answer in time.`, details);
  }
  return fieldsOf(error).code === 'HPE_HEADER_OVERFLOW'
    ? new CallError('response_too_large', `${place} answered with too many headers.`, details)
    : new CallError(
        'service_disconnected',
        `${place} was sent the request, and the connection ended before a whole answer${describe(error)}.`,
        details,
      );
}

/** What is not encrypted is a stand-in's. */
function whenConnected(socket: Socket, tell: () => void): void {
  if (socket.connecting || 'encrypted' in socket) {
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', tell);
  } else {
    tell();
  }
}

function readBody(response: http.IncomingMessage, limits: ServiceLimits, place: string): Promise<Buffer> {
  const { statusCode: status = 0 } = response;
  const max = limits.maxBytes(status);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const body = () => Buffer.concat(chunks).subarray(0, max);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= max) {
        return;
      }
      if (limits.cutsOff(status)) {
        resolve(body());
      }
      const message = `${place} answered ${status} with a body of more than ${max} bytes (maxResponseBytes).`;
      response.destroy(new CallError('response_too_large', message, { status }));
    });
    response.on('end', () => resolve(body()));
    response.on('error', reject);
    response.on('close', () => reject(new Error('the answer broke off')));
  });
}

/**
 * Returns the way to private services: https, and nothing of a request leaves before the host has shown a certificate that
 * is its own, wherever its name leads.
 */
export function createServiceNetwork({
  open = (url, options) => https.request(url, options),
}: ServiceNetworkDependencies = {}): SendToService {
  const send = (
    { url, method, headers, body }: ServiceRequest,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const request = open(url, { method, agent, signal, headers: { ...headers, ...length } });
      const slow = setTimeout(() => {
        progress.tooSlow = true;
        request.destroy();
      }, CONNECT_TIMEOUT_MS);
      request.on('socket', (socket) =>
        whenConnected(socket, () => {
          clearTimeout(slow);
          progress.sent = true;
        }),
      );
      request.on('response', resolve);
      request.on('error', reject);
      // Some answers, such as 101, end a request with neither an answer nor an error.
      request.on('close', () => {
        clearTimeout(slow);
        reject(new Error('the connection closed without an answer'));
      });
      request.end(body);
    });

  return async (request, limits) => {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(limits.timeoutMs)));
    const progress: Progress = { sent: false, tooSlow: false };
    try {
      const response = await send(request, signal, progress);
      const body = await readBody(response, limits, shownUrl(request.url));
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    } catch (error) {
      progress.tooSlow ||= signal.aborted;
      throw failureOf(error, request.url, progress);
    }
  };
}
