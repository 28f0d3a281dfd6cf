import type { SourceDependencies } from '../lambda/credentials/token-source.ts';
import { createClock } from '../lambda/google/clock.ts';

const nothing = (what: string) => () => Promise.reject(new Error(`${what} is not to be asked`));

/** Returns what a source depends on, of which nothing answers but what `given` has. */
export function sourceDependencies(given: Partial<SourceDependencies> = {}): SourceDependencies {
  return {
    exchange: nothing('Google'),
    post: nothing('AWS'),
    clock: createClock(),
    aws: { region: nothing('AWS'), credentials: nothing('AWS') },
    connectAhead: () => {},
    allowsStandIns: true,
    step: (_, work) => work(),
    ...given,
  };
}
