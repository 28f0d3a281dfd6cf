import { join } from 'node:path';
import type { Client } from './client.ts';
import { INSTALL_GCLOUD } from './gcloud-clients.ts';
import { createProgramClient, programFile } from './program-client.ts';
import type { Run, Stage } from './stage.ts';

const PROGRAM = programFile('program.py');

/** Returns the interpreter on the path, or the system's own if only that one has google-auth. */
async function findPython(run: Run): Promise<string> {
  const imports = ['-c', 'import google.auth.transport.requests'];
  return await run(['python3', ...imports]).then(
    () => 'python3',
    () => run(['/usr/bin/python3', ...imports]).then(() => '/usr/bin/python3'),
  );
}

async function versionOf({ run }: Stage, python: string, environment = {}): Promise<string> {
  const library = await run([python, PROGRAM, 'version'], environment);
  return `${library.trim()}, ${(await run([python, '--version'])).trim()}`;
}

/** gcloud brings a Python, and a google-auth that is younger than Debian's. */
async function findBundle(run: Run): Promise<{ readonly python: string; readonly library: string }> {
  const format = '--format=value(basic.python_location,installation.sdk_root)';
  const [python = '', root = ''] = (await run(['gcloud', 'info', format])).trim().split('\t');
  return { python, library: join(root, 'lib/third_party') };
}

const debian = createProgramClient({
  name: 'python',
  title: 'Python: google-auth',
  install: 'apt-get install python3-google-auth python3-requests',
  version: async (stage) => await versionOf(stage, await findPython(stage.run)),
  command: async ({ run }) => [await findPython(run), PROGRAM],
});

const bundled = createProgramClient({
  name: 'python-gcloud',
  title: 'Python: google-auth, as gcloud has it',
  install: INSTALL_GCLOUD,
  version: async (stage) => {
    const { python, library } = await findBundle(stage.run);
    return await versionOf(stage, python, { PYTHONPATH: library });
  },
  command: async ({ run }) => {
    const { python, library } = await findBundle(run);
    return ['env', `PYTHONPATH=${library}`, python, PROGRAM];
  },
});

/** google-auth for Python, of two ages. */
export const PYTHON_CLIENTS: readonly Client[] = [debian, bundled];
