import { parseFlags } from '../infra/flags.ts';
import { runCommand, UsageError } from '../infra/usage-error.ts';
import { EXAMPLES } from './examples.ts';
import { startHere } from './here.ts';

const LIST = Object.entries(EXAMPLES)
  .map(([name, { shows }]) => `  ${name.padEnd(16)}${shows}`)
  .join('\n');

const HELP = `Runs an example on this machine, with a vendor of its own and stand-ins for AWS and Google on 127.0.0.1.

Usage: npm run --silent example -- NAME

${LIST}

What the example says is on standard output, and what the vendor says of it on standard error.
`;

await runCommand(async () => {
  const { values, positionals } = parseFlags('npm run example', {
    options: { help: { type: 'boolean', short: 'h', default: false } },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const [name = '', ...more] = positionals;
  const example = Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : undefined;
  if (example === undefined || more.length > 0) {
    throw new UsageError(
      `Which example? npm run --silent example -- NAME, with one of ${Object.keys(EXAMPLES).join(', ')}.`,
    );
  }
  const here = await startHere(example.folder, (line) => process.stderr.write(`vendor: ${line}\n`));
  try {
    process.exitCode = await example.run(here);
  } finally {
    await here.close();
  }
});
