import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import example from '../infra/profiles.json' with { type: 'json' };
import { ERRORS } from '../lambda/errors.ts';
import { FUNCTION_AUDIENCE, type Google } from '../local/google/server.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';

type Schema = Readonly<Record<string, unknown>>;
type OpenApi = {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { parameters?: Reference[]; responses: Record<string, Reference> }>>
    >
  >;
  readonly components: {
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly responses: Readonly<
      Record<
        string,
        { headers?: Record<string, unknown>; content: { 'application/json': { schema: Schema } } }
      >
    >;
    readonly schemas: {
      readonly Error: { properties: { error: { enum: string[] } } };
      readonly Request: { readonly properties: Schema };
      readonly FormRequest: { readonly properties: Schema };
    };
  };
};
type Reference = { readonly $ref: string };

const ID = 'https://vendor.example/openapi.yaml';
const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const openapi: OpenApi = parse(readFileSync(new URL('../docs/openapi.yaml', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false }).addSchema({ $id: ID, ...openapi });
const AUDIENCE = encodeURIComponent(FUNCTION_AUDIENCE);

/** The example's profiles, and one for what a request may name besides. */
const PROFILES = {
  ...example,
  terms: { scopes: ['cloud-platform'], subjects: ['alice@example.com'], maxLifetime: 3_600 },
};
const directory = mkdtempSync(join(tmpdir(), 'openapi-'));

let vendor: LocalVendor;
let google: Google;

beforeAll(async () => {
  const profilesFile = join(directory, 'profiles.json');
  writeFileSync(profilesFile, JSON.stringify(PROFILES));
  vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile,
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

afterAll(async () => {
  await vendor.close();
  rmSync(directory, { recursive: true });
});

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
    await hold('/profiles/terms/token?lifetime=3600'),
    await hold('/profiles/terms/token?subject=alice%40example.com'),
    await hold('/profiles/terms/token', { method: 'POST', headers: json, body: '{"lifetime":3600}' }),
    await hold('/profiles/terms/token', { method: 'POST', headers: json, body: '{"lifetime":"3600"}' }),
    await hold('/profiles/terms/token', { method: 'POST', headers: form, body: 'lifetime=3600' }),
  ];

  expect(answers).toEqual(answers.map(() => ({ status: 200, faults: [] })));
});

test('every refusal is as documented', async () => {
  const answers = [
    await hold('/token?audience=nonsense'),
    await hold('/token?audience=https%3A%2F%2Felsewhere.example'),
    await hold('/profiles/reports/token?scopes=cloud-platform'),
    await hold('/token?subject=alice%40example.com'),
    await hold('/profiles/terms/token?subject=bob%40example.com'),
    await hold('/profiles/terms/token?subject=nobody'),
    await hold('/token?lifetime=900'),
    await hold('/profiles/terms/token?lifetime=3601'),
    await hold('/profiles/terms/token?lifetime=599'),
    // Without impersonation a token of Google's lives for an hour.
    await hold('/profiles/terms/token?lifetime=900'),
    await hold('/token', { headers: { origin: 'https://page.example' } }),
  ];

  expect(answers).toEqual(
    [400, 403, 403, 403, 403, 400, 403, 403, 400, 500, 403].map((status) => ({ status, faults: [] })),
  );
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

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

function validatorOf(schema: string) {
  const validate = ajv.getSchema(`${ID}#/components/schemas/${schema}`);
  if (validate === undefined) {
    throw new Error(`the document has no schema ${schema}`);
  }
  return validate;
}

function post(headers: Readonly<Record<string, string>>, body: string) {
  return hold('/profiles/terms/token', { method: 'POST', headers, body });
}

test('a request body that the document refuses is refused', async () => {
  const bodies = [
    { audience: FUNCTION_AUDIENCE, scopes: ['openid'] },
    { audience: FUNCTION_AUDIENCE, subject: 'alice@example.com' },
    { audience: FUNCTION_AUDIENCE, lifetime: 3_600 },
    { unknown: 1 },
    { scopes: [] },
    { scopes: [1] },
    { subject: 'alice' },
    { subject: 'Alice@example.com' },
    { subject: 'alice@evil.example@example.com' },
    { subject: 'alice@example.com ' },
    { subject: ['alice@example.com'] },
    { subject: null },
    { subject: 'alice@example.com', lifetime: 900 },
    { subject: 'alice@example.com', lifetime: '900' },
    { lifetime: 599 },
    { lifetime: 43_201 },
    { lifetime: 900.5 },
    { lifetime: '0900' },
    { lifetime: ' 900' },
    { lifetime: '9e2' },
    { lifetime: null },
    { lifetime: [900] },
    { impersonate: 'reader@example-project.iam.gserviceaccount.com' },
  ];

  const verdicts = bodies.map((body) => validatorOf('Request')(body));
  const answers = await Promise.all(bodies.map((body) => post(JSON_TYPE, JSON.stringify(body))));

  expect(verdicts).toEqual(bodies.map(() => false));
  expect(answers).toEqual(bodies.map(() => ({ status: 400, faults: [] })));
});

test('a form that the document refuses is refused', async () => {
  const forms = [
    { audience: FUNCTION_AUDIENCE, subject: 'alice@example.com' },
    { audience: FUNCTION_AUDIENCE, scope: 'openid' },
    { subject: 'alice' },
    { subject: 'alice@example.com', lifetime: '900' },
    { lifetime: '0900' },
    { lifetime: '900s' },
    { unknown: '1' },
  ];

  const verdicts = forms.map((form) => validatorOf('FormRequest')(form));
  const answers = await Promise.all(
    forms.map((form) => post(FORM_TYPE, new URLSearchParams(form as Record<string, string>).toString())),
  );

  expect(verdicts).toEqual(forms.map(() => false));
  expect(answers).toEqual(forms.map(() => ({ status: 400, faults: [] })));
});

test('a request body that the document accepts is none that is refused for its form', async () => {
  const bodies = [
    {},
    { subject: 'alice@example.com' },
    { subject: "o'neill+x@sub.example.com" },
    { lifetime: 600 },
    { lifetime: '43200' },
    { subject: 'alice@example.com', lifetime: '3600' },
    { scope: 'cloud-platform', subject: 'alice@example.com', lifetime: 3_600 },
  ];

  const verdicts = bodies.map((body) => validatorOf('Request')(body));
  const answers = await Promise.all(bodies.map((body) => post(JSON_TYPE, JSON.stringify(body))));

  expect(verdicts).toEqual(bodies.map(() => true));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 500, 403, 200, 200]);
  expect(answers.flatMap(({ faults }) => faults)).toEqual([]);
});

test('the document has each parameter of a request, in a query, in JSON and in a form', async () => {
  const { error_description: words } = (await (await fetch(`${vendor.url}/token?x=1`)).json()) as Record<
    string,
    string
  >;
  const names = ['audience', 'lifetime', 'scope', 'scopes', 'subject'];
  const { Request: json, FormRequest: form } = openapi.components.schemas;

  expect(words).toBe('"x" is not a parameter; there are audience, scopes (or scope), subject and lifetime.');
  expect(Object.keys(openapi.components.parameters).toSorted()).toEqual(names);
  expect(Object.keys(json.properties).toSorted()).toEqual(names);
  expect(Object.keys(form.properties).toSorted()).toEqual(names);
  expect(openapi.paths['/token']?.get?.parameters?.map(({ $ref }) => $ref.split('/').at(-1))).toEqual([
    'audience',
    'scopes',
    'scope',
    'subject',
    'lifetime',
  ]);
});
