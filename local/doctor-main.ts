import { styleText } from 'node:util';
import { demandAnswer } from '../client/doctor/doctor-answer.ts';
import { reportOf, type Style } from '../client/doctor/doctor-report.ts';
import { runCommand } from '../infra/usage-error.ts';
import type { DoctorAnswer } from '../lambda/doctor/doctor-answer.ts';
import { createTerminalAudit } from './audit-line.ts';
import {
  DOCTOR_HELP,
  type DoctorOptions,
  headingOf,
  nameTarget,
  parseDoctorOptions,
} from './doctor-options.ts';

/** Who waits for longer than this wants to know what for. */
const PROGRESS_MS = 3_000;
/** Of what goes into a file or a pipe. */
const PAPER_WIDTH = 100;

type Options = Extract<DoctorOptions, { readonly help: false }>;

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What is wrong with a request is told by the error that ends the command. */
const audit = { warn: createTerminalAudit(log).warn, record: () => {} };

/** Most of what the command takes is the loading of what it needs: the stand-ins, or the client for Lambda. */
async function ask({ target, event, profilesFile }: Options): Promise<unknown> {
  if (target.kind === 'function') {
    const { invokeDoctor } = await import('./doctor-invoke.ts');
    return await invokeDoctor(target, event);
  }
  const { examineHere } = await import('./doctor-here.ts');
  return await examineHere({ credential: target, event, profilesFile }, audit);
}

async function tellWhileSlow<Result>(work: Promise<Result>): Promise<Result> {
  const startedAtMs = Date.now();
  const timer = setInterval(
    () => log(`Still examining, for ${Math.round((Date.now() - startedAtMs) / 1000)} s now …`),
    PROGRESS_MS,
  );
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

function print(answer: DoctorAnswer, { target, json }: Options): void {
  const examined = nameTarget(target);
  const paint = (style: Style, text: string) => styleText(style, text, { stream: process.stdout });
  const width = process.stdout.isTTY ? process.stdout.columns : PAPER_WIDTH;
  process.stdout.write(
    json
      ? `${JSON.stringify({ examined, ...answer }, null, 2)}\n`
      : reportOf(answer, { heading: headingOf(target), width, paint }),
  );
}

await runCommand(async () => {
  const options = parseDoctorOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(DOCTOR_HELP);
    return;
  }
  const answer = demandAnswer(await tellWhileSlow(ask(options)));
  print(answer, options);
  process.exitCode = answer.ok ? 0 : 1;
});
