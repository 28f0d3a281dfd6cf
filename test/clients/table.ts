import type { Finding, Report } from './client.ts';

type Row = readonly [string, string, string, string, string];

const HEADINGS: Row = ['client', 'version', 'tokens by', 'access token', 'ID token'];

function mark(finding: Finding): string {
  switch (finding.kind) {
    case 'green':
      return `✓ ${finding.proof}`;
    case 'unsupported':
      return '– none';
    case 'red':
      return '✗ failed';
    default:
      return finding satisfies never;
  }
}

function rowOf(report: Report): Row {
  return report.installed
    ? [report.title, report.version, report.door, mark(report.accessToken), mark(report.idToken)]
    : [report.title, 'not installed', report.door, '', ''];
}

function remarksOn(report: Report): readonly string[] {
  if (!report.installed) {
    return [`${report.title}: not installed; ${report.install}`];
  }
  const findings = [
    ['access token', report.accessToken],
    ['ID token', report.idToken],
  ] as const;
  return findings.flatMap(([what, finding]) =>
    finding.kind === 'green' ? [] : [`${report.title}, ${what}: ${finding.why}`],
  );
}

/** Returns the reports as a table of plain text, and below it what is to be said of what is not green. */
export function renderTable(reports: readonly Report[]): string {
  const rows = [HEADINGS, ...reports.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  const remarks = reports.flatMap(remarksOn);
  return `${[...lines, ...(remarks.length > 0 ? ['', ...remarks] : [])].join('\n')}\n`;
}
