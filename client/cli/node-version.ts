/** The oldest that has all that the client is written with; `engines` in the package says the same, and npm only warns. */
const REQUIRED = [22, 12] as const;

/** Returns what is wrong with a version of Node.js (`22.12.0`) to run the command with, or `undefined` for one that will do. */
export function nodeVersionFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [requiredMajor, requiredMinor] = REQUIRED;
  return major > requiredMajor || (major === requiredMajor && minor >= requiredMinor)
    ? undefined
    : `gcp-token: Node.js ${REQUIRED.join('.')} or newer is needed, and this is ${version}: install a newer one, or put it first in PATH.`;
}
