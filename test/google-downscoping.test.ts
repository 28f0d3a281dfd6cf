import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Google, startGoogle } from '../local/google/server.ts';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const RULE = {
  availableResource: '//storage.googleapis.com/projects/_/buckets/reports',
  availablePermissions: ['inRole:roles/storage.objectViewer'],
};
const START_MS = Date.now();

let nowMs = START_MS;
let google: Google;
let source: string;

beforeAll(async () => {
  google = await startGoogle({ now: () => nowMs });
  const { type: _, ...fields } = google.createUser().document;
  const body = new URLSearchParams({ grant_type: 'refresh_token', ...fields });
  const answer: unknown = await (await fetch(google.tokenUri, { method: 'POST', body })).json();
  source = String(Object(answer).access_token);
});

afterAll(() => google.close());

type Answered = { readonly status: number; readonly body: Record<string, unknown> };

async function downscope(rules: unknown, subject_token = source): Promise<Answered> {
  const options = { accessBoundary: { accessBoundaryRules: rules } };
  const response = await fetch(google.stsUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: ACCESS_TOKEN,
      subject_token,
      subject_token_type: ACCESS_TOKEN,
      options: encodeURIComponent(JSON.stringify(options)),
    }),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

async function get(path: string, token: unknown): Promise<number> {
  return (await fetch(google.url + path, { headers: { authorization: `Bearer ${token}` } })).status;
}

test('limits a token to the buckets and roles of the boundary', async () => {
  const { status, body } = await downscope([RULE]);

  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.any(String),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
  });
  expect(await get('/storage/v1/b/reports/o', body.access_token)).toBe(200);
  expect(await get('/storage/v1/b/others/o', body.access_token)).toBe(403);
  expect(await get('/storage/v1/b/others/o', source)).toBe(200);
});

test.each([
  [{ ...RULE, availablePermissions: ['inRole:roles/storage.objectCreator'] }],
  [{ ...RULE, availabilityCondition: { expression: "resource.name.startsWith('x')" } }],
])('does not list a bucket by the rule %o', async (rule) => {
  const { body } = await downscope([rule]);

  expect(await get('/storage/v1/b/reports/o', body.access_token)).toBe(403);
});

test('is of no use outside Cloud Storage', async () => {
  const { body } = await downscope([RULE]);

  const status = await get('/compute/v1/projects/acme/zones/europe-west1-b/instances', body.access_token);

  expect(status).toBe(401);
});

test('lets the downscoped token end with its source', async () => {
  nowMs = START_MS + 3_000_000;
  const { body } = await downscope([RULE]);
  const atEnd = async (ms: number) => {
    nowMs = START_MS + ms;
    return get('/storage/v1/b/reports/o', body.access_token);
  };

  const statuses = [await atEnd(3_598_999), await atEnd(3_599_000)];
  nowMs = START_MS;

  expect(statuses).toEqual([200, 401]);
});

test.each([
  ['no rule', [], 'invalid_request'],
  ['eleven rules', Array.from({ length: 11 }, () => RULE), 'invalid_request'],
  ['rules that are no list', RULE, 'invalid_request'],
  ['a rule that is none', [null], 'invalid_request'],
  ['a rule without permissions', [{ ...RULE, availablePermissions: [] }], 'invalid_request'],
  ['a bare role', [{ ...RULE, availablePermissions: ['roles/storage.admin'] }], 'invalid_request'],
  [
    'another service',
    [{ ...RULE, availableResource: '//compute.googleapis.com/projects/acme' }],
    'invalid_request',
  ],
  [
    'more than 2,048 characters',
    [{ ...RULE, availabilityCondition: { title: 'x'.repeat(2048) } }],
    'invalid_request',
  ],
])('refuses a boundary with %s', async (_, rules, error) => {
  const { status, body } = await downscope(rules);

  expect([status, body.error]).toEqual([400, error]);
});

test('refuses to downscope a downscoped token, and one that is unknown', async () => {
  const { body } = await downscope([RULE]);

  const again = await downscope([RULE], String(body.access_token));
  const unknown = await downscope([RULE], 'ya29.unknown');

  expect([again.body.error, unknown.body.error]).toEqual(['invalid_grant', 'invalid_grant']);
});
