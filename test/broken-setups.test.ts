import { expect, onTestFinished, test, vi } from 'vitest';
import type { Aws, AwsCredentials } from '../lambda/aws/aws-environment.ts';
import type { ProfileDocument } from '../lambda/policy/profiles.ts';
import { parseProfiles } from '../lambda/policy/profiles.ts';
import { kmsError } from '../local/aws/kms.ts';
import { startSts } from '../local/aws/sts.ts';
import type { StsCredential } from '../local/aws/sts-actions.ts';
import type { AwsIdentityOptions } from '../local/google/aws-identity.ts';
import type { Interference } from '../local/google/exchanges.ts';
import type { Provider, ProviderOptions } from '../local/google/workload-pools.ts';
import {
  ACCOUNT,
  type Clouds,
  type DocumentName,
  REGION,
  SESSION_ARN,
  SOURCE,
  startClouds,
  TARGET,
  USER,
} from './make-clouds.ts';
import { vendorOf } from './make-vendor.ts';

const AUDIENCE = 'https://europe-west1-example.cloudfunctions.net/hello';
const MIDDLE = 'middle@example-project.iam.gserviceaccount.com';
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const ACCESS: ProfileDocument = { scopes: ['cloud-platform'], audiences: [AUDIENCE] };
const IMPERSONATE = { serviceAccount: TARGET };
const RULE = {
  availableResource: '//storage.googleapis.com/projects/_/buckets/reports',
  availablePermissions: ['inRole:roles/storage.objectViewer'],
};

/** A set-up with one thing wrong, and the request that meets it. */
type Broken = {
  readonly document: unknown;
  /** @default an access token for all the profile's scopes */
  readonly event?: object;
  /** @default {@link ACCESS} */
  readonly profile?: ProfileDocument;
  /** @default the clouds' own */
  readonly aws?: Aws;
};

/** What a person did, the error's name, what is said of the cause, and what is said to do about it. */
type Row = readonly [
  title: string,
  breakIt: (clouds: Clouds) => Broken | Promise<Broken>,
  thrownAs: string,
  cause: RegExp,
  fix: RegExp,
];

/** Moves the time of both clouds; the vendor keeps its own. */
let aheadMs = 0;

async function start(): Promise<Clouds> {
  aheadMs = 0;
  const clouds = await startClouds({ now: () => Date.now() + aheadMs });
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', clouds.kms.url);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await clouds.close();
  });
  return clouds;
}

async function documentOf(clouds: Clouds, name: DocumentName): Promise<object> {
  return (await clouds.documents())[name];
}

/** Returns an account that admits nobody yet. */
function account(clouds: Clouds, email = MIDDLE): ReturnType<Clouds['google']['createServiceAccount']> {
  return clouds.google.createServiceAccount({ email });
}

/** Has Google answer what is asked at a path that `part` is in. */
function answerAt(clouds: Clouds, part: string, answer: ReturnType<Interference>): void {
  clouds.google.interfere(({ path }) => (path.includes(part) ? answer : undefined));
}

function refusal(error: string, error_description: string, status = 400) {
  return { status, body: { error, error_description } };
}

function apiRefusal(status: string, message: string, code: number) {
  return { status: code, body: { error: { code, status, message } } };
}

function withCredentials({ aws }: Clouds, changes: Partial<AwsCredentials>): Aws {
  return { ...aws, credentials: async () => ({ ...(await aws.credentials()), ...changes }) };
}

type OtherAws = { readonly aws: Aws; readonly signed: Provider; readonly oidc: Provider };

/** An AWS in which the function's session is another, with providers at Google that trust it. */
async function otherAws(
  clouds: Clouds,
  session: Partial<StsCredential>,
  { issuer, behindMs = 0 }: { readonly issuer?: string; readonly behindMs?: number } = {},
): Promise<OtherAws> {
  const credential: StsCredential = {
    ...(await clouds.aws.credentials()),
    principalArn: SESSION_ARN,
    webIdentity: {},
    ...session,
  };
  const sts = await startSts({
    region: REGION,
    accountId: ACCOUNT,
    credentials: [credential],
    now: () => Date.now() - behindMs,
  });
  onTestFinished(sts.close);
  const pool = clouds.google.createPool({ poolId: 'others' });
  return {
    aws: { ...clouds.aws, stsUrl: sts.url },
    signed: pool.createAwsProvider({
      accountId: ACCOUNT,
      verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
    }),
    oidc: pool.createOidcProvider({ issuer: issuer ?? sts.issuer, jwksUrl: sts.jwksUrl }),
  };
}

function oidcDocument(provider: Provider, wanted: Readonly<Record<string, unknown>> = {}): object {
  return provider.createCredential({ credentialSource: { aws_web_identity_token: wanted } });
}

/** Another provider that trusts the function's AWS, but for what `options` say. */
function providerOf(clouds: Clouds, options: Partial<AwsIdentityOptions & ProviderOptions>): Provider {
  return clouds.google.createPool({ poolId: 'others' }).createAwsProvider({
    accountId: ACCOUNT,
    verifyAwsIdentity: ({ subjectToken }) => clouds.sts.replayIdentityRequest(subjectToken),
    ...options,
  });
}

