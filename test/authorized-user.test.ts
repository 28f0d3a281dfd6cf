import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Google, startGoogle } from '../local/google/server.ts';
import { type VendorOfDocument, vendorOf } from './make-vendor.ts';

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
const INSTANCES = '/compute/v1/projects/example-project/zones/europe-west1-b/instances';

let google: Google;
let vendor: VendorOfDocument;
let user: ReturnType<Google['createUser']>;

beforeEach(async () => {
  google = await startGoogle();
  user = google.createUser();
  vendor = vendorOf({ ...user.document, token_uri: google.tokenUri });
});

afterEach(async () => {
  vendor.close();
  await google.close();
});

test('vends an access token of the user’s, which Compute Engine accepts', async () => {
  const answer = await vendor.ask({ scopes: ['cloud-platform'] });

  const instances = await fetch(google.url + INSTANCES, {
    headers: { authorization: `Bearer ${answer.access_token}` },
  });

  expect(answer).toMatchObject({ token_type: 'Bearer', scope: CLOUD_PLATFORM });
  expect(instances.status).toBe(200);
});

test('asks for no more than the scopes of the grant', async () => {
  await vendor.ask({ scopes: ['cloud-platform'] });

  expect(google.exchanges).toMatchObject([
    { grantType: 'refresh_token', scope: CLOUD_PLATFORM, status: 200 },
  ]);
});

test('says of an ID token that a user has none to give, before Google is asked', async () => {
  const error = await vendor.refused({ audience: AUDIENCE });

  expect(error).toMatch(
    /^CredentialInvalid: Google makes out no ID token for an audience to a user\. Impersonate a service account: .*"impersonate"/,
  );
  expect(google.exchanges).toEqual([]);
});

test('says of a revoked refresh token that it was revoked, and how to log in again', async () => {
  user.revoke();

  const error = await vendor.refused({ scopes: ['cloud-platform'] });

  expect(error).toMatch(
    /^GoogleRefused: .*Token has been expired or revoked.*gcloud auth application-default login/,
  );
});

test('takes up a new login without a failed request', async () => {
  await vendor.ask({ scopes: ['cloud-platform'] });
  user.revoke();
  vendor.put({ ...google.createUser().document, token_uri: google.tokenUri });

  const answer = await vendor.ask({
    scopes: ['https://www.googleapis.com/auth/userinfo.email', 'cloud-platform'],
  });

  expect(answer.access_token).toMatch(/^ya29\./);
  expect(google.exchanges.map(({ status }) => status)).toEqual([200, 400, 200]);
  expect(vendor.reads()).toBe(2);
});

test('says of a scope that the user did not agree to what Google says', async () => {
  const error = await vendor.refused({ scopes: ['storage-ro'] });

  expect(error).toMatch(/^GoogleRefused: .*invalid_scope/);
});

test.each(['client_id', 'client_secret', 'refresh_token'])(
  'names the field %s if it is missing',
  async (field) => {
    const broken = vendorOf({ ...user.document, [field]: undefined });

    const error = await broken.refused({ scopes: ['cloud-platform'] });
    broken.close();

    expect(error).toMatch(
      new RegExp(`^CredentialInvalid: The secret the-secret cannot be used: its field ${field} is missing`),
    );
  },
);

test('shows nothing of the refresh token or the client secret, whatever fails', async () => {
  google.interfere(() => ({
    status: 400,
    body: { error: 'invalid_grant', error_description: `no ${user.document.refresh_token}` },
  }));

  const error = await vendor.refused({ scopes: ['cloud-platform'] });

  expect(error).not.toContain(user.document.refresh_token.slice(3));
});
