import type { Answer } from './route.ts';

/** The `error` of a refusal by STS. */
export type StsErrorCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_target'
  | 'invalid_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type';

/** A refusal on its way to STS, which answers with it. */
export class StsRefusal extends Error {
  readonly code: StsErrorCode;

  constructor(code: StsErrorCode, description: string) {
    super(description);
    this.name = 'StsRefusal';
    this.code = code;
  }
}

/**
 * Returns the answer that a refusal is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2
 */
export function answerStsRefusal({ code, message }: StsRefusal): Answer {
  return { status: 400, body: { error: code, error_description: message } };
}
