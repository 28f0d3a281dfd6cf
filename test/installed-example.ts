import { execFile } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const EXAMPLES = join(import.meta.dirname, '../examples');
const TIMEOUT_MS = 60_000;

/** A project that has the package installed, and the examples copied into it. */
export type InstalledExamples = {
  /** Runs a TypeScript file of an example with Node.js, in the example's folder, and returns what it prints. */
  readonly run: (
    example: string,
    program: string,
    environment: Readonly<Record<string, string>>,
  ) => Promise<string>;
};

/** Copies examples into a project as they are. It has what `npm install` leaves: a lock file, and the command of esbuild. */
export function copyExamples(project: string, names: readonly string[]): InstalledExamples {
  for (const name of names) {
    cpSync(join(EXAMPLES, name), join(project, name), { recursive: true });
  }
  writeFileSync(join(project, 'package-lock.json'), '{}');
  symlinkSync('../esbuild/bin/esbuild', join(project, 'node_modules/.bin/esbuild'));
  return {
    run: async (example, program, environment) => {
      const { stdout } = await promisify(execFile)(process.execPath, [program], {
        cwd: join(project, example),
        env: { PATH: process.env.PATH, HOME: project, ...environment },
        timeout: TIMEOUT_MS,
      });
      return stdout;
    },
  };
}
