import type { Check, Client, Finding, Report } from './client.ts';
import type { Stage } from './stage.ts';

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function find(check: Check, stage: Stage): Promise<Finding> {
  // What a client does is told from what the ones before did.
  stage.google.take();
  try {
    return await check(stage);
  } catch (error) {
    return { kind: 'red', why: messageOf(error) };
  }
}

/** Returns what comes of a client, whatever that is. */
export async function tryClient(client: Client, stage: Stage): Promise<Report> {
  const { name, title, door, install } = client;
  const version = await client.version(stage).catch(() => undefined);
  if (version === undefined) {
    return { name, title, door, installed: false, install };
  }
  const accessToken = await find(client.accessToken, stage);
  const idToken = await find(client.idToken, stage);
  return { name, title, door, installed: true, version, accessToken, idToken };
}

/** Returns whether a report lets the run pass; where all is to be there, what is missing does not. */
export function isPassed(report: Report, { demandsAll }: { readonly demandsAll: boolean }): boolean {
  return report.installed
    ? [report.accessToken, report.idToken].every(({ kind }) => kind !== 'red')
    : !demandsAll;
}
