import type { ServerResponse } from 'node:http';

/** An HTTP answer before it is written. A header with several values is sent several times. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
};

/** Returns an answer that carries `value` as JSON. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** Returns `text` as a header may carry it: printable ASCII, at most 500 characters. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 500);
}

/**
 * Writes `answer` and ends the exchange. Every answer forbids other sites to embed it and browsers to guess its
 * type, and none carries a CORS header, whatever the function said: no page may read a token.
 */
export function send(response: ServerResponse, answer: Answer): void {
  const headers = Object.entries(answer.headers).filter(([name]) => !/^access-control-/i.test(name));
  const length = Buffer.byteLength(answer.body);
  response.writeHead(answer.status, {
    ...Object.fromEntries(
      headers.map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
    ),
    ...(answer.status === 204 ? {} : { 'content-length': length }),
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  });
  response.end(answer.body);
}
