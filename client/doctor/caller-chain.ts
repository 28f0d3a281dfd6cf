import { UsageError } from '../../infra/usage-error.ts';
import type { Outcome } from '../../lambda/doctor/doctor-answer.ts';
import { VendError } from '../../lambda/errors.ts';
import { redact } from '../../lambda/quote.ts';
import type { ReportedCheck, ReportedLink } from './doctor-report.ts';

/** What lies between a program and its first token, on the caller's side. */
export type CallerLinkName =
  | 'configuration'
  | 'region'
  | 'AWS login'
  | 'vendor'
  | 'clock'
  | 'access token'
  | 'ID token'
  | 'account';

export type Finding = {
  readonly outcome: Outcome;
  readonly detail: string;
  /** How long it took, in milliseconds. */
  readonly ms?: number;
};

/** What a link gives to the ones behind it, besides what was found of it. */
export type Examined<Value> = Finding & { readonly value?: Value };

/** The links of one chain, as they are examined. */
export type CallerChain = {
  /** Examines a link and returns what it gives, `undefined` if it is broken. */
  readonly examine: <Value>(
    link: CallerLinkName,
    work: () => Promise<Examined<Value>>,
  ) => Promise<Value | undefined>;
  readonly note: (link: CallerLinkName, finding: Finding) => void;
  readonly check: (profile: string) => ReportedCheck;
};

function messageOf(error: unknown): string {
  return redact(error instanceof Error ? error.message : String(error));
}

/** Returns what is wrong as it is told: what nobody foresaw says so. */
export function brokenBy(error: unknown): Finding {
  const foreseen = error instanceof VendError || error instanceof UsageError;
  const message = messageOf(error);
  return { outcome: 'failed', detail: foreseen ? message : `failed unexpectedly: ${message}` };
}

/** Returns an empty chain; `now` is in milliseconds, by whichever clock. */
export function createCallerChain(now: () => number): CallerChain {
  const links: ReportedLink[] = [];
  return {
    examine: async (link, work) => {
      const startedAtMs = now();
      const took = () => ({ ms: Math.round(now() - startedAtMs) });
      try {
        const { outcome, detail, value } = await work();
        links.push({ link, outcome, detail, ...(outcome !== 'skipped' && took()) });
        return value;
      } catch (error) {
        links.push({ link, ...brokenBy(error), ...took() });
        return undefined;
      }
    },
    note: (link, finding) => {
      links.push({ link, ...finding });
    },
    check: (profile) => ({
      profile,
      asks: 'the way from here to the vendor’s tokens',
      ok: links.every(({ outcome }) => outcome !== 'failed'),
      links,
    }),
  };
}
