import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { CallBody } from './call-body.ts';
import type { CallHeaders } from './call-headers.ts';

/** A request as it goes out: the token is among the headers. */
export type Call = {
  readonly url: URL;
  readonly method: string;
  readonly headers: CallHeaders;
  readonly body: CallBody | undefined;
};

const CONNECT_TIMEOUT_MS = 10_000;

function timeoutError(message: string): Error {
  return new DOMException(message, 'TimeoutError');
}

/**
 * Sends a request and returns the answer, whose body is yet to be read. Nothing is followed, and nothing is sent a second time.
 *
 * @throws {Error} if no answer came before `signal`, or no connection within ten seconds
 */
export async function sendCall(
  { url, method, headers, body }: Call,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const send = url.protocol === 'https:' ? https.request : http.request;
  const request = send(url, { method, headers, agent: false, signal });
  const connecting = setTimeout(
    () => request.destroy(timeoutError('no connection in time')),
    CONNECT_TIMEOUT_MS,
  );
  request.on('socket', (socket) => {
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
  });
  let hasAnswer = false;
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', (response) => {
      hasAnswer = true;
      resolve(response);
    });
    request.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    request.on('close', () => reject(new Error('the connection closed without an answer')));
  });
  try {
    if (body === undefined) {
      request.end();
    } else {
      // A service may answer before it has read all, and then does not read on: the answer counts.
      pipeline(body.content, request).catch((error) => hasAnswer || request.destroy(error));
    }
    return await answered;
  } finally {
    clearTimeout(connecting);
  }
}
