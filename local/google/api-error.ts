import type { Answer } from './route.ts';

export type ApiErrorOptions = {
  readonly code: number;
  /** The canonical code's name, `PERMISSION_DENIED`. */
  readonly status: string;
  readonly message: string;
  /** The one entry of the older `errors` list; the younger APIs have none. */
  readonly legacy?: Readonly<Record<string, string>>;
  /** What {@link https://cloud.google.com/apis/design/errors#error_info ErrorInfo} says. */
  readonly reason?: string;
  /** @default "googleapis.com" */
  readonly domain?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * Returns an error as Google's JSON APIs answer it.
 *
 * @see https://cloud.google.com/apis/design/errors#http_mapping
 */
export function apiError(options: ApiErrorOptions): Answer {
  const {
    code,
    status,
    message,
    legacy,
    reason,
    domain = 'googleapis.com',
    metadata = {},
    headers = {},
  } = options;
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason,
    domain,
    metadata,
  };
  return {
    status: code,
    headers,
    body: {
      error: {
        code,
        message,
        ...(legacy === undefined ? {} : { errors: [legacy] }),
        status,
        ...(reason === undefined ? {} : { details: [info] }),
      },
    },
  };
}
