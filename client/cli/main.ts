#!/usr/bin/env node
import { runCli } from './run-cli.ts';

await runCli(process.argv.slice(2));
// Whatever is still under way, such as a process that was asked for AWS credentials, must not keep the caller waiting. What
// went wrong with standard output comes before.
setImmediate(() => process.exit());
