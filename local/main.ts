import { once } from 'node:events';
import { runCommand } from '../infra/usage-error.ts';
import { createTerminalAudit } from './audit-line.ts';
import { greeting } from './greeting.ts';
import { startLocalVendor } from './local-vendor.ts';
import { parseStartOptions, START_HELP } from './start-options.ts';

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

await runCommand(async () => {
  const options = parseStartOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(START_HELP);
    return;
  }
  const vendor = await startLocalVendor(options, { audit: createTerminalAudit(log), log });
  // Before the greeting: whoever has read it may stop us at once.
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  process.stdout.write(`${greeting(vendor, options)}\n`);
  await stopped;
  await vendor.close();
});
