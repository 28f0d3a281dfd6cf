/** What lies between a profile and its first token, each by the name that people know it by. */
export type LinkName =
  | 'secret'
  | 'document'
  | 'signature'
  | 'token endpoint'
  | 'STS'
  | 'impersonation'
  | 'downscoping'
  | 'clock'
  | 'first token';

/** `skipped` is what was not reached, or not needed; a `warning` breaks nothing now. */
export type Outcome = 'ok' | 'warning' | 'failed' | 'skipped';

/** One link of a chain, and what was found of it. */
export type Link = {
  readonly link: LinkName;
  readonly outcome: Outcome;
  /** For people, in one line: what is there, or what is wrong and the fix. No token, no key. */
  readonly detail: string;
  /** How long it took, in milliseconds. */
  readonly ms?: number;
};

/** What was found of one grant of one profile: its links in their order. */
export type Check = {
  readonly profile: string;
  readonly credential: string;
  /** `access token`, or `ID token for AUDIENCE`. */
  readonly asks: string;
  /** Whether no link failed. */
  readonly ok: boolean;
  /** Whether nothing was examined: its one link says why. */
  readonly skipped?: true;
  readonly links: readonly Link[];
};

/** What the doctor answers. `ok` is whether all checks are. */
export type DoctorAnswer = { readonly ok: boolean; readonly checks: readonly Check[] };