const KEYS: readonly Row[] = [
  [
    'deleted the key at Google',
    async (clouds) => {
      const key = await clouds.source.createKey();
      clouds.source.deleteKey(key.private_key_id);
      return { document: key };
    },
    'GoogleRefused',
    /the key was deleted or replaced/,
    /gcloud iam service-accounts keys list --iam-account EMAIL/,
  ],
  [
    'put the key of another account into the file',
    async (clouds) => ({
      document: { ...(await account(clouds).createKey()), client_email: SOURCE },
    }),
    'GoogleRefused',
    /the secret holds the key of another account/,
    /gcloud iam service-accounts keys list --iam-account EMAIL/,
  ],
  [
    'disabled the account',
    async (clouds) => {
      const document = await clouds.source.createKey();
      clouds.source.disable();
      return { document };
    },
    'GoogleRefused',
    /service account in the secret .* is disabled/,
    /gcloud iam service-accounts enable EMAIL/,
  ],
  [
    'deleted the account',
    async (clouds) => {
      const document = await clouds.source.createKey();
      clouds.source.delete();
      return { document };
    },
    'GoogleRefused',
    /service account in the secret does not exist any more/,
    /gcloud iam service-accounts undelete UNIQUE_ID/,
  ],
  [
    'wrote a token_uri at which there is nothing',
    async (clouds) => ({
      document: { ...(await clouds.source.createKey()), token_uri: `${clouds.google.url}/oauth/tokens` },
    }),
    'GoogleRefused',
    /404.*there is no token endpoint/,
    /field token_uri.*https:\/\/oauth2\.googleapis\.com\/token/,
  ],
  [
    'wrote another name of the endpoint into token_uri',
    async (clouds) => ({
      document: {
        ...(await clouds.source.createKey()),
        token_uri: clouds.google.tokenUri.replace('127.0.0.1', 'localhost'),
      },
    }),
    'GoogleRefused',
    /token_uri of the key file is not the endpoint/,
    /Download the key file again/,
  ],
  [
    'wrote a token_uri that is not Google’s',
    async (clouds) => ({
      document: { ...(await clouds.source.createKey()), token_uri: 'https://oauth2.example.com/token' },
    }),
    'CredentialInvalid',
    /field token_uri is no https address of Google's/,
    /download the file again/,
  ],
  [
    'escaped the private key twice',
    async (clouds) => {
      const key = await clouds.source.createKey();
      return { document: { ...key, private_key: key.private_key.replaceAll('\n', '\\n') } };
    },
    'CredentialInvalid',
    /private_key has the two characters \\n.*escaped twice/,
    /store the key file as it is/,
  ],
  [
    'lost the end of the private key',
    async (clouds) => {
      const key = await clouds.source.createKey();
      return { document: { ...key, private_key: key.private_key.slice(0, 400) } };
    },
    'CredentialInvalid',
    /private_key has no whole -----BEGIN PRIVATE KEY----- block/,
    /store the key file exactly as Google gave it/,
  ],
  [
    'put the file under a key of its own, as the console offers',
    async (clouds) => ({ document: { google: await clouds.source.createKey() } }),
    'CredentialInvalid',
    /field type is missing/,
    /store the key file itself as plaintext, not inside a key\/value pair/,
  ],
  [
    'stored the file as a JSON string',
    async (clouds) => ({ document: JSON.stringify(await clouds.source.createKey()) }),
    'CredentialInvalid',
    /value is no JSON object/,
    /store the key file as it is/,
  ],
  [
    'took the login of a workforce',
    () => ({ document: { type: 'external_account_authorized_user', client_id: 'x', refresh_token: 'y' } }),
    'CredentialInvalid',
    /field type is external_account_authorized_user, which cannot be used here/,
    /it must be one of service_account, external_account, aws_kms/,
  ],
];

