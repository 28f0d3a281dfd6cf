import { expect, test } from 'vitest';
import type { ProfileDocument } from '../lambda/policy/profiles.ts';
import { createVendorStack } from './infra-rig.ts';
import { impersonating, KMS, SIGNED_REQUEST, TARGET } from './make-keyless.ts';

const { service_account_impersonation_url: _, ...BARE } = SIGNED_REQUEST;
const AUDIENCES = ['https://api.example.com'];
const SUBJECTS = ['alice@example.com'];

/** The warnings of a vendor with one profile and one document, without CDK's own part. */
function warningsOf(document: object, profile: ProfileDocument): readonly string[] {
  const { vendor } = createVendorStack(() => ({
    profiles: { default: { scopes: ['email'], ...profile } },
    credentials: { default: { document: { ...document } } },
  }));
  return vendor.node.metadata
    .filter(({ type }) => type === 'aws:cdk:warning')
    .map(({ data }) => String(data));
}

test.each<[string, object, ProfileDocument, string]>([
  ['a bare federation and ID tokens', BARE, { audiences: AUDIENCES }, '(audiences)'],
  ['a bare federation and users', BARE, { subjects: SUBJECTS }, '(subjects)'],
  ['a bare federation and self-signed tokens', BARE, { selfSigned: true }, '(selfSigned)'],
  ['a bare federation and another lifetime', BARE, { maxLifetime: 900 }, '(maxLifetime)'],
  [
    'a bare federation and all that it cannot do',
    BARE,
    { audiences: AUDIENCES, subjects: SUBJECTS, maxLifetime: 7_200 },
    '(audiences, subjects, maxLifetime)',
  ],
  ['a key in KMS and another lifetime', KMS, { maxLifetime: 900 }, '(maxLifetime)'],
])('%s leave a warning that names the way', (_, document, profile, fields) => {
  const warnings = warningsOf(document, profile);

  expect(warnings).toEqual([
    expect.stringContaining(`The profile default allows more than the credential default can do ${fields}: `),
  ]);
  expect(warnings.join()).toContain('Impersonate a service account: with "impersonate" in the profile');
});

const ALL = { audiences: AUDIENCES, subjects: SUBJECTS, maxLifetime: 7_200 };

test.each<[string, object, ProfileDocument]>([
  ['a bare federation and access tokens for an hour', BARE, { maxLifetime: 3_600 }],
  [
    'a bare federation and a profile that impersonates',
    BARE,
    { ...ALL, impersonate: { serviceAccount: TARGET } },
  ],
  ['a federation that impersonates', SIGNED_REQUEST, ALL],
  ['a document that impersonates with a bare federation', impersonating(BARE), ALL],
  ['a document that impersonates with a key in KMS', impersonating(KMS), ALL],
  ['a key in KMS and all but a lifetime', KMS, { audiences: AUDIENCES, subjects: SUBJECTS }],
  ['a key in KMS and shorter self-signed tokens', KMS, { selfSigned: true, maxLifetime: 900 }],
])('%s leave no warning', (_, document, profile) => {
  expect(warningsOf(document, profile)).toEqual([]);
});
