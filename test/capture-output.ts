import { vi } from 'vitest';

export type Line = Readonly<Record<string, unknown>>;

/** What was written to standard output and standard error since the capture began. */
export type Output = {
  /** The lines that are JSON objects, which in the function are all. */
  readonly lines: () => readonly Line[];
  readonly text: () => string;
};

function parseLine(line: string): Line {
  try {
    return JSON.parse(line);
  } catch {
    return { unparsed: line };
  }
}

/** Takes what is written to standard output and standard error until the test ends (`vi.restoreAllMocks`). */
export function captureOutput(): Output {
  const written: string[] = [];
  const take = (chunk: unknown): boolean => {
    written.push(String(chunk));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
  const text = () => written.join('');
  return {
    text,
    lines: () =>
      text()
        .split('\n')
        .filter((line) => line !== '')
        .map(parseLine),
  };
}

/** The audit lines among `output`: one for each request. */
export function auditLines(output: Output): readonly Line[] {
  return output.lines().filter((line) => 'request_id' in line && '_aws' in line === false);
}

/** The lines among `output` that CloudWatch reads metrics from. */
export function metricLines(output: Output): readonly Line[] {
  return output.lines().filter((line) => '_aws' in line);
}
