import type { Door } from './door.ts';
import type { VendError } from './errors.ts';
import type { Grant, TokenRequest, Vended } from './types.ts';

/** What is known of one request, as far as it came. */
export type Visit = {
  readonly requestId: string;
  readonly durationMs: number;
  readonly door: Door | undefined;
  readonly profile: string | undefined;
  readonly request: TokenRequest | undefined;
  /** What was authorized. */
  readonly grant: Grant | undefined;
} & ({ readonly vended: Vended } | { readonly error: VendError });
