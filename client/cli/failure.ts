import { UsageError } from '../../infra/usage-error.ts';
import { ERRORS, VendError } from '../../lambda/errors.ts';
import { redact } from '../../lambda/quote.ts';
import { CommandFailure } from './command-failure.ts';
import { CommandLineError } from './command-line-error.ts';

/** How a command that fails ends, and what is said of it. */
export type Failure = {
  /** 2 for a fault in the arguments, 1 for every other that has none of its own. */
  readonly status: number;
  /** The vendor's own code; `usage` for a person's fault, `failed` for one of nobody's. */
  readonly code: string;
  /** One line, with the fix. */
  readonly message: string;
  readonly retryable: boolean;
};

const LINE_ENDS = /\s*[\r\n]+\s*/g;

/** Returns how a command ends that threw `error`, in the words for the person who ran it and with no secret in them. */
export function failureOf(error: unknown): Failure {
  if (error instanceof VendError) {
    const { code, message } = error;
    return { status: 1, code, message, retryable: ERRORS[code].retryable };
  }
  if (error instanceof UsageError) {
    const status = error instanceof CommandLineError ? 2 : 1;
    return { status, code: 'usage', message: error.message, retryable: false };
  }
  const text = error instanceof Error ? error.message : String(error);
  const status = error instanceof CommandFailure ? error.status : 1;
  return { status, code: 'failed', message: redact(text), retryable: false };
}

/** Returns the line for standard error, for people or as JSON in the shape of the vendor's own errors. */
export function describeFailure({ code, message, retryable }: Failure, asJson: boolean): string {
  const line = message.trim().replace(LINE_ENDS, ' ');
  return asJson
    ? JSON.stringify({ error: code, error_description: line, retryable })
    : `gcp-token: ${line}${code === 'usage' || code === 'failed' ? '' : ` (${code})`}`;
}
