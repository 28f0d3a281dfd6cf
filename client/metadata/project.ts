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

/** What stands for the number of a project that nobody has told: gcloud takes this machine for Google's by any number. */
export const UNKNOWN_PROJECT_NUMBER = '0';

/**
 * Returns the project's id: as it was given, or as the account's address says.
 *
 * @throws {MetadataFault} 404, with the flag that gives it
 */
export async function readProjectId(
  given: string | undefined,
  email: () => Promise<string | undefined>,
): Promise<string> {
  const id = given ?? projectIdOf((await email()) ?? '');
  if (id === undefined) {
    throw new MetadataFault(
      404,
      'The service account’s address does not tell its project; give the id with --project (option projectId).',
    );
  }
  return id;
}
