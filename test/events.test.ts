import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Google } from '../local/google/server.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';
import { FUNCTION_NAME } from '../local/place.ts';
import { type Clouds, startClouds, TARGET, USER } from './make-clouds.ts';
import { contextFor } from './make-event.ts';
import { vendorOf } from './make-vendor.ts';
import { type Answered, fieldsOf, presentToken, sampleEvents, samplesOfTerms } from './sample-events.ts';

const QUIET = { audit: { record: () => {}, warn: () => {} }, log: () => {} };
const samples = sampleEvents();

let vendor: LocalVendor;
let google: Google;
let clouds: Clouds;

beforeAll(async () => {
  clouds = await startClouds();
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

afterAll(async () => await Promise.all([vendor.close(), clouds.close()]));

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

test.for(samplesOfTerms())(
  'gives events/$file the token that it asks for, by a profile that allows it',
  async ({ file, event, terms }) => {
    const profile = { scopes: ['cloud-platform', 'userinfo-email'], impersonate: { serviceAccount: TARGET } };
    const { handler, close } = vendorOf(await clouds.source.createKey(), {
      profiles: { default: { ...profile, ...terms } },
    });

    const { access_token: token, expires_in: seconds } = fieldsOf(
      await handler(event, contextFor('default')),
    );
    close();
    const info = await fetch(`${clouds.google.url}/tokeninfo?access_token=${token}`);

    expect(await info.json()).toMatchObject({ email: file.includes('subject') ? USER : TARGET });
    expect(Number(seconds) <= 900).toBe(file.includes('lifetime'));
  },
);

test('has a sample of a user and of a lifetime through each kind of door, and a refusal of both', () => {
  const files = [...samplesOfTerms(), ...samples].map(({ file }) => file);

  expect(files.filter((file) => /subject|lifetime/.test(file))).toEqual([
    'http-api-get-lifetime.json',
    'http-api-get-subject.json',
    'step-functions-lifetime.json',
    'step-functions-subject.json',
    'refused-lifetime.json',
    'refused-subject.json',
  ]);
});

test('has samples of both kinds of token and of refusals', () => {
  const asked = samples.filter(({ refusal }) => refusal === undefined).map(({ file }) => file);

  expect(asked.filter((file) => file.includes('id-token')).length).toBeGreaterThan(0);
  expect(asked.filter((file) => file.includes('access-token')).length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThan(samples.length);
});
