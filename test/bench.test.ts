import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, openBench } from '../bench/bench.ts';
import { benchColdStart } from '../bench/cold-start.ts';
import { interleave } from '../bench/interleave.ts';
import { benchLoad } from '../bench/load.ts';
import { median, medianRatio } from '../bench/median.ts';
import { parseOptions } from '../bench/options.ts';
import { renderPlot } from '../bench/plot.ts';
import { isMet, type Result } from '../bench/result.ts';
import { benchSize } from '../bench/size.ts';
import { renderTable } from '../bench/table.ts';
import { exchangesFor } from '../bench/warm.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});

afterAll(async () => {
  await bench.close();
});

const SAMPLE: Result = {
  benchmark: 'load',
  title: 'loading the bundle',
  findings: [
    { what: 'to bare Node', value: 2.1, unit: '×', bar: 2.4 },
    { what: 'to <the peer>', value: 0.7, unit: '×', bar: 0.65 },
    { what: 'to itself', value: 1, unit: '×' },
  ],
  sides: [
    { who: 'vendor', amount: 84.14, unit: 'ms' },
    { who: 'peer', amount: 151, unit: 'ms' },
  ],
};

test('1,000 callers for one ID token make one exchange', async () => {
  expect(await exchangesFor(bench, bench.workspace.vendor, 1000)).toBe(1);
});

test('the peer, which caches no ID token, makes an exchange for each caller', async () => {
  expect(await exchangesFor(bench, bench.workspace.peer, 20)).toBe(20);
});

test('the bundle is within its bars', () => {
  const { findings } = benchSize(bench.workspace);

  expect(findings.map(isMet)).toEqual([true, true]);
});

test('a container of each kind starts, and gets its first token from the strict Google', async () => {
  const load = await benchLoad(bench, 1);
  const cold = await benchColdStart(bench, 1);

  const amounts = [...load.sides, ...cold.sides].map(({ amount }) => amount);
  expect(amounts).toHaveLength(7);
  expect(amounts.every((amount) => amount > 0)).toBe(true);
});

test('the table says of each finding whether it keeps within its bar', () => {
  const table = renderTable([SAMPLE]);

  expect(table).toMatch(/^ *2\.10 × +≤ 2\.40 × +met +loading the bundle, to bare Node$/m);
  expect(table).toMatch(/^ *0\.70 × +≤ 0\.65 × +missed +loading the bundle, to <the peer>$/m);
  expect(table).toMatch(/^ *1 × +loading the bundle, to itself$/m);
  expect(table).toMatch(/^ *vendor 84\.1 ms · peer 151 ms$/m);
});

test('the plot draws a bar for each side, in proportion, and escapes what it says', () => {
  const plot = renderPlot([SAMPLE]);

  const widths = [...plot.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths).toHaveLength(2);
  expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(84.14 / 151, 2);
  expect(plot).toContain('0.70 × to &lt;the peer&gt;');
});

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(() => median([])).toThrow('no median');
});

test('a ratio is taken round by round, so that a slow spell of the machine does not move it', () => {
  expect(medianRatio([1, 10, 1], [2, 20, 2])).toBe(0.5);
});

test('every contender has its turn in every round, and each begins in turn', async () => {
  const order: string[] = [];
  const contender = (name: string) => () => {
    order.push(name);
    return name;
  };

  const samples = await interleave(3, { a: contender('a'), b: contender('b') });

  expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
  expect(samples).toEqual({ a: ['a', 'a', 'a'], b: ['b', 'b', 'b'] });
});

test('what the command line does not know is refused with what it does', () => {
  expect(() => parseOptions(['--only', 'nothing'])).toThrow('must be one of load, cold-start');
  expect(() => parseOptions(['--runs', '0'])).toThrow('--runs 0: must be a whole number from 1 to 1000');
  expect(() => parseOptions(['--fast'])).toThrow('--fast');
  expect(parseOptions(['--quick', '--only', 'size'])).toMatchObject({
    benchmarks: ['size'],
    complete: false,
  });
});
