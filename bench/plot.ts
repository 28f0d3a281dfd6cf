import { formatAmount, type Result, type Side } from './result.ts';

const WIDTH = 760;
const MARGIN = 16;
const LABEL_WIDTH = 210;
const AMOUNT_WIDTH = 110;
const BAR_HEIGHT = 14;
const ROW_HEIGHT = 20;
const TITLE_HEIGHT = 30;
const GROUP_GAP = 14;
const BAR_WIDTH = WIDTH - 2 * MARGIN - LABEL_WIDTH - AMOUNT_WIDTH;
/** Characters that the width holds. */
const MAX_HEADING = 98;
/** What is next to nothing still shows. */
const MIN_BAR = 1.5;

/** Middle tones that stand out on white and on black alike, so that a page may be either. */
const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #6e7781; }
  .title { font-size: 13px; font-weight: 600; }
  .ours { fill: #2f81f7; }
  .others { fill: #8b949e; opacity: 0.55; }
  .who { font-weight: 600; fill: #2f81f7; }`;

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function textAt(x: number, y: number, text: string, attributes = ''): string {
  return `<text x="${x}" y="${y}"${attributes}>${escapeXml(text)}</text>`;
}

function barRow({ who, amount, unit }: Side, index: number, max: number, y: number): string {
  const ours = index === 0;
  const width = Math.max(MIN_BAR, (amount / max) * BAR_WIDTH);
  const left = MARGIN + LABEL_WIDTH;
  const baseline = y + BAR_HEIGHT - 3;
  return [
    textAt(left - 8, baseline, who, ` text-anchor="end"${ours ? ' class="who"' : ''}`),
    `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" class="${ours ? 'ours' : 'others'}"/>`,
    textAt(Number((left + width + 6).toFixed(1)), baseline, formatAmount(amount, unit)),
  ].join('\n');
}

/** The title and as many of its ratios as there is room for. */
function heading({ title, findings }: Result): string {
  const ratios = findings.filter(({ unit }) => unit === '×');
  return ratios.reduce((line, { what, value }) => {
    const longer = `${line} · ${formatAmount(value, '×')} ${what}`;
    return longer.length <= MAX_HEADING ? longer : line;
  }, title);
}

function heightOf({ sides }: Result): number {
  return TITLE_HEIGHT + sides.length * ROW_HEIGHT + GROUP_GAP;
}

function group(result: Result, top: number): string {
  const max = Math.max(...result.sides.map(({ amount }) => amount));
  const rows = result.sides.map((side, index) =>
    barRow(side, index, max, top + TITLE_HEIGHT + index * ROW_HEIGHT),
  );
  return [textAt(MARGIN, top + 20, heading(result), ' class="title"'), ...rows].join('\n');
}

/** Returns the results as bars in an SVG that needs nothing but itself; each group has a scale of its own. */
export function renderPlot(results: readonly Result[]): string {
  const tops = results.map((_, index) =>
    results.slice(0, index).reduce((sum, result) => sum + heightOf(result), 0),
  );
  const height = results.reduce((sum, result) => sum + heightOf(result), 0) + MARGIN;
  const groups = results.map((result, index) => group(result, tops[index] ?? 0));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="The token vendor measured beside google-auth-library; shorter is better">
<style>${STYLE}
</style>
${groups.join('\n')}
</svg>
`;
}
