import { VendError } from '../../lambda/errors.ts';

/** Does `work`, unless what it asks for has just been denied. @throws {VendError} the same as then */
export type UnlessDenied = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;

/** Whoever mends a profile or a policy does not want to wait for it to be believed. */
const MEMORY_MS = 10_000;
const MAX_DENIALS = 100;

/** Returns whether the vendor has said no, and not failed. */
export function isDenial(error: unknown): error is VendError {
  return error instanceof VendError && error.code === 'access_denied';
}

/** Returns what remembers for a few seconds what the vendor denied, so that it is not asked again at every request. */
export function createDenials(now: () => number): UnlessDenied {
  const denials = new Map<string, { readonly error: VendError; readonly untilMs: number }>();

  const note = (what: string, error: VendError): void => {
    denials.delete(what);
    denials.set(what, { error, untilMs: now() + MEMORY_MS });
    if (denials.size > MAX_DENIALS) {
      denials.delete(denials.keys().next().value ?? what);
    }
  };

  return async (what, work) => {
    const denial = denials.get(what);
    const leftMs = (denial?.untilMs ?? 0) - now();
    // More than its whole time is left only by a clock that was put back.
    if (denial !== undefined && leftMs > 0 && leftMs <= MEMORY_MS) {
      throw denial.error;
    }
    try {
      return await work();
    } catch (error) {
      if (isDenial(error)) {
        note(what, error);
      }
      throw error;
    }
  };
}
