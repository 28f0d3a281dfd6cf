import { spawnSync } from 'node:child_process';

const IMPORTS = 'import google.auth.transport.requests';
/** That on the path, and that for which a distribution installs its packages. */
const CANDIDATES = ['python3', '/usr/bin/python3'] as const;
const TIMEOUT_MS = 30_000;

/** Returns a Python that has Google's library, or `undefined`. The variable PYTHON names the one to take. */
export function findPython(wanted = process.env.PYTHON): string | undefined {
  const candidates = wanted === undefined || wanted === '' ? CANDIDATES : [wanted];
  return candidates.find(
    (python) => spawnSync(python, ['-c', IMPORTS], { timeout: TIMEOUT_MS }).status === 0,
  );
}
