import { type Finding, formatAmount, isMet, type Result } from './result.ts';

type Row = readonly string[];

const HEADINGS: Row = ['figure', 'bar', '', 'what'];

function verdict(finding: Finding): string {
  const met = isMet(finding);
  return met === undefined ? '' : met ? 'met' : 'missed';
}

function findingRow(title: string, finding: Finding): Row {
  const bar = finding.bar === undefined ? '' : `≤ ${formatAmount(finding.bar, finding.unit)}`;
  return [formatAmount(finding.value, finding.unit), bar, verdict(finding), `${title}, ${finding.what}`];
}

function sidesRow({ sides }: Result): Row {
  const amounts = sides.map(({ who, amount, unit }) => `${who} ${formatAmount(amount, unit)}`);
  return ['', '', '', `  ${amounts.join(' · ')}`];
}

function widthsOf(rows: readonly Row[]): readonly number[] {
  return HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
}

/** Returns the results as a table of plain text: each finding with its bar, and under them what was measured. */
export function renderTable(results: readonly Result[]): string {
  const rows = [
    HEADINGS,
    ...results.flatMap((result) => [
      ...result.findings.map((finding) => findingRow(result.title, finding)),
      sidesRow(result),
    ]),
  ];
  const widths = widthsOf(rows);
  const lines = rows.map(([value = '', bar = '', met = '', what = '']) =>
    [value.padStart(widths[0] ?? 0), bar.padStart(widths[1] ?? 0), met.padEnd(widths[2] ?? 0), what].join(
      '   ',
    ),
  );
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