const USERS_AND_SCOPES: readonly Row[] = [
  [
    'did not authorize domain-wide delegation',
    async (clouds) => ({
      document: await account(clouds).createKey(),
      profile: { ...ACCESS, subjects: ['*@example.com'] },
      event: { subject: USER },
    }),
    'GoogleRefused',
    /domain-wide delegation is not authorized for this account/,
    /gcloud iam service-accounts describe EMAIL.*Admin console.*Domain-wide delegation/,
  ],
  [
    'did not authorize domain-wide delegation for the account that is impersonated',
    async (clouds) => {
      account(clouds).allowImpersonationBy(`serviceAccount:${SOURCE}`);
      return {
        document: await documentOf(clouds, 'service account key'),
        profile: { ...ACCESS, subjects: ['*@example.com'], impersonate: { serviceAccount: MIDDLE } },
        event: { subject: USER },
      };
    },
    'GoogleRefused',
    /domain-wide delegation is not authorized for this account/,
    /Admin console.*Domain-wide delegation/,
  ],
  [
    'asked for a user who does not exist',
    async (clouds) => {
      answerAt(clouds, '/token', refusal('invalid_grant', 'Invalid email or User ID'));
      return {
        document: await documentOf(clouds, 'service account key'),
        profile: { ...ACCESS, subjects: ['*@example.com'] },
        event: { subject: 'nobody@example.com' },
      };
    },
    'GoogleRefused',
    /the user to act for does not exist/,
    /primary e-mail address of a user of the Workspace domain/,
  ],
  [
    'asked for a user with a credential of a user',
    async (clouds) => ({
      document: await documentOf(clouds, 'user'),
      profile: { ...ACCESS, subjects: ['*@example.com'] },
      event: { subject: USER },
    }),
    'CredentialInvalid',
    /Domain-wide delegation is for service accounts, and not for a user/,
    /"impersonate" in the profile/,
  ],
  [
    'revoked the user’s login',
    (clouds) => {
      const user = clouds.google.createUser({ email: 'grace@example.com' });
      user.revoke();
      return { document: { ...user.document, token_uri: clouds.google.tokenUri } };
    },
    'GoogleRefused',
    /the refresh token was revoked, or has expired/,
    /gcloud auth application-default login/,
  ],
  [
    'has a Workspace that wants users to log in again',
    async (clouds) => {
      answerAt(clouds, '/token', refusal('invalid_grant', 'reauth related error (invalid_rapt)'));
      return { document: await documentOf(clouds, 'user') };
    },
    'GoogleRefused',
    /session control demands a new login/,
    /gcloud auth application-default login/,
  ],
  [
    'replaced the OAuth client’s secret',
    (clouds) => {
      const user = clouds.google.createUser({ email: 'grace@example.com' });
      return {
        document: { ...user.document, client_secret: 'GOCSPX-another', token_uri: clouds.google.tokenUri },
      };
    },
    'GoogleRefused',
    /OAuth client of the credential does not exist any more, or its secret was replaced/,
    /gcloud auth application-default login/,
  ],
  [
    'asked for a scope that the user did not agree to',
    async (clouds) => ({
      document: await documentOf(clouds, 'user'),
      profile: { scopes: ['https://www.googleapis.com/auth/drive'] },
    }),
    'GoogleRefused',
    /the user has not agreed to one of the scopes/,
    /gcloud auth application-default login --scopes=SCOPES/,
  ],
  [
    'misspelled a scope, with a key',
    async (clouds) => ({
      document: await documentOf(clouds, 'service account key'),
      profile: { scopes: ['https://www.googleapis.com/auth/Storage'] },
    }),
    'GoogleRefused',
    /a scope is none that Google knows/,
    /Correct the profile’s scopes/,
  ],
  [
    'misspelled a scope, with federation',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, signed request'),
      profile: { scopes: ['https://www.googleapis.com/auth/Storage'] },
    }),
    'GoogleRefused',
    /a scope is none that Google knows/,
    /Correct the profile’s scopes/,
  ],
  [
    'misspelled a scope, with impersonation',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation with impersonation'),
      profile: { scopes: ['https://www.googleapis.com/auth/Storage'] },
    }),
    'GoogleRefused',
    /a scope is none that Google knows/,
    /Correct the profile’s scopes/,
  ],
  [
    'asked a federated identity for an ID token',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, signed request'),
      event: { audience: AUDIENCE },
    }),
    'CredentialInvalid',
    /no ID token for an audience to a federated identity/,
    /"impersonate" in the profile.*--service-account/,
  ],
  [
    'asked a user for an ID token',
    async (clouds) => ({ document: await documentOf(clouds, 'user'), event: { audience: AUDIENCE } }),
    'CredentialInvalid',
    /no ID token for an audience to a user/,
    /"impersonate" in the profile.*--impersonate-service-account/,
  ],
  [
    'asked a federated identity to sign its tokens itself',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, OIDC token'),
      profile: { ...ACCESS, selfSigned: true },
    }),
    'CredentialInvalid',
    /With a federated identity there is no key/,
    /"impersonate" in the profile/,
  ],
  [
    'asked for two hours without impersonation',
    async (clouds) => ({
      document: await documentOf(clouds, 'service account key'),
      profile: { ...ACCESS, maxLifetime: 7_200 },
      event: { lifetime: 7_200 },
    }),
    'CredentialInvalid',
    /A lifetime of 7200 seconds cannot be had: without impersonation Google’s tokens live for 3600/,
    /"impersonate" in the profile/,
  ],
  [
    'asked for two hours where the organization does not allow them',
    async (clouds) => {
      account(clouds).allowImpersonationBy(`serviceAccount:${SOURCE}`);
      return {
        document: await documentOf(clouds, 'service account key'),
        profile: { ...ACCESS, maxLifetime: 7_200, impersonate: { serviceAccount: MIDDLE } },
        event: { lifetime: 7_200 },
      };
    },
    'GoogleRefused',
    /an hour at the most/,
    /gcloud resource-manager org-policies allow constraints\/iam\.allowServiceAccountCredentialLifetimeExtension/,
  ],
];

