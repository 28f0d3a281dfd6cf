import { expect, test } from 'vitest';
import {
  endpointField,
  faultOf,
  type GoogleService,
  refuseLoopback,
} from '../lambda/credentials/credential-document.ts';
import { failureOf } from './make-calls.ts';

const fault = faultOf('secret arn:secret');

function read(url: string, service: GoogleService, universe_domain = 'googleapis.com'): string {
  return endpointField({ address: url, universe_domain }, 'address', service, fault);
}

type Case = [url: string, service: GoogleService, universe?: string];

const ACCEPTED: readonly Case[] = [
  ['https://oauth2.googleapis.com/token', 'oauth2'],
  ['https://oauth2.mtls.googleapis.com/token', 'oauth2'],
  ['https://www.googleapis.com/oauth2/v4/token', 'oauth2'],
  ['https://accounts.google.com/o/oauth2/token', 'oauth2'],
  ['https://sts.googleapis.com/v1/token', 'sts'],
  ['https://sts.mtls.googleapis.com/v1/token', 'sts'],
  ['https://sts.europe-west1.rep.googleapis.com/v1/token', 'sts'],
  ['https://sts.example-universe.goog/v1/token', 'sts', 'example-universe.goog'],
  ['http://127.0.0.1:8081/v1/token', 'sts'],
  ['https://localhost/token', 'oauth2'],
];

test.each<Case>([...ACCEPTED])('takes %s for the address of %s', (url, service, universe) => {
  expect(read(url, service, universe)).toBe(url);
});

const REFUSED: readonly Case[] = [
  // Customers have names of their own there, and could read what is sent to them.
  ['https://storage.googleapis.com/upload/storage/v1/b/attacker/o?uploadType=media', 'sts'],
  ['https://attacker.storage.googleapis.com/v1/token', 'sts'],
  ['https://storage.googleapis.com/v1/token', 'sts'],
  ['https://iamcredentials.googleapis.com/v1/token', 'sts'],
  ['https://sts.googleapis.com/v1/token?to=elsewhere', 'sts'],
  ['https://sts.googleapis.com/v1/token#elsewhere', 'sts'],
  ['https://sts.googleapis.com/v1/introspect', 'sts'],
  ['https://sts.googleapis.com:8443/v1/token', 'sts'],
  ['https://evil-sts.googleapis.com/v1/token', 'sts'],
  ['https://sts.a.b.rep.googleapis.com/v1/token', 'sts'],
  ['https://stsxgoogleapis.com/v1/token', 'sts'],
  ['https://sts.googleapisxcom/v1/token', 'sts'],
  ['https://sts.googleapis.com/v1/token', 'oauth2'],
  ['https://www.googleapis.com/upload/drive/v3/files', 'oauth2'],
  ['https://accounts.google.com/o/oauth2/token', 'oauth2', 'example-universe.goog'],
  ['https://oauth2.googleapis.com/token', 'oauth2', 'example-universe.goog'],
  ['http://sts.googleapis.com/v1/token', 'sts'],
  ['ftp://127.0.0.1/v1/token', 'sts'],
  ['https://user@sts.googleapis.com/v1/token', 'sts'],
];

test.each<Case>([...REFUSED])('does not take %s for the address of %s', async (url, service, universe) => {
  const { code, message } = await failureOf(() => read(url, service, universe));

  expect(code).toBe('credential_invalid');
  expect(message).toMatch(/its field address is no https address of Google's, at /);
  expect(message).not.toContain('attacker');
});

test.each([
  ['token_uri', { token_uri: 'http://127.0.0.1:9001/2018-06-01/runtime/init/error' }],
  ['token_url', { token_url: 'https://localhost/v1/token' }],
  ['service_account_impersonation_url', { service_account_impersonation_url: 'http://[::1]:80/v1/x' }],
  [
    'credential_source.regional_cred_verification_url',
    { credential_source: { regional_cred_verification_url: 'http://127.0.0.1/?a=b' } },
  ],
])('refuses the field %s on loopback where a document may name no stand-in', async (field, document) => {
  const { message } = await failureOf(() => refuseLoopback(document, fault));

  expect(message).toContain(`its field ${field} is an address on this machine itself`);
});

test('refuses no address of Google’s for being on loopback', () => {
  expect(() => refuseLoopback({ token_uri: 'https://oauth2.googleapis.com/token' }, fault)).not.toThrow();
});
