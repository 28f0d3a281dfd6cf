import type { Run } from './stage.ts';

/** Returns the version of a package of Debian's without Debian's own part. @throws {Error} if it is not installed */
export async function packageVersion(run: Run, name: string): Promise<string> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is dpkg-query's template
  const version = await run(['dpkg-query', '--show', '--showformat=${source:Upstream-Version}', name]);
  return version.replace(/^\d+:/, '').replace(/[+~].*$/, '');
}
