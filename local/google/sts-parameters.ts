import { parseJsonObject } from './json-object.ts';
import type { GoogleRequest } from './route.ts';
import { StsRefusal } from './sts-refusal.ts';

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
const NAMES = [
  'grant_type',
  'audience',
  'scope',
  'requested_token_type',
  'subject_token',
  'subject_token_type',
  'options',
] as const;

/** What a request to STS says, by the names of the form. */
export type StsParameters = Readonly<Partial<Record<(typeof NAMES)[number], string>>>;

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function readForm(body: string): (name: string) => unknown {
  const form = new URLSearchParams(body);
  if (new Set(form.keys()).size !== form.size) {
    throw new StsRefusal('invalid_request', 'A parameter is given more than once.');
  }
  return (name) => form.get(name) ?? undefined;
}

function readJson(body: string): (name: string) => unknown {
  const object = parseJsonObject(body);
  if (object === undefined) {
    throw new StsRefusal('invalid_request', 'Invalid JSON payload received. An object is expected.');
  }
  return (name) => object[camelCase(name)] ?? object[name];
}

function chooseReader({ headers, body }: GoogleRequest): (name: string) => unknown {
  const type = headers['content-type'] ?? '';
  if (FORM.test(type)) {
    return readForm(body);
  }
  if (JSON_TYPE.test(type)) {
    return readJson(body);
  }
  throw new StsRefusal('invalid_request', 'Content-Type must be a form’s or application/json.');
}

/**
 * Returns the parameters of a form, or of JSON with either spelling of the names (`grantType`, `grant_type`).
 *
 * @throws {StsRefusal} `invalid_request` for what cannot be read, a repeated parameter, or one that is no string
 */
export function readStsParameters(request: GoogleRequest): StsParameters {
  const read = chooseReader(request);
  const parameters: Partial<Record<(typeof NAMES)[number], string>> = {};
  for (const name of NAMES) {
    const value = read(name);
    if (value !== undefined && typeof value !== 'string') {
      throw new StsRefusal('invalid_request', `Invalid value for "${name}": a string is expected.`);
    }
    if (value !== undefined) {
      parameters[name] = value;
    }
  }
  return parameters;
}
