import type { Check, Link, Outcome } from '../../lambda/doctor/doctor-answer.ts';

/** A link of whichever chain. */
export type ReportedLink = Omit<Link, 'link'> & { readonly link: string };

/** A chain of the vendor's own, or one that leads to it, and so to no credential. */
export type ReportedCheck = Omit<Check, 'credential' | 'links'> & {
  readonly credential?: string;
  readonly links: readonly ReportedLink[];
};

export type Reported = { readonly ok: boolean; readonly checks: readonly ReportedCheck[] };

/** How text looks; a report on paper has one that does nothing. */
export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

export type ReportOptions = {
  /** The line above the report. */
  readonly heading: string;
  /** How many characters a line may have. */
  readonly width: number;
  readonly paint: (style: Style, text: string) => string;
};

const MARKS: Readonly<Record<Outcome, readonly [mark: string, style: Style]>> = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  failed: ['✗', 'red'],
  skipped: ['–', 'dim'],
};

const NAME_WIDTH = 'token endpoint'.length;
const TIME_WIDTH = '12345 ms'.length;
const INDENT = '  ';
/** A terminal that is narrower than this is to fold the lines itself. */
const MIN_DETAIL_WIDTH = 30;

/** What others have written is not to move the cursor, or to turn the text around. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}

/** Returns the lines of `text`, none longer than `width` if its words are not. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of plain(text).split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = `${line} ${word}`;
    }
  }
  return lines;
}

function describeLink({ link, outcome, detail, ms }: ReportedLink, { width, paint }: ReportOptions): string {
  const [mark, style] = MARKS[outcome];
  const name = link.padEnd(NAME_WIDTH);
  const time = (ms === undefined ? '' : `${ms} ms`).padStart(TIME_WIDTH);
  const before = `${INDENT}${mark} ${name} ${time}  `;
  const [first = '', ...others] = wrap(detail, Math.max(MIN_DETAIL_WIDTH, width - before.length)).map(
    (line) => (outcome === 'skipped' ? paint('dim', line) : line),
  );
  const begin = `${INDENT}${paint(style, mark)} ${paint(style, name)} ${paint('dim', time)}  ${first}`;
  return [begin, ...others.map((line) => `${' '.repeat(before.length)}${line}`)].join('\n');
}

function describeCheck(check: ReportedCheck, options: ReportOptions): string {
  const { profile, credential, asks, links } = check;
  const from = credential === undefined ? '' : ` (credential ${plain(credential)})`;
  const title = `${options.paint('bold', plain(profile))}: ${plain(asks)}${from}`;
  return [title, ...links.map((link) => describeLink(link, options))].join('\n');
}

function findFirst({ checks }: Reported, wanted: Outcome): string | undefined {
  for (const { profile, asks, links } of checks) {
    const found = links.find(({ outcome }) => outcome === wanted);
    if (found !== undefined) {
      return plain(`${profile}, ${asks}, ${found.link}: ${found.detail}`);
    }
  }
  return undefined;
}

function hasToken({ links }: ReportedCheck): boolean {
  return links.at(-1)?.outcome === 'ok';
}

function verdict(answer: Reported, paint: ReportOptions['paint']): string {
  const { checks } = answer;
  const broken = checks.filter(({ ok }) => !ok).length;
  if (!answer.ok) {
    return `${paint('red', `Broken: ${broken} of ${checks.length}.`)} Mend first: ${findFirst(answer, 'failed')}`;
  }
  const warning = findFirst(answer, 'warning');
  if (warning !== undefined) {
    return `${paint('yellow', 'Healthy, with a warning.')} Look at: ${warning}`;
  }
  const held = checks.filter(hasToken).length;
  const skipped = held === checks.length ? '' : `, and ${checks.length - held} skipped`;
  return paint('green', `Healthy: ${held} of ${held}${skipped}.`);
}

/** Returns a doctor's answer as a person reads it: what was examined, a line a link, and last the verdict with the first thing to mend. */
export function reportOf(answer: Reported, options: ReportOptions): string {
  const checks = answer.checks.map((check) => `${describeCheck(check, options)}\n`);
  return [`${plain(options.heading)}\n`, ...checks, verdict(answer, options.paint), ''].join('\n');
}
