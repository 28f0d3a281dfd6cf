import { expect } from 'vitest';
import { VendError } from '../lambda/errors.ts';

/** One call of a fake, which the test ends when and as it likes. */
export type Call<Args, Result> = {
  readonly args: Args;
  readonly give: (result: Result) => void;
  readonly fail: (error: unknown) => void;
};

/** A function whose calls wait for the test. */
export type Calls<Args extends readonly unknown[], Result> = {
  readonly call: (...args: Args) => Promise<Result>;
  readonly list: readonly Call<Args, Result>[];
  /** The call of that number, from 0. @throws {Error} if there was none */
  readonly at: (index: number) => Call<Args, Result>;
};

/** Returns a function that notes its calls down and leaves them open. */
export function createCalls<Args extends readonly unknown[], Result>(): Calls<Args, Result> {
  const list: Call<Args, Result>[] = [];
  return {
    call: (...args) => new Promise((give, fail) => list.push({ args, give, fail })),
    list,
    at: (index) => {
      const found = list[index];
      if (found === undefined) {
        throw new Error(`there are ${list.length} calls, and none has the number ${index}`);
      }
      return found;
    },
  };
}

/** Returns the vendor's error that `run` ends with. @throws {Error} if it ends otherwise */
export async function failureOf(run: () => unknown): Promise<VendError> {
  let result: unknown;
  try {
    result = await run();
  } catch (error) {
    expect(error).toBeInstanceOf(VendError);
    return error as VendError;
  }
  throw new Error(`nothing was thrown, and ${typeof result} was returned`);
}
