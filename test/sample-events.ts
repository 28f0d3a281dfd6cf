import { readdirSync, readFileSync } from 'node:fs';
import type { ProfileDocument } from '../lambda/policy/profiles.ts';
import type { Google } from '../local/google/server.ts';

/** One file of `events/`, and the error that it is to be refused with: by its name in HTTP, or as it is thrown. */
export type SampleEvent = {
  readonly file: string;
  readonly event: unknown;
  /** `undefined` for an event that is to get a token. */
  readonly refusal: string | undefined;
};

const FOLDER = new URL('../events/', import.meta.url);
const VENDED = /^(?:direct|function-url|http-api|rest-api|step-functions)-[a-z-]+\.json$/;
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['refused-audience.json', 'AccessDenied'],
  ['refused-both.json', 'InvalidRequest'],
  ['refused-lifetime.json', 'access_denied'],
  ['refused-repeated-parameter.json', 'invalid_request'],
  ['refused-subject.json', 'AccessDenied'],
  ['refused-unknown-parameter.json', 'invalid_request'],
]);

/** What a profile must say besides its scopes for the samples that the example's profiles refuse, by the file's ending. */
const TERMS: ReadonlyMap<string, ProfileDocument> = new Map([
  ['lifetime.json', { maxLifetime: 3_600 }],
  ['subject.json', { subjects: ['alice@example.com'] }],
]);

function readEvent(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
}

function termsOf(file: string): ProfileDocument | undefined {
  return REFUSALS.has(file) ? undefined : TERMS.get(file.split('-').at(-1) ?? '');
}

/**
 * Returns every sample that the example's profiles can be asked.
 *
 * @throws {Error} for a file whose name does not say what is to become of it
 */
export function sampleEvents(): readonly SampleEvent[] {
  const files = readdirSync(FOLDER).filter((file) => termsOf(file) === undefined);
  return files.map((file) => {
    const refusal = REFUSALS.get(file);
    if (refusal === undefined && !VENDED.test(file)) {
      throw new Error(`events/${file}: nothing says whether it is vended a token or refused`);
    }
    return { file, event: readEvent(file), refusal };
  });
}

/** A sample that needs a profile of its own, and what the profile must say. */
export type SampleOfTerms = {
  readonly file: string;
  readonly event: unknown;
  readonly terms: ProfileDocument;
};

/** Returns the samples that ask for a user or a lifetime, which the example's profiles allow nobody. */
export function samplesOfTerms(): readonly SampleOfTerms[] {
  return readdirSync(FOLDER).flatMap((file) => {
    const terms = termsOf(file);
    return terms === undefined ? [] : [{ file, event: readEvent(file), terms }];
  });
}

/** What the function answered or threw, in one form for all doors. */
export type Answered = {
  readonly access_token?: string;
  readonly id_token?: string;
  readonly expires_in?: number;
  /** In an HTTP answer. */
  readonly error?: string;
  /** Of what was thrown to a direct invoker. */
  readonly errorType?: string;
};

/** Returns the fields of an answer, out of the HTTP answer if it is in one. */
export function fieldsOf(answer: unknown): Answered {
  const { body } = answer as { body?: unknown };
  return typeof body === 'string' ? JSON.parse(body) : (answer as Answered);
}

/** Returns the status with which the service behind the stand-in takes the token: Compute Engine, or the private function. */
export async function presentToken(google: Google, { access_token, id_token }: Answered): Promise<number> {
  const instances = `${google.url}/compute/v1/projects/example-project/zones/europe-west1-b/instances`;
  const response = await fetch(id_token === undefined ? instances : google.functionUrl, {
    headers: { authorization: `Bearer ${id_token ?? access_token}` },
  });
  await response.arrayBuffer();
  return response.status;
}
