import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Finding } from './client.ts';
import type { Stage } from './stage.ts';
import type { Sight } from './witness.ts';

/** The service account that the vendor's tokens are of. */
export const PRINCIPAL = 'vendor@example-project.iam.gserviceaccount.com';

export const PROJECT = 'example-project';
export const ZONE = 'europe-west1-b';
export const BUCKET = `${PROJECT}-data`;
export const OBJECT = 'hello.txt';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const ISSUER = 'https://accounts.google.com';

/** What clients do with tokens at Google: where it is seen, and what they say afterwards. */
const USES = {
  'lists instances': { path: /^\/compute\/v1\/projects\/[^/]+\/zones\/[^/]+\/instances$/, says: 'web-1' },
  'lists buckets': { path: /^\/storage\/v1\/b$/, says: BUCKET },
  'lists objects': { path: /^\/storage\/v1\/b\/[^/]+\/o$/, says: OBJECT },
  'reads an object': { path: /^(?:\/download)?\/storage\/v1\/b\/[^/]+\/o\/hello\.txt$/, says: 'hello\n' },
  'calls the function': { path: /^\/functions\/hello$/, says: `Hello, ${PRINCIPAL}` },
} as const;

export type Use = keyof typeof USES;

type Green = Extract<Finding, { kind: 'green' }>;

/** Throws unless `token` is an access token of Google's with the profile's scope, and from the vendor. */
export async function demandAccessToken({ google, vendor }: Stage, token: string): Promise<void> {
  const response = await fetch(`${google.url}/tokeninfo`, {
    method: 'POST',
    body: new URLSearchParams({ access_token: token }),
  });
  const { email, scope } = (await response.json()) as { email?: string; scope?: string };
  if (email !== PRINCIPAL || scope !== SCOPE) {
    throw new Error(`Google says that the access token is of ${email}, for ${scope}`);
  }
  if (!vendor.hasVended(token)) {
    throw new Error('the access token is Google’s, but not from the vendor');
  }
}

/** Throws unless `token` is an ID token for the private function that Google has signed, and from the vendor. */
export async function demandIdToken({ google, vendor }: Stage, token: string): Promise<void> {
  const keys = createRemoteJWKSet(new URL(`${google.url}/oauth2/v3/certs`));
  const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: google.functionAudience });
  if (payload.email !== PRINCIPAL || payload.email_verified !== true) {
    throw new Error(`the ID token is of ${payload.email}`);
  }
  if (!vendor.hasVended(token)) {
    throw new Error('the ID token is Google’s, but not from the vendor');
  }
}

function describe(sights: readonly Sight[]): string {
  return sights.map(({ method, path, status }) => `${method} ${path} ${status}`).join(', ') || 'nothing';
}

function tokenOf(sights: readonly Sight[], use: Use): string {
  const sight = sights.find(({ path, status }) => status === 200 && USES[use].path.test(path));
  if (sight?.bearer === undefined) {
    throw new Error(`no token was seen with which it ${use}; Google saw ${describe(sights)}`);
  }
  return sight.bearer;
}

/**
 * Returns the finding that `uses` were made of the vendor's tokens: Google has seen each of them, with a token that is what it
 * should be, and the client has shown in `output` that it got the answer.
 *
 * @throws {Error} saying what is missing
 */
export async function proveUse(stage: Stage, uses: readonly Use[], output: string): Promise<Green> {
  const sights = stage.google.take();
  for (const use of uses) {
    const token = tokenOf(sights, use);
    await (use === 'calls the function' ? demandIdToken(stage, token) : demandAccessToken(stage, token));
    if (!output.includes(USES[use].says)) {
      throw new Error(
        `it ${use}, but does not say ${JSON.stringify(USES[use].says)}: ${output.slice(0, 300)}`,
      );
    }
  }
  return { kind: 'green', proof: uses.join(', ') };
}

async function textFrom(url: string, token: string): Promise<string> {
  return await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
}

/** Returns the finding for an access token that a client has printed, having used it. @throws {Error} */
export async function provePrintedAccessToken(stage: Stage, token: string): Promise<Green> {
  await proveUse(stage, ['lists instances'], await textFrom(instancesUrl(stage), token));
  return { kind: 'green', proof: 'prints one' };
}

/** Returns the finding for an ID token that a client has printed, having used it. @throws {Error} */
export async function provePrintedIdToken(stage: Stage, token: string): Promise<Green> {
  await proveUse(stage, ['calls the function'], await textFrom(stage.google.functionUrl, token));
  return { kind: 'green', proof: 'prints one' };
}

export function instancesUrl({ google }: Stage): string {
  return `${google.url}/compute/v1/projects/${PROJECT}/zones/${ZONE}/instances`;
}

export function objectUrl({ google }: Stage): string {
  return `${google.url}/storage/v1/b/${BUCKET}/o/${OBJECT}?alt=media`;
}