const FEDERATION: readonly Row[] = [
  [
    'disabled the provider',
    async (clouds) => {
      const document = await documentOf(clouds, 'federation, signed request');
      clouds.awsProvider.disable();
      return { document };
    },
    'GoogleRefused',
    /the pool or the provider in the credential’s field audience .* is disabled/,
    /gcloud iam workload-identity-pools providers undelete .*--no-disabled/,
  ],
  [
    'named a provider that is not there',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        audience: `${clouds.awsProvider.audience}-2`,
      },
    }),
    'GoogleRefused',
    /provider in the credential’s field audience does not exist/,
    /gcloud iam workload-identity-pools providers describe PROVIDER/,
  ],
  [
    'wrote the project’s id where its number belongs',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        audience: clouds.awsProvider.audience.replace(/projects\/\d+/, 'projects/example-project'),
      },
    }),
    'CredentialInvalid',
    /field audience must be a provider/,
    /\/\/iam\.googleapis\.com\/projects\/123456789012\/locations\/global/,
  ],
  [
    'wrote a condition that does not admit the role',
    (clouds) => ({
      document: providerOf(clouds, { attributeCondition: () => false }).createCredential(),
    }),
    'GoogleRefused',
    /admits others, but not this identity/,
    /providers update-aws PROVIDER .*--attribute-condition=CONDITION/,
  ],
  [
    'wrote another AWS account into the provider',
    (clouds) => ({ document: providerOf(clouds, { accountId: '999999999999' }).createCredential() }),
    'GoogleRefused',
    /the provider admits another AWS account/,
    /providers update-aws PROVIDER .*--account-id=AWS_ACCOUNT_ID/,
  ],
  [
    'runs with AWS credentials that have expired',
    async (clouds) => {
      const { aws, signed } = await otherAws(clouds, { expiresAtMs: Date.now() - MINUTE_MS });
      return { document: signed.createCredential(), aws };
    },
    'GoogleRefused',
    /the AWS credentials that signed have expired/,
    /aws sts get-caller-identity/,
  ],
  [
    'runs with an access key that AWS does not know',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, signed request'),
      aws: withCredentials(clouds, { accessKeyId: 'ASIAUNKNOWNUNKNOWN01' }),
    }),
    'GoogleRefused',
    /AWS does not know the access key/,
    /aws sts get-caller-identity/,
  ],
  [
    'runs with another secret access key',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, signed request'),
      aws: withCredentials(clouds, { secretAccessKey: 'another/Secret+of/the+function000000001' }),
    }),
    'GoogleRefused',
    /the secret access key is not that of the access key/,
    /regional_cred_verification_url.*aws sts get-caller-identity/,
  ],
  [
    'runs without AWS credentials',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, signed request'),
      aws: { ...clouds.aws, credentials: () => Promise.reject(new Error('canary')) },
    }),
    'CredentialUnavailable',
    /there are no AWS credentials/,
    /AWS_ACCESS_KEY_ID/,
  ],
  [
    'runs without an AWS region',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, signed request'),
      aws: { ...clouds.aws, region: () => Promise.reject(new Error('canary')) },
    }),
    'CredentialUnavailable',
    /no region/,
    /AWS_REGION/,
  ],
  [
    'maps a subject of more than 127 bytes',
    (clouds) => {
      const attributeMapping = () => ({ 'google.subject': `${SESSION_ARN}/${'x'.repeat(80)}` });
      return { document: providerOf(clouds, { attributeMapping }).createCredential() };
    },
    'GoogleRefused',
    /maps google\.subject to something too long/,
    /update-aws PROVIDER .*--attribute-mapping="google\.subject=assertion\.arn\.extract/,
  ],
  [
    'maps the subject to nothing',
    (clouds) => {
      const attributeMapping = () => ({ 'google.subject': '' });
      return { document: providerOf(clouds, { attributeMapping }).createCredential() };
    },
    'GoogleRefused',
    /the provider’s mapping finds nothing in the credential for google\.subject/,
    /update-aws PROVIDER .*--attribute-mapping=google\.subject=assertion\.arn/,
  ],
  [
    'wrote the file for a token in a file',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, OIDC token')),
        credential_source: { file: '/var/run/secrets/token' },
      },
    }),
    'CredentialInvalid',
    /field credential_source\.aws_web_identity_token is missing/,
    /"credential_source": \{"aws_web_identity_token": \{\}\}/,
  ],
  [
    'wrote the file for a token at a URL',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        credential_source: { url: 'http://169.254.169.254/token', format: { type: 'text' } },
      },
    }),
    'CredentialInvalid',
    /credential_source\.environment_id is not aws1.*no file, URL or program/,
    /gcloud iam workload-identity-pools create-cred-config PROVIDER --aws/,
  ],
  [
    'wrote the file for SAML',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        subject_token_type: 'urn:ietf:params:oauth:token-type:saml2',
      },
    }),
    'CredentialInvalid',
    /field subject_token_type must be/,
    /urn:ietf:params:aws:token-type:aws4_request/,
  ],
  [
    'took a pool for people',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        audience: '//iam.googleapis.com/locations/global/workforcePools/people/providers/aws',
      },
    }),
    'CredentialInvalid',
    /field audience is of a workforce pool, which is for people/,
    /make a workload identity pool/,
  ],
  [
    'wrote a verification URL that is not AWS’s',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        credential_source: {
          environment_id: 'aws1',
          regional_cred_verification_url:
            'https://sts.{region}.example.com?Action=GetCallerIdentity&Version=2011-06-15',
        },
      },
    }),
    'CredentialInvalid',
    /regional_cred_verification_url is no address of AWS’s STS/,
    /https:\/\/sts\.\{region\}\.amazonaws\.com\?Action=GetCallerIdentity/,
  ],
  [
    'wrote the verification URL of another region',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation, signed request')),
        credential_source: {
          environment_id: 'aws1',
          regional_cred_verification_url:
            'https://sts.us-east-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
        },
      },
    }),
    'GoogleRefused',
    /AWS did not confirm who signed/,
    /regional_cred_verification_url/,
  ],
  [
    'did not enable the Security Token Service API',
    async (clouds) => {
      answerAt(
        clouds,
        '/v1/token',
        apiRefusal(
          'PERMISSION_DENIED',
          'Security Token Service API has not been used in project 1 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/sts.googleapis.com/overview?project=1 then retry.',
          403,
        ),
      );
      return { document: await documentOf(clouds, 'federation, signed request') };
    },
    'GoogleRefused',
    /the API is not enabled in the project of the pool/,
    /gcloud services enable sts\.googleapis\.com --project=PROJECT/,
  ],
];

