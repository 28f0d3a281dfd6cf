import type { BenchmarkName } from './options.ts';

export type Unit = 'ms' | 'µs' | 'KB' | 'MB' | 'exchanges' | 'requests';

/** What was measured of one of those compared. */
export type Side = { readonly who: string; readonly amount: number; readonly unit: Unit };

/** What follows from the measurements, as a ratio (`×`) or as an amount, and the bar that it is held to. */
export type Finding = {
  /** For example `to bare Node`. */
  readonly what: string;
  readonly value: number;
  readonly unit: Unit | '×';
  /** The most that it may be. */
  readonly bar?: number;
};

/** What one benchmark found. */
export type Result = {
  readonly benchmark: BenchmarkName;
  /** For example `loading the bundle`. */
  readonly title: string;
  readonly findings: readonly Finding[];
  /** The vendor's side first. */
  readonly sides: readonly Side[];
};

/** Returns whether a finding keeps within its bar; `undefined` if it has none. */
export function isMet({ value, bar }: Finding): boolean | undefined {
  return bar === undefined ? undefined : value <= bar;
}

/** Returns an amount to three significant digits, with its unit: `84.1 ms`, `0.73 ×`, `1,000 exchanges`. */
export function formatAmount(value: number, unit: Finding['unit']): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const whole = unit === 'exchanges' || Number.isInteger(value);
  const text = value.toLocaleString('en', {
    minimumFractionDigits: whole ? 0 : digits,
    maximumFractionDigits: whole ? 0 : digits,
  });
  return `${text} ${unit === 'exchanges' && value === 1 ? 'exchange' : unit}`;
}
