import { readdirSync, readFileSync } from 'node:fs';
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
  ['refused-repeated-parameter.json', 'invalid_request'],
  ['refused-unknown-parameter.json', 'invalid_request'],
]);

/** Returns every sample. @throws {Error} for a file whose name does not say what is to become of it */
export function sampleEvents(): readonly SampleEvent[] {
  return readdirSync(FOLDER).map((file) => {
    const refusal = REFUSALS.get(file);
    if (refusal === undefined && !VENDED.test(file)) {
      throw new Error(`events/${file}: nothing says whether it is vended a token or refused`);
    }
    return { file, event: JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')), refusal };
  });
}

/** What the function answered or threw, in one form for all doors. */
export type Answered = {
  readonly access_token?: string;
  readonly id_token?: string;
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