const OIDC: readonly Row[] = [
  [
    'did not give the role sts:GetWebIdentityToken',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, { webIdentity: { audiences: [] } });
      return { document: oidcDocument(oidc), aws };
    },
    'CredentialInvalid',
    /web identity token is refused to the function/,
    /its role needs sts:GetWebIdentityToken.*Deploy the stack/,
  ],
  [
    'wants a duration that the role may not have',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, { webIdentity: { maxDurationSeconds: 300 } });
      return { document: oidcDocument(oidc, { duration_seconds: 900 }), aws };
    },
    'CredentialInvalid',
    /its role needs sts:GetWebIdentityToken for this audience and duration/,
    /Deploy the stack with this document/,
  ],
  [
    'did not turn on outbound federation in AWS',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, {
        principalArn: SESSION_ARN.replace(ACCOUNT, '999999999999'),
      });
      return { document: oidcDocument(oidc), aws };
    },
    'CredentialInvalid',
    /outbound identity federation is off/,
    /aws iam enable-outbound-web-identity-federation/,
  ],
  [
    'wants a token that outlives the session',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, { expiresAtMs: Date.now() + 2 * MINUTE_MS });
      return { document: oidcDocument(oidc, { duration_seconds: 900 }), aws };
    },
    'CredentialInvalid',
    /would outlive the function’s own session/,
    /Lower credential_source\.aws_web_identity_token\.duration_seconds/,
  ],
  [
    'runs with AWS credentials that have expired',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, { expiresAtMs: Date.now() - MINUTE_MS });
      return { document: oidcDocument(oidc), aws };
    },
    'CredentialInvalid',
    /the function’s own AWS session is over/,
    /Start it again/,
  ],
  [
    'runs with an access key that AWS does not know',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, OIDC token'),
      aws: withCredentials(clouds, { accessKeyId: 'ASIAUNKNOWNUNKNOWN01' }),
    }),
    'CredentialInvalid',
    /AWS does not know the function’s credentials/,
    /Check AWS_ACCESS_KEY_ID/,
  ],
  [
    'runs with another secret access key',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, OIDC token'),
      aws: withCredentials(clouds, { secretAccessKey: 'another/Secret+of/the+function000000001' }),
    }),
    'CredentialInvalid',
    /the function’s credentials or its clock are wrong/,
    /Check AWS_SECRET_ACCESS_KEY/,
  ],
  [
    'runs without AWS credentials',
    async (clouds) => ({
      document: await documentOf(clouds, 'federation, OIDC token'),
      aws: { ...clouds.aws, credentials: () => Promise.reject(new Error('canary')) },
    }),
    'CredentialUnavailable',
    /there are no AWS credentials/,
    /AWS_ACCESS_KEY_ID/,
  ],
  [
    'runs in a region that has no such tokens',
    async (clouds) => {
      clouds.sts.interfere(() => ({
        status: 400,
        body: '<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>no</Message></Error></ErrorResponse>',
      }));
      return { document: await documentOf(clouds, 'federation, OIDC token') };
    },
    'CredentialInvalid',
    /this region of AWS has none/,
    /subject_token_type.*aws4_request/,
  ],
  [
    'has the token made out to somebody else',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, {});
      return { document: oidcDocument(oidc, { audience: 'https://vendor.example.com' }), aws };
    },
    'GoogleRefused',
    /the token was made out to somebody else/,
    /credential_source\.aws_web_identity_token\.audience.*--allowed-audiences=AUDIENCE/,
  ],
  [
    'trusts another issuer',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, {}, { issuer: 'https://issuer.example.com' });
      return { document: oidcDocument(oidc), aws };
    },
    'GoogleRefused',
    /the provider trusts another issuer/,
    /providers update-oidc PROVIDER .*--issuer-uri=ISSUER/,
  ],
  [
    'has a token that is over when Google sees it',
    async (clouds) => {
      const { aws, oidc } = await otherAws(clouds, {}, { behindMs: 3 * MINUTE_MS });
      return { document: oidcDocument(oidc, { duration_seconds: 60 }), aws };
    },
    'GoogleRefused',
    /the token had ended/,
    /credential_source\.aws_web_identity_token\.duration_seconds/,
  ],
  [
    'wrote a duration that AWS does not have',
    async (clouds) => ({ document: oidcDocument(clouds.oidcProvider, { duration_seconds: 7_200 }) }),
    'CredentialInvalid',
    /aws_web_identity_token\.duration_seconds/,
    /must be a whole number from 60 to 3600/,
  ],
];

const DISABLED_API =
  'IAM Service Account Credentials API has not been used in project 1 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/iamcredentials.googleapis.com/overview?project=1 then retry.';

