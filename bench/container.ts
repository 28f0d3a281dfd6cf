import type { Bench } from './bench.ts';
import { runChild } from './child.ts';
import type { BundleFile } from './workspace.ts';

/** The steps of a container's start, in milliseconds. */
export type ContainerStart = {
  /** From the start of the process until the bundle was loaded. */
  readonly loadedMs: number;
  /** The import of the bundle alone. */
  readonly importMs: number;
  /** From the start of the process until the first event was answered; `NaN` if there was none. */
  readonly tokenMs: number;
};

type Stamps = { readonly importAt: string; readonly loadedAt: string; readonly tokenAt?: string };

function elapsedMs(from: bigint, to: string): number {
  return Number(BigInt(to) - from) / 1e6;
}

export type ContainerOptions = {
  /** @default - none: it is only loaded */
  readonly event?: object;
  /** @default - that of a Lambda with a key in Secrets Manager */
  readonly environment?: Readonly<Record<string, string>>;
};

/** Starts a process that loads `bundle`, and hands it `event` if there is one, at the distances of a real Lambda. */
export async function startContainer(
  { workspace, distantEnvironment }: Bench,
  bundle: BundleFile,
  { event, environment = distantEnvironment }: ContainerOptions = {},
): Promise<ContainerStart> {
  const { result, startedAtNs } = await runChild({
    args: [workspace.runtimeProgram, bundle.path, ...(event === undefined ? [] : [JSON.stringify(event)])],
    environment,
  });
  const { importAt, loadedAt, tokenAt } = result as Stamps;
  return {
    loadedMs: elapsedMs(startedAtNs, loadedAt),
    importMs: elapsedMs(BigInt(importAt), loadedAt),
    tokenMs: tokenAt === undefined ? Number.NaN : elapsedMs(startedAtNs, tokenAt),
  };
}
