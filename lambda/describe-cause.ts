import type { Fields } from './fields.ts';
import { redact } from './quote.ts';

/**
 * Returns what a log line says of the error underneath: its name, message and code, and not its other fields, since an error of
 * the SDK's can hold a whole response.
 */
export function describeCause(cause: unknown): Fields {
  if (!(cause instanceof Error)) {
    return {};
  }
  const { code } = cause as { code?: unknown };
  return {
    cause: {
      name: redact(cause.name),
      message: redact(cause.message),
      ...(typeof code === 'string' ? { code: redact(code) } : {}),
      stack: redact(cause.stack ?? '')
        .split('\n')
        .slice(1, 6)
        .join('\n'),
    },
  };
}