const IMPERSONATION: readonly Row[] = [
  [
    'did not let the credential impersonate',
    async (clouds) => {
      clouds.target.denyImpersonationBy(`serviceAccount:${SOURCE}`);
      return { document: await documentOf(clouds, 'impersonated service account') };
    },
    'GoogleRefused',
    /the credential may not impersonate the service account/,
    /add-iam-policy-binding TARGET --member=serviceAccount:SOURCE --role=roles\/iam\.serviceAccountTokenCreator/,
  ],
  [
    'did not let the federated identity impersonate',
    async (clouds) => {
      account(clouds);
      return { document: clouds.awsProvider.createCredential({ serviceAccount: MIDDLE }) };
    },
    'GoogleRefused',
    /the credential may not impersonate the service account/,
    /principal:\/\/iam\.googleapis\.com.*--role=roles\/iam\.workloadIdentityUser/,
  ],
  [
    'did not let the credential have ID tokens',
    async (clouds) => {
      clouds.target.denyImpersonationBy(`serviceAccount:${SOURCE}`);
      return {
        document: await documentOf(clouds, 'impersonated service account'),
        event: { audience: AUDIENCE },
      };
    },
    'GoogleRefused',
    /may not have ID tokens of the service account/,
    /--role=roles\/iam\.serviceAccountOpenIdTokenCreator/,
  ],
  [
    'did not let the credential sign',
    async (clouds) => {
      clouds.target.denyImpersonationBy(`serviceAccount:${SOURCE}`);
      return {
        document: await documentOf(clouds, 'impersonated service account'),
        profile: { ...ACCESS, selfSigned: true },
      };
    },
    'GoogleRefused',
    /may not sign for the service account/,
    /--role=roles\/iam\.serviceAccountTokenCreator/,
  ],
  [
    'did not enable the IAM Credentials API',
    async (clouds) => {
      answerAt(clouds, 'serviceAccounts', apiRefusal('PERMISSION_DENIED', DISABLED_API, 403));
      return { document: await documentOf(clouds, 'federation with impersonation') };
    },
    'GoogleRefused',
    /the API is not enabled in the project/,
    /gcloud services enable iamcredentials\.googleapis\.com --project=PROJECT/,
  ],
  [
    'misspelled the account to impersonate',
    async (clouds) => ({
      document: await documentOf(clouds, 'service account key'),
      profile: { ...ACCESS, impersonate: { serviceAccount: `x${TARGET}` } },
    }),
    'GoogleRefused',
    /the service account to impersonate.* does not exist/,
    /gcloud iam service-accounts list --project=PROJECT/,
  ],
  [
    'has a person impersonated',
    async (clouds) => ({
      document: await documentOf(clouds, 'service account key'),
      profile: { ...ACCESS, impersonate: { serviceAccount: USER } },
    }),
    'GoogleRefused',
    /does not exist; a user is none/,
    /gcloud iam service-accounts list --project=PROJECT/,
  ],
  [
    'let the delegate impersonate nobody',
    async (clouds) => {
      account(clouds).allowImpersonationBy(`serviceAccount:${SOURCE}`);
      return {
        document: await documentOf(clouds, 'service account key'),
        profile: { ...ACCESS, impersonate: { ...IMPERSONATE, delegates: [MIDDLE] } },
      };
    },
    'GoogleRefused',
    /or one of the delegates may not/,
    /serviceAccountTokenCreator`, for each link of the chain/,
  ],
  [
    'wrote the delegates in the wrong order',
    async (clouds) => {
      const first = account(clouds, `first-${MIDDLE}`);
      first.allowImpersonationBy(`serviceAccount:${SOURCE}`);
      const second = account(clouds, `second-${MIDDLE}`);
      second.allowImpersonationBy(`serviceAccount:${first.email}`);
      clouds.target.allowImpersonationBy(`serviceAccount:${second.email}`);
      return {
        document: await documentOf(clouds, 'service account key'),
        profile: { ...ACCESS, impersonate: { ...IMPERSONATE, delegates: [second.email, first.email] } },
      };
    },
    'GoogleRefused',
    /one of the delegates may not/,
    /order of the delegates: the credential’s nearest first/,
  ],
  [
    'has a login that does not reach IAM',
    (clouds) => {
      const user = clouds.google.createUser({
        email: 'grace@example.com',
        scopes: ['https://www.googleapis.com/auth/cloud-platform'],
      });
      answerAt(
        clouds,
        'serviceAccounts',
        apiRefusal('PERMISSION_DENIED', 'Request had insufficient authentication scopes.', 403),
      );
      return {
        document: { ...user.document, token_uri: clouds.google.tokenUri },
        profile: { ...ACCESS, impersonate: IMPERSONATE },
      };
    },
    'GoogleRefused',
    /the login of the source credential does not reach IAM/,
    /gcloud auth application-default login/,
  ],
  [
    'wrote an impersonation URL of something else',
    async (clouds) => ({
      document: {
        ...(await documentOf(clouds, 'federation with impersonation')),
        service_account_impersonation_url: `${clouds.google.url}/v1/projects/example-project/serviceAccounts/${TARGET}`,
      },
    }),
    'CredentialInvalid',
    /field service_account_impersonation_url does not end in/,
    /\/v1\/projects\/-\/serviceAccounts\/EMAIL:generateAccessToken/,
  ],
];

async function kmsDocument(clouds: Clouds, changes: object = {}): Promise<object> {
  return { ...(await documentOf(clouds, 'AWS KMS key')), ...changes };
}

const KMS: readonly Row[] = [
  [
    'disabled the KMS key',
    async (clouds) => {
      clouds.kms.setKeyState(clouds.kmsKey, 'Disabled');
      return { document: await kmsDocument(clouds) };
    },
    'CredentialInvalid',
    /The KMS key arn:aws:kms:\S+ is disabled/,
    /aws kms enable-key --key-id KEY/,
  ],
  [
    'scheduled the KMS key for deletion',
    async (clouds) => {
      clouds.kms.setKeyState(clouds.kmsKey, 'PendingDeletion');
      return { document: await kmsDocument(clouds) };
    },
    'CredentialInvalid',
    /cannot sign in its present state, such as pending deletion/,
    /aws kms describe-key --key-id KEY.*aws kms cancel-key-deletion/,
  ],
  [
    'took a KMS key for encryption',
    async (clouds) => {
      const key_id = await clouds.kms.createKey({ usage: 'ENCRYPT_DECRYPT' });
      return { document: await kmsDocument(clouds, { key_id }) };
    },
    'CredentialInvalid',
    /is not for signing/,
    /aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY/,
  ],
  [
    'took a KMS key that is not RSA',
    async (clouds) => {
      clouds.kms.interfere(() =>
        kmsError(
          'InvalidKeyUsageException',
          'Algorithm RSASSA_PKCS1_V1_5_SHA_256 is incompatible with key spec ECC_NIST_P256.',
        ),
      );
      return { document: await kmsDocument(clouds) };
    },
    'CredentialInvalid',
    /is not for signing, or no RSA key/,
    /aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY/,
  ],
  [
    'named a KMS key that is not there',
    async (clouds) => ({
      document: await kmsDocument(clouds, { key_id: '00000000-0000-4000-8000-000000000000' }),
    }),
    'CredentialInvalid',
    /The KMS key 00000000-0000-4000-8000-000000000000 does not exist in this account and region/,
    /correct key_id in the document/,
  ],
  [
    'named a KMS key of another region',
    async (clouds) => ({
      document: await kmsDocument(clouds, { key_id: clouds.kmsKey.replace(REGION, 'us-east-1') }),
    }),
    'CredentialInvalid',
    /does not exist in this account and region/,
    /correct key_id in the document/,
  ],
  [
    'did not let the function sign',
    async (clouds) => {
      clouds.kms.interfere(() => kmsError('AccessDeniedException', 'User is not authorized to perform'));
      return { document: await kmsDocument(clouds) };
    },
    'CredentialInvalid',
    /may not be used by the function/,
    /its role needs kms:Sign on it/,
  ],
  [
    'runs without AWS credentials',
    async (clouds) => ({
      document: await kmsDocument(clouds),
      aws: { ...clouds.aws, credentials: () => Promise.reject(new Error('canary')) },
    }),
    'CredentialUnavailable',
    /there are no AWS credentials/,
    /AWS_ACCESS_KEY_ID/,
  ],
  [
    'runs with AWS credentials that have expired',
    async (clouds) => {
      clouds.kms.interfere(() =>
        kmsError('ExpiredTokenException', 'The security token included in the request is expired'),
      );
      return { document: await kmsDocument(clouds) };
    },
    'CredentialInvalid',
    /the function’s own AWS session is over/,
    /Start it again/,
  ],
  [
    'runs with an access key that AWS does not know',
    async (clouds) => {
      clouds.kms.interfere(() =>
        kmsError('UnrecognizedClientException', 'The security token included in the request is invalid.'),
      );
      return { document: await kmsDocument(clouds) };
    },
    'CredentialInvalid',
    /AWS does not know the function’s credentials/,
    /Check AWS_ACCESS_KEY_ID/,
  ],
  [
    'did not upload the certificate of the KMS key',
    async (clouds) => ({ document: await kmsDocument(clouds, { private_key_id: 'a'.repeat(40) }) }),
    'GoogleRefused',
    /Google does not have the certificate of the KMS key by that private_key_id, or it has expired/,
    /npm run .*kms-certificate.*gcloud iam service-accounts keys upload/,
  ],
  [
    'let the certificate of the KMS key expire',
    async (clouds) => {
      const document = await kmsDocument(clouds);
      aheadMs = 31 * DAY_MS;
      return { document };
    },
    'GoogleRefused',
    /the certificate of the KMS key .* has expired/,
    /npm run .*kms-certificate.*gcloud iam service-accounts keys upload/,
  ],
  [
    'left private_key_id out of the KMS document',
    async (clouds) => ({ document: await kmsDocument(clouds, { private_key_id: undefined }) }),
    'CredentialInvalid',
    /field private_key_id is missing/,
    /npm run kms-certificate.*gcloud iam service-accounts keys upload/,
  ],
];

const BOUNDARIES: readonly Row[] = [
  [
    'wrote a condition that Google cannot read',
    async (clouds) => {
      answerAt(
        clouds,
        '/v1/token',
        refusal('invalid_request', 'Invalid access boundary: availabilityCondition is no valid CEL.'),
      );
      return {
        document: await documentOf(clouds, 'service account key'),
        profile: {
          ...ACCESS,
          boundary: [{ ...RULE, availabilityCondition: { expression: 'resource.name.startsWith(' } }],
        },
      };
    },
    'GoogleRefused',
    /the profile’s boundary is none that Google takes/,
    /conditions in CEL. Correct the profile’s boundary/,
  ],
];

/** What could give away the set-up, in any document or in AWS's environment; what Google's and AWS's tokens begin with. */
const SECRET_SHAPES = /ya29\.|eyJ|A[KS]IA[A-Z0-9]{8}|AWS4-HMAC|canary|1\/\/|GOCSPX/;
const SECRET_FIELDS = ['private_key', 'refresh_token', 'client_secret'];

function secretsIn(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) =>
        typeof member === 'string' && SECRET_FIELDS.includes(name)
          ? (member.match(/[\w+/-]{12}/g) ?? [])
          : secretsIn(member),
      )
    : [];
}

test.each<Row>([
  ...KEYS,
  ...USERS_AND_SCOPES,
  ...FEDERATION,
  ...OIDC,
  ...IMPERSONATION,
  ...KMS,
  ...BOUNDARIES,
])('tells whoever %s the cause and the fix', async (_title, breakIt, thrownAs, cause, fix) => {
  const clouds = await start();
  const { document, event = {}, profile = ACCESS, aws = clouds.aws } = await breakIt(clouds);
  const vendor = vendorOf(document as object, { profiles: { default: profile }, aws });
  onTestFinished(vendor.close);

  const error = await vendor.refused(event);

  const { secretAccessKey, sessionToken = '' } = await clouds.aws.credentials();
  const secrets = [...secretsIn(document), secretAccessKey.slice(0, 12), sessionToken];
  expect(error).toMatch(new RegExp(`^${thrownAs}: `));
  expect(error).toMatch(cause);
  expect(error).toMatch(fix);
  expect(error).toMatch(/^[^\n\r\u2028]+\.$/);
  expect(error).not.toMatch(SECRET_SHAPES);
  expect(secrets.filter((secret) => error.includes(secret))).toEqual([]);
});

const PROFILES: readonly (readonly [title: string, profile: object, cause: RegExp, fix: RegExp])[] = [
  [
    'bounds a token with eleven rules',
    { ...ACCESS, boundary: Array.from({ length: 11 }, () => RULE) },
    /default\.boundary: .*there are 11/,
    /must be a list of 1 to 10 rules/,
  ],
  [
    'bounds a token to something other than a bucket',
    {
      ...ACCESS,
      boundary: [{ ...RULE, availableResource: '//bigquery.googleapis.com/projects/example-project' }],
    },
    /boundary\[0\]\.availableResource: .*only Cloud Storage can be bounded/,
    /must be \/\/storage\.googleapis\.com\/projects\/_\/buckets\/NAME/,
  ],
  [
    'lets self-signed tokens act for users',
    { ...ACCESS, selfSigned: true, subjects: ['*@example.com'] },
    /default\.selfSigned: a self-signed JWT cannot act for a user/,
    /leave out one of it and "subjects"/,
  ],
  [
    'bounds self-signed tokens',
    { ...ACCESS, selfSigned: true, boundary: [RULE] },
    /default\.selfSigned: a self-signed JWT cannot be downscoped/,
    /leave out one of it and "boundary"/,
  ],
  [
    'has self-signed tokens live for two hours',
    { ...ACCESS, selfSigned: true, maxLifetime: 7_200 },
    /default\.maxLifetime: a self-signed JWT/,
    /3600 seconds at the most/,
  ],
  [
    'has tokens live for a day',
    { ...ACCESS, maxLifetime: 86_400 },
    /default\.maxLifetime/,
    /must be a whole number of seconds from 600 to 43200/,
  ],
  [
    'impersonates an account by its number',
    { ...ACCESS, impersonate: { serviceAccount: '123456789012345678901' } },
    /default\.impersonate\.serviceAccount/,
    /must be the e-mail address of a service account, such as/,
  ],
  [
    'bounds ID tokens',
    { audiences: [AUDIENCE], boundary: [RULE] },
    /default\.boundary: is about access tokens/,
    /without "scopes" the profile has none/,
  ],
];

test.each(PROFILES)('tells whoever %s so before anything is deployed', (_title, profile, cause, fix) => {
  const parse = () => parseProfiles({ default: profile });

  expect(parse).toThrow(/^The profiles have a fault:\n {2}- [^\n]+$/);
  expect(parse).toThrow(cause);
  expect(parse).toThrow(fix);
});

const DOCUMENTS: readonly DocumentName[] = [
  'service account key',
  'AWS KMS key',
  'federation, signed request',
  'federation, OIDC token',
  'federation with impersonation',
  'impersonated service account',
  'user',
];

test.each(
  DOCUMENTS.flatMap((name) => [20 * MINUTE_MS, -20 * MINUTE_MS].map((skewMs) => [name, skewMs] as const)),
)('corrects a clock without a word: %s, off by %i ms', async (name, skewMs) => {
  const clouds = await start();
  const vendor = vendorOf(await documentOf(clouds, name), {
    profiles: { default: ACCESS },
    aws: clouds.aws,
    now: () => Date.now() + skewMs,
  });
  onTestFinished(vendor.close);

  const answer = await vendor.ask({});

  expect(answer.access_token).toMatch(/^ya29\./);
  // Google's clock is known by a header of whole seconds, as old as its answer; uncorrected, it would be 20 minutes.
  expect(Math.abs(Number(answer.expires_in) - 3_600)).toBeLessThan(60);
});
