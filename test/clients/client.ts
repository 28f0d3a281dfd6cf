import type { Stage } from './stage.ts';

/** What came of one kind of token with one client. */
export type Finding =
  /** `proof` says what the client did with it. */
  | { readonly kind: 'green'; readonly proof: string }
  /** The client has no way to ask for this kind. */
  | { readonly kind: 'unsupported'; readonly why: string }
  | { readonly kind: 'red'; readonly why: string };

/** Lets a client get a token and use it. @throws {Error} saying what went wrong */
export type Check = (stage: Stage) => Promise<Exclude<Finding, { kind: 'red' }>>;

/** Somebody else's program or library, as it is. */
export type Client = {
  /** By which `--only` knows it. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** How it comes by tokens. */
  readonly door: 'gcp-token exec' | 'HTTP API' | 'Lambda API';
  /** What installs it where it is missing. */
  readonly install: string;
  /** Returns its version. @throws {Error} where it is not installed */
  readonly version: (stage: Stage) => Promise<string>;
  readonly accessToken: Check;
  readonly idToken: Check;
};

/** What a client is reported as. */
export type Report = Pick<Client, 'name' | 'title' | 'door'> &
  (
    | {
        readonly installed: true;
        readonly version: string;
        readonly accessToken: Finding;
        readonly idToken: Finding;
      }
    | { readonly installed: false; readonly install: string }
  );

/** Returns a check for a kind of token that the client has no way to ask for. */
export function noWay(why: string): Check {
  return async () => ({ kind: 'unsupported', why });
}
