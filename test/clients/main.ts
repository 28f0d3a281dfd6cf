import { runCommand } from '../../infra/usage-error.ts';
import type { Client, Report } from './client.ts';
import { CLIENTS } from './clients.ts';
import { clientsHelp, parseOptions } from './options.ts';
import { openStage } from './stage.ts';
import { renderTable } from './table.ts';
import { isPassed, tryClient } from './try-clients.ts';

async function tryAll(clients: readonly Client[]): Promise<readonly Report[]> {
  const stage = await openStage();
  try {
    const reports: Report[] = [];
    for (const client of clients) {
      process.stderr.write(`trying ${client.title} …\n`);
      reports.push(await tryClient(client, stage));
    }
    return reports;
  } finally {
    await stage.close();
  }
}

/** Commands are ended when this process is, however that comes. */
function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(1));
  }
}

async function main(): Promise<void> {
  exitOnSignals();
  const { clients, json, help } = parseOptions(process.argv.slice(2), CLIENTS);
  if (help) {
    process.stdout.write(clientsHelp(CLIENTS));
    return;
  }
  const reports = await tryAll(clients);
  process.stdout.write(json ? `${JSON.stringify(reports, null, 2)}\n` : renderTable(reports));
  const demandsAll = Boolean(process.env.CI);
  if (!reports.every((report) => isPassed(report, { demandsAll }))) {
    process.exitCode = 1;
  }
}

await runCommand(main);
