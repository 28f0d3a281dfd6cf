import { expect, test } from 'vitest';
import { optionalIdentity } from '../client/metadata/optional-identity.ts';
import { VendError } from '../lambda/errors.ts';

const GCLOUD = '32555940559.apps.googleusercontent.com';
const TOKEN = { token: 'a.b.c', expiresAtMs: 0, audience: GCLOUD };
const DENIED = new VendError('access_denied', 'No.');
const AWAY = new VendError('google_unavailable', 'Later.');

test('gives gcloud the ID token for its own audience where the profile allows it', async () => {
  expect(await optionalIdentity(GCLOUD, async () => TOKEN)).toBe(TOKEN);
});

test.each([
  [
    '404 where the profile denies it to gcloud, which then does without',
    GCLOUD,
    DENIED,
    { status: 404, message: 'No.' },
  ],
  ['the denial for any other audience', 'https://a.example', DENIED, { code: 'access_denied' }],
  ['what may be otherwise later', GCLOUD, AWAY, { code: 'google_unavailable' }],
])('throws %s', async (_, audience, error, thrown) => {
  const refused = optionalIdentity(audience, () => Promise.reject(error));

  await expect(refused).rejects.toMatchObject(thrown);
});
