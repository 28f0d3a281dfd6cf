import { MetadataFault } from './metadata-fault.ts';

const OF_PROJECT = /^[^@]+@([a-z][a-z0-9-]+)(?:\.([a-z0-9.-]+))?\.iam\.gserviceaccount\.com$/;
const OF_APP_ENGINE = /^([a-z][a-z0-9-]+)@appspot\.gserviceaccount\.com$/;
const OF_COMPUTE_ENGINE = /^(\d+)-compute@developer\.gserviceaccount\.com$/;

/**
 * Returns the id of the project that a service account is in, as far as its address says so. Projects of the older kind
 * have a domain before their name: `example.com:project`.
 *
 * @see https://cloud.google.com/iam/docs/service-account-types
 */
export function projectIdOf(email: string): string | undefined {
  const [, project, domain] = OF_PROJECT.exec(email) ?? OF_APP_ENGINE.exec(email) ?? [];
  return domain === undefined || project === undefined ? project : `${domain}:${project}`;
}

/** Returns the number of the project that Compute Engine's default service account is in. */
export function projectNumberOf(email: string): string | undefined {
  return OF_COMPUTE_ENGINE.exec(email)?.[1];
}

/** Returns `given`, or what `derive` finds in the address of the account. @throws {MetadataFault} 404 with the flag */
export async function projectValue(
  given: string | undefined,
  email: () => Promise<string | undefined>,
  { flag, option, derive }: { flag: string; option: string; derive: typeof projectIdOf },
): Promise<string> {
  const value = given ?? derive((await email()) ?? '');
  if (value === undefined) {
    throw new MetadataFault(
      404,
      `The service account's address does not tell this of the project; give it with ${flag} (option ${option}).`,
    );
  }
  return value;
}
