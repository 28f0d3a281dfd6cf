import type { IncomingMessage } from 'node:http';
import type { CallTarget } from './call-target.ts';
import type { Call } from './send-call.ts';

function title(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** What stands in the place of the token, which no line shows. */
function tokenLine(target: CallTarget, principal: string | undefined): string {
  const whose = principal === undefined ? '' : ` of ${principal}`;
  return target.kind === 'id_token'
    ? `[ID token${whose} for ${target.audience}]`
    : `[access token${whose} for ${target.scopes}]`;
}

/** Returns the lines that `-v` shows of a request, in curl's form and without the token. */
export function traceRequest(
  call: Call,
  target: CallTarget,
  principal: string | undefined,
): readonly string[] {
  const { url, method, headers } = call;
  const shown = { host: url.host, ...headers, authorization: `Bearer ${tokenLine(target, principal)}` };
  return [
    `> ${method} ${url.pathname}${url.search} HTTP/1.1`,
    ...Object.entries(shown).map(([name, value]) => `> ${title(name)}: ${value}`),
    '>',
  ];
}

/** Returns an answer's status line and headers as they came, each without its line end. */
export function headOf({
  httpVersion,
  statusCode,
  statusMessage,
  rawHeaders,
}: IncomingMessage): readonly string[] {
  const headers = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1] ?? ''}`] : [],
  );
  return [`HTTP/${httpVersion} ${statusCode} ${statusMessage}`, ...headers];
}
