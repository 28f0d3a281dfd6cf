import { Storage } from '@google-cloud/storage';
import gcpMetadata from 'gcp-metadata';
import { Compute, GoogleAuth } from 'google-auth-library';

/**
 * What Google's libraries for Node.js find on this machine, with nothing but the environment to go by: they remember what they
 * found, so each question is asked in a process of its own. Prints its result as JSON.
 */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const [question = '', argument = ''] = process.argv.slice(2);

/** What the library is told when it is refused, which is what a person gets to see. */
async function messageOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? error.message : 'no message'),
  );
}

async function headersFor(url: string, scopes: string | string[]): Promise<string | null> {
  return (await new GoogleAuth({ scopes }).getRequestHeaders(url)).get('authorization');
}

const questions: Readonly<Record<string, () => Promise<unknown>>> = {
  'gcp-metadata': async () => ({
    available: await gcpMetadata.isAvailable(),
    email: await gcpMetadata.instance('service-accounts/default/email'),
    id: typeof (await gcpMetadata.instance('id')),
    accounts: await gcpMetadata.instance('service-accounts/'),
    whole: await gcpMetadata.instance({ property: 'service-accounts/', params: { recursive: 'true' } }),
    project: await gcpMetadata.project('project-id'),
    number: await gcpMetadata.project('numeric-project-id'),
    universe: await gcpMetadata.universe('universe-domain'),
    missing: await messageOf(gcpMetadata.instance('attributes/cluster-name')),
  }),
  'google-auth-library': async () => {
    const auth = new GoogleAuth({ scopes: SCOPE });
    const client = await auth.getClient();
    return {
      kind: client.constructor.name,
      authorization: (await client.getRequestHeaders()).get('authorization'),
      project: await auth.getProjectId(),
      universe: await auth.getUniverseDomain(),
      credentials: await auth.getCredentials(),
    };
  },
  scopes: async () => ({
    all: await headersFor('https://compute.googleapis.com/', []),
    one: await headersFor('https://compute.googleapis.com/', SCOPE),
    more: await headersFor('https://compute.googleapis.com/', [
      SCOPE,
      'https://www.googleapis.com/auth/drive',
    ]),
  }),
  account: async () => {
    const client = new Compute({ serviceAccountEmail: argument });
    return (await client.getRequestHeaders()).get('authorization');
  },
  identity: async () => {
    const client = await new GoogleAuth().getIdTokenClient(argument);
    return (await client.getRequestHeaders()).get('authorization');
  },
  'identity-refused': () => messageOf(new Compute().fetchIdToken(argument)),
  'access-refused': async () => messageOf(new Compute({ serviceAccountEmail: argument }).getAccessToken()),
  storage: async () => {
    const storage = new Storage({ apiEndpoint: argument, useAuthWithCustomEndpoint: true });
    const [buckets] = await storage.getBuckets();
    const [content] = await storage.bucket('reports').file('hello.txt').download();
    return { buckets: buckets.map(({ name }) => name), content: content.toString() };
  },
};

process.stdout.write(JSON.stringify((await questions[question]?.()) ?? null));
