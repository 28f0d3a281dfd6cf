import { asVendError } from '../errors.ts';
import type { Link, LinkName, Outcome } from './doctor-answer.ts';

/** What was found of a link. */
export type Finding = {
  readonly outcome: Exclude<Outcome, 'skipped'>;
  readonly detail: string;
  /** What is left of a warning once Google's STS has taken what it was about. */
  readonly onceAccepted?: string;
};

/** A chain while it is walked. */
export type Chain = {
  /** Says which links are to come between the document and the clock. */
  readonly expect: (links: readonly LinkName[]) => void;
  /** Does the work of the next link of that name; what it throws is thrown on, and found to be the link's failure. */
  readonly run: <Result>(
    link: LinkName,
    work: () => Promise<Result>,
    judge: (result: Result) => Finding | Promise<Finding>,
  ) => Promise<Result>;
  /** Says what was found of a link that takes no time. */
  readonly note: (link: LinkName, finding: Finding) => void;
  /** Goes back to the document, for another try of what follows it. */
  readonly rewind: () => void;
  /** Puts a failure down to the link that is under way, or else to the last that was; unless one has failed already. */
  readonly fail: (detail: string) => void;
  /** Returns what is known now. */
  readonly links: () => readonly Link[];
};

type Place = { readonly link: LinkName; finding: Finding | undefined; ms: number | undefined };

const BEGIN: readonly LinkName[] = ['secret', 'document'];
const END: readonly LinkName[] = ['clock', 'first token'];

/** A key in the document itself signs where nobody watches: that it did shows in what comes after. */
const SIGNED: Finding = { outcome: 'ok', detail: 'the key in the document signs' };

function placeOf(link: LinkName): Place {
  return { link, finding: undefined, ms: undefined };
}

function whySkipped(link: LinkName, broken: LinkName | undefined): string {
  if (broken !== undefined) {
    return `not reached, because of the ${broken}`;
  }
  return link === 'clock' ? 'Google was not asked, so that its time is not known' : 'not needed';
}

function present({ link, finding, ms }: Place, broken: LinkName | undefined, isAccepted: boolean): Link {
  if (finding === undefined) {
    return { link, outcome: 'skipped', detail: whySkipped(link, broken) };
  }
  const { outcome, detail, onceAccepted } = finding;
  const shown =
    isAccepted && onceAccepted !== undefined
      ? ({ outcome: 'ok', detail: onceAccepted } as const)
      : { outcome, detail };
  return { link, ...shown, ...(ms !== undefined && { ms: Math.round(ms) }) };
}

/** Returns a chain of which nothing has been walked. */
export function createChain(now: () => number): Chain {
  let places = [...BEGIN, ...END].map(placeOf);
  let reached = 0;
  let sinceMs = now();

  const broken = () => places.find(({ finding }) => finding?.outcome === 'failed');

  const passOver = (passed: readonly Place[]): void => {
    for (const place of passed) {
      if (place.link === 'signature' && place.finding === undefined) {
        place.finding = SIGNED;
        place.ms = now() - sinceMs;
      }
    }
  };

  /** A link that was not expected comes where it is met. */
  const reach = (link: LinkName): Place => {
    const expected = places.slice(reached).find((place) => place.link === link);
    const place = expected ?? placeOf(link);
    if (expected === undefined) {
      places.splice(reached, 0, place);
    }
    const index = places.indexOf(place);
    passOver(places.slice(reached, index));
    reached = index + 1;
    place.finding = undefined;
    return place;
  };

  return {
    expect: (links) => {
      places = [...places.slice(0, BEGIN.length), ...[...links, ...END].map(placeOf)];
    },
    run: async (link, work, judge) => {
      const place = reach(link);
      const startedAtMs = now();
      const stop = () => {
        sinceMs = now();
        place.ms = sinceMs - startedAtMs;
      };
      try {
        const result = await work();
        stop();
        place.finding = await judge(result);
        return result;
      } catch (error) {
        stop();
        place.finding = { outcome: 'failed', detail: asVendError(error).message };
        throw error;
      }
    },
    note: (link, finding) => {
      reach(link).finding = finding;
    },
    rewind: () => {
      reached = BEGIN.length;
      sinceMs = now();
      const failed = broken();
      if (failed !== undefined) {
        failed.finding = undefined;
      }
    },
    fail: (detail) => {
      const last = places[Math.max(0, reached - 1)];
      if (broken() === undefined && last !== undefined) {
        last.finding = { outcome: 'failed', detail };
      }
    },
    links: () => {
      const failed = broken()?.link;
      const isAccepted = places.some(({ link, finding }) => link === 'STS' && finding?.outcome === 'ok');
      return places.map((place) => present(place, failed, isAccepted));
    },
  };
}
