import type { Answer } from './route.ts';

export type ApiErrorOptions = {
  readonly code: number;
  /** The canonical code's name, `PERMISSION_DENIED`. */
  readonly status: string;
  readonly message: string;
  /** The one entry of the older `errors` list. */
  readonly legacy: Readonly<Record<string, string>>;
  /** What {@link https://cloud.google.com/apis/design/errors#error_info ErrorInfo} says. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * Returns an error as Google's JSON APIs answer it.
 *
 * @see https://cloud.google.com/apis/design/errors#http_mapping
 */
export function apiError(options: ApiErrorOptions): Answer {
  const { code, status, message, legacy, reason, metadata, headers = {} } = options;
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason,
    domain: 'googleapis.com',
    metadata,
  };
  return {
    status: code,
    headers,
    body: { error: { code, message, errors: [legacy], status, details: [info] } },
  };
}
