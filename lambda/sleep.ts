/** Waits for a number of milliseconds; what waits takes it as an argument, so that a test need not. */
export type Sleep = (ms: number) => Promise<void>;

/** Resolves after `ms` milliseconds of real time. */
export const sleepFor: Sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
