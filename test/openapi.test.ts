import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ERRORS } from '../lambda/errors.ts';
import { FUNCTION_AUDIENCE, type Google } from '../local/google/server.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';

type Schema = Readonly<Record<string, unknown>>;
type OpenApi = {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { responses: Record<string, Reference> }>>>
  >;
  readonly components: {
    readonly responses: Readonly<
      Record<
        string,
        { headers?: Record<string, unknown>; content: { 'application/json': { schema: Schema } } }
      >
    >;
    readonly schemas: {
      readonly Error: { properties: { error: { enum: string[] } } };
      readonly Request: Schema;
    };
  };
};
type Reference = { readonly $ref: string };

const ID = 'https://vendor.example/openapi.yaml';
const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const openapi: OpenApi = parse(readFileSync(new URL('../docs/openapi.yaml', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false }).addSchema({ $id: ID, ...openapi });
const AUDIENCE = encodeURIComponent(FUNCTION_AUDIENCE);

let vendor: LocalVendor;
let google: Google;

beforeAll(async () => {
  vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: 'infra/profiles.json',
      credential: { kind: 'stand-in' },
      requireSignature: false,
    },
    QUIET,
  );
  if (vendor.google === undefined) {
    throw new Error('the vendor has no stand-in for Google');
  }
  google = vendor.google;
});

afterAll(async () => await vendor.close());

function responseName(path: string, method: string, status: number): string {
  const template = path.startsWith('/profiles/') ? '/profiles/{profile}/token' : '/token';
  const reference = openapi.paths[template]?.[method]?.responses[String(status)];
  if (reference === undefined) {
    throw new Error(`${method} ${template} has no documented ${status}`);
  }
  return reference.$ref.split('/').at(-1) ?? '';
}

/** Holds an answer against what the document says of its path, method and status. */
async function hold(path: string, init: RequestInit = {}): Promise<{ status: number; faults: unknown }> {
  const response = await fetch(vendor.url + path, init);
  const name = responseName(path, (init.method ?? 'GET').toLowerCase(), response.status);
  const validate = ajv.getSchema(`${ID}#/components/responses/${name}/content/application~1json/schema`);
  const body: unknown = await response.json();
  const missing = Object.keys(openapi.components.responses[name]?.headers ?? {}).filter(
    (header) => !response.headers.has(header),
  );
  return {
    status: response.status,
    faults:
      validate?.(body) === true && missing.length === 0 ? [] : { errors: validate?.errors, missing, body },
  };
}

test('every answer to a good request is as documented', async () => {
  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  const answers = [
    await hold('/token'),
    await hold('/token?scopes=cloud-platform'),
    await hold(`/token?audience=${AUDIENCE}`),
    await hold('/token', { method: 'POST', headers: json, body: '{"scopes":["cloud-platform"]}' }),
    await hold('/token', { method: 'POST', headers: form, body: `audience=${AUDIENCE}` }),
    await hold('/profiles/reports/token?scope=storage-ro'),
    await hold('/profiles/reports/token', { method: 'POST' }),
  ];

  expect(answers).toEqual(answers.map(() => ({ status: 200, faults: [] })));
});

test('every refusal is as documented', async () => {
  const answers = [
    await hold('/token?audience=nonsense'),
    await hold('/token?audience=https%3A%2F%2Felsewhere.example'),
    await hold('/profiles/reports/token?scopes=cloud-platform'),
    await hold('/token', { headers: { origin: 'https://page.example' } }),
  ];

  expect(answers).toEqual([400, 403, 403, 403].map((status) => ({ status, faults: [] })));
});

test('what Google makes of a request is answered as documented', async () => {
  google.interfere(() => ({ status: 400, body: '{"error":"invalid_scope"}' }));
  const refused = await hold(
    '/token?audience=https%3A%2F%2Feurope-west1-example.cloudfunctions.net%2Frefused',
  );
  google.interfere(() => ({ status: 503, body: '' }));
  const unavailable = await hold(
    '/token?audience=https%3A%2F%2Feurope-west1-example.cloudfunctions.net%2Fdown',
  );
  google.interfere(undefined);

  expect([refused, unavailable]).toEqual([502, 503].map((status) => ({ status, faults: [] })));
});

test('the document knows each error of the table, with its status', () => {
  const statuses = Object.keys(openapi.paths['/token']?.get?.responses ?? {});

  expect(openapi.components.schemas.Error.properties.error.enum.toSorted()).toEqual(
    Object.keys(ERRORS).toSorted(),
  );
  expect(new Set(Object.values(ERRORS).map(({ status }) => String(status)))).toEqual(
    new Set(statuses.filter((status) => status !== '200')),
  );
});

test('a request body that the document refuses is refused', async () => {
  const bodies = [
    { audience: FUNCTION_AUDIENCE, scopes: ['openid'] },
    { unknown: 1 },
    { scopes: [] },
    { scopes: [1] },
  ];
  const validate = ajv.getSchema(`${ID}#/components/schemas/Request`);

  const verdicts = bodies.map((body) => validate?.(body));
  const answers = await Promise.all(
    bodies.map((body) =>
      hold('/token', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    ),
  );

  expect(verdicts).toEqual(bodies.map(() => false));
  expect(answers).toEqual(bodies.map(() => ({ status: 400, faults: [] })));
});
