import { accountsDirectory } from './account-directory.ts';
import type { Accounts } from './accounts.ts';
import type { FreshTokens } from './fresh-tokens.ts';
import { type Directory, directory, leaf } from './metadata-node.ts';
import { projectNumberOf, readProjectId, UNKNOWN_PROJECT_NUMBER } from './project.ts';

/** What the server says of the instance and the project that it stands for. */
export type Identity = {
  readonly instanceId: number;
  readonly projectId?: string | undefined;
  readonly numericProjectId?: string | undefined;
  readonly universeDomain?: string | undefined;
};

const GOOGLE_UNIVERSE = 'googleapis.com';
const INSTANCE_NAME = 'gcp-token';
/** There is no zone of Google's here; the form is what clients take apart. */
const ZONE = 'unknown';

/** Without a question to the vendor: gcloud asks for it to see where it runs, and does not wait for long. */
function projectNumber({ numericProjectId }: Identity, { first }: Accounts): string {
  return numericProjectId ?? projectNumberOf(first.knownEmail() ?? '') ?? UNKNOWN_PROJECT_NUMBER;
}

function projectDirectory(identity: Identity, accounts: Accounts): Directory {
  return directory({
    attributes: directory({}),
    'numeric-project-id': leaf(() => Number(projectNumber(identity, accounts))),
    'project-id': leaf(() => readProjectId(identity.projectId, accounts.first.email)),
  });
}

/**
 * Returns all that is served, from the root on. Of the machine that it runs on it says nothing.
 *
 * @see https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
 */
export function createTree(identity: Identity, accounts: Accounts, fresh: FreshTokens): Directory {
  const { instanceId, universeDomain = GOOGLE_UNIVERSE } = identity;
  const universe = directory({ 'universe-domain': leaf(() => universeDomain) });

  return directory({
    computeMetadata: directory({
      v1: directory({
        instance: directory({
          attributes: directory({}),
          id: leaf(() => instanceId),
          name: leaf(() => INSTANCE_NAME),
          'service-accounts': accountsDirectory(accounts, fresh),
          zone: leaf(() => `projects/${projectNumber(identity, accounts)}/zones/${ZONE}`),
        }),
        project: projectDirectory(identity, accounts),
        universe: {
          ...universe,
          // Both spellings are in use, and it is listed once.
          find: (name) => universe.find(name === 'universe_domain' ? 'universe-domain' : name),
        },
      }),
    }),
  });
}
