import { randomUUID } from 'node:crypto';
import type { Answer } from './answer.ts';

/** A refusal by STS: its code and status are what clients decide by. */
export type StsFault = {
  readonly kind: 'fault';
  readonly status: number;
  readonly code: string;
  readonly message: string;
};

/** What an action answers, in the order in which XML has it. A date is ISO 8601 in XML, and a number in JSON. */
export type StsResult = {
  readonly kind: 'result';
  readonly fields: Readonly<Record<string, string | Date>>;
};

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Returns a refusal; 400 unless `status` says otherwise. */
export function stsFault(code: string, message: string, status = 400): StsFault {
  return { kind: 'fault', status, code, message };
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}

function element(name: string, ...lines: readonly string[]): string {
  const inner = lines.join('\n').replace(/^/gm, '  ');
  return `<${name}>\n${inner}\n</${name.split(' ')[0]}>`;
}

function leaf(name: string, value: string | Date): string {
  const text = typeof value === 'string' ? value : value.toISOString().replace(/\.\d{3}/, '');
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function xmlBody(action: string, outcome: StsFault | StsResult, requestId: string): string {
  if (outcome.kind === 'fault') {
    const error = element(
      'Error',
      leaf('Type', 'Sender'),
      leaf('Code', outcome.code),
      leaf('Message', outcome.message),
    );
    return element(`ErrorResponse xmlns="${NAMESPACE}"`, error, leaf('RequestId', requestId));
  }
  const leaves = Object.entries(outcome.fields).map(([name, value]) => leaf(name, value));
  return element(
    `${action}Response xmlns="${NAMESPACE}"`,
    element(`${action}Result`, ...leaves),
    element('ResponseMetadata', leaf('RequestId', requestId)),
  );
}

function jsonBody(action: string, outcome: StsFault | StsResult, requestId: string): string {
  if (outcome.kind === 'fault') {
    const { code, message } = outcome;
    return JSON.stringify({ Error: { Code: code, Message: message, Type: 'Sender' }, RequestId: requestId });
  }
  const fields = Object.entries(outcome.fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : value.getTime() / 1000,
  ]);
  return JSON.stringify({
    [`${action}Response`]: {
      [`${action}Result`]: Object.fromEntries(fields),
      ResponseMetadata: { RequestId: requestId },
    },
  });
}

/**
 * Returns the answer to `action` in the Query protocol's XML or, for those who ask by `Accept`, in its JSON.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization
 */
export function stsAnswer(action: string, outcome: StsFault | StsResult, format: 'xml' | 'json'): Answer {
  const requestId = randomUUID();
  const body = format === 'xml' ? xmlBody : jsonBody;
  return {
    status: outcome.kind === 'fault' ? outcome.status : 200,
    headers: {
      'content-type': format === 'xml' ? 'text/xml' : 'application/json',
      'x-amzn-requestid': requestId,
    },
    body: body(action, outcome, requestId),
  };
}
