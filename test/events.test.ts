import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Google } from '../local/google/server.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';
import { FUNCTION_NAME } from '../local/place.ts';
import { type Answered, fieldsOf, presentToken, sampleEvents } from './sample-events.ts';

const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const samples = sampleEvents();

let vendor: LocalVendor;
let google: Google;

beforeAll(async () => {
  const options = {
    help: false,
    port: 0,
    profilesFile: 'infra/profiles.json',
    credential: { kind: 'stand-in' },
    requireSignature: false,
  } as const;
  vendor = await startLocalVendor(options, QUIET);
  if (vendor.google === undefined) {
    throw new Error('the vendor has no stand-in for Google');
  }
  google = vendor.google;
});

afterAll(async () => await vendor.close());

async function invoke(event: unknown): Promise<Answered> {
  const url = `${vendor.url}/2015-03-31/functions/${FUNCTION_NAME}/invocations`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) });
  return fieldsOf(await response.json());
}

test.for(samples.filter(({ refusal }) => refusal === undefined))(
  'gives events/$file a token that Google’s services accept',
  async ({ event }) => {
    const answered = await invoke(event);

    expect(answered.errorType ?? answered.error).toBeUndefined();
    expect(await presentToken(google, answered)).toBe(200);
  },
);

test.for(samples.filter(({ refusal }) => refusal !== undefined))(
  'refuses events/$file with $refusal',
  async ({ event, refusal }) => {
    const answered = await invoke(event);

    expect(answered.errorType ?? answered.error).toBe(refusal);
    expect(answered).not.toHaveProperty('access_token');
    expect(answered).not.toHaveProperty('id_token');
  },
);

test('has samples of both kinds of token and of refusals', () => {
  const asked = samples.filter(({ refusal }) => refusal === undefined).map(({ file }) => file);

  expect(asked.filter((file) => file.includes('id-token')).length).toBeGreaterThan(0);
  expect(asked.filter((file) => file.includes('access-token')).length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThan(samples.length);
});
