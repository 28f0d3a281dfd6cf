import type { KnownRefusal } from './google-refusal.ts';

const LOG_IN_AGAIN =
  'Log in again with `gcloud auth application-default login`, and put the new file into the secret.';
const AUTHORIZE_DELEGATION =
  'Authorize its client id, which `gcloud iam service-accounts describe EMAIL --format="value(oauth2ClientId)"` prints, for exactly these scopes in the Admin console, under Security, API controls, Domain-wide delegation.';

/** A key file's assertion that Google rejects. */
const OF_KEYS: readonly KnownRefusal[] = [
  {
    error: 'invalid_grant',
    says: /JWT signature/i,
    signer: 'aws_kms',
    cause: 'outdated_credential',
    meaning:
      'Google does not have the certificate of the KMS key by that private_key_id, or it has expired. Print a new one with `npm run --silent kms-certificate -- --key-id KEY --client-email EMAIL > cert.pem`, upload it with `gcloud iam service-accounts keys upload cert.pem --iam-account projects/-/serviceAccounts/EMAIL`, and put the id that Google answers into the field private_key_id of the document.',
  },
  {
    error: 'invalid_grant',
    says: /JWT signature/i,
    cause: 'outdated_credential',
    meaning:
      'the key was deleted or replaced at Google, or the secret holds the key of another account. List the keys with `gcloud iam service-accounts keys list --iam-account EMAIL`, and put a live one into the secret.',
  },
  {
    error: 'invalid_grant',
    says: /account not found|no valid verifier/i,
    cause: 'outdated_credential',
    meaning:
      'the service account in the secret does not exist any more, or is disabled. Undelete it with `gcloud iam service-accounts undelete UNIQUE_ID`, enable it with `gcloud iam service-accounts enable EMAIL`, or put the key of another one into the secret.',
  },
  {
    error: 'invalid_grant',
    says: /short-lived|timeframe/i,
    cause: 'clock',
    meaning: 'the clock of the function differs from Google’s by more than Google accepts.',
  },
  {
    error: 'invalid_grant',
    says: /failed audience check/i,
    meaning:
      'the field token_uri of the key file is not the endpoint that it was sent to. Download the key file again.',
  },
  {
    error: 'invalid_grant',
    says: /disabled/i,
    meaning: 'the service account is disabled. Enable it with `gcloud iam service-accounts enable EMAIL`.',
  },
];

/** Acting for a user by domain-wide delegation. */
const OF_DELEGATION: readonly KnownRefusal[] = [
  {
    error: 'unauthorized_client',
    says: /unauthorized to retrieve access tokens|authorized for any of the scopes|client or scope in request/i,
    meaning: `domain-wide delegation is not authorized for this account and these scopes. ${AUTHORIZE_DELEGATION}`,
  },
  {
    error: 'access_denied',
    says: /client not authorized/i,
    meaning: `domain-wide delegation is not authorized for this account and one of the scopes, or not for this user. ${AUTHORIZE_DELEGATION}`,
  },
  {
    error: 'invalid_grant',
    says: /invalid email or user id|not a valid email/i,
    meaning:
      'the user to act for does not exist, or is suspended. Ask for the primary e-mail address of a user of the Workspace domain whose delegation it is.',
  },
  {
    error: 'invalid_request',
    says: /invalid impersonation/i,
    meaning: 'the user to act for must be named by an e-mail address of the Workspace domain.',
  },
];

/** The login of a user, as gcloud wrote it. */
const OF_LOGINS: readonly KnownRefusal[] = [
  {
    error: 'invalid_grant',
    says: /expired or revoked/i,
    cause: 'outdated_credential',
    meaning: `the refresh token was revoked, or has expired. ${LOG_IN_AGAIN}`,
  },
  {
    error: 'invalid_grant',
    says: /reauth|rapt/i,
    cause: 'outdated_credential',
    meaning: `the Workspace’s session control demands a new login. ${LOG_IN_AGAIN} It will happen again: a service account does not need to log in.`,
  },
  {
    error: 'invalid_grant',
    says: /account has been deleted/i,
    cause: 'outdated_credential',
    meaning: `the user’s account was deleted. ${LOG_IN_AGAIN}`,
  },
  {
    error: 'invalid_grant',
    says: /^Bad Request$/,
    cause: 'outdated_credential',
    meaning: `the refresh token is not one that Google gave to this OAuth client. ${LOG_IN_AGAIN}`,
  },
  {
    error: 'access_denied',
    says: /account restricted/i,
    meaning:
      'Google or the Workspace’s administrator has restricted the account: by context-aware access, or for abuse. Log in to it at https://accounts.google.com to see why, or use another account.',
  },
  {
    error: 'invalid_scope',
    says: /^Bad Request$/,
    cause: 'outdated_login',
    meaning:
      'the user has not agreed to one of the scopes. Log in again with `gcloud auth application-default login --scopes=SCOPES`, and put the new file into the secret.',
  },
];

/** The OAuth client that a user logged in with. */
const OF_CLIENTS: readonly KnownRefusal[] = [
  {
    error: 'invalid_client',
    cause: 'outdated_credential',
    meaning: `the OAuth client of the credential does not exist any more, or its secret was replaced. ${LOG_IN_AGAIN}`,
  },
  {
    error: 'deleted_client',
    cause: 'outdated_credential',
    meaning: `the OAuth client of the credential was deleted. Restore it in the console, under Google Auth Platform, Clients; or do without it. ${LOG_IN_AGAIN}`,
  },
  {
    error: 'disabled_client',
    cause: 'outdated_credential',
    meaning: `the OAuth client of the credential is disabled. Enable it in the console, under Google Auth Platform, Clients; or do without it. ${LOG_IN_AGAIN}`,
  },
  {
    error: 'org_internal',
    meaning:
      'the OAuth client is for users of its own organization alone. Log in with one of them, or make its audience external in the console, under Google Auth Platform, Audience.',
  },
  {
    error: 'admin_policy_enforced',
    meaning:
      'the Workspace’s administrator does not let this OAuth client have one of the scopes. Allow it in the Admin console, under Security, API controls, App access control.',
  },
];

/**
 * What the token endpoint refuses, in its words.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#jwt-error-codes
 */
export const TOKEN_ENDPOINT_REFUSALS: readonly KnownRefusal[] = [
  ...OF_KEYS,
  ...OF_DELEGATION,
  ...OF_LOGINS,
  ...OF_CLIENTS,
  {
    error: 'invalid_scope',
    meaning: 'a scope or the audience is none that Google knows. Correct the profile’s scopes or audiences.',
  },
  {
    error: 'invalid_request',
    says: /^Bad Request$/,
    meaning:
      'Google could not read the assertion or the form, though both are the vendor’s own. Check that the field token_uri of the credential is https://oauth2.googleapis.com/token.',
  },
  {
    error: 'unsupported_grant_type',
    meaning:
      'there is another kind of endpoint at this address. Check that the field token_uri of the credential is https://oauth2.googleapis.com/token.',
  },
];
