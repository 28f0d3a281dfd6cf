import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { certificateToSign, sealCertificate } from '../infra/certificate.ts';
import type { Aws } from '../lambda/aws/aws-environment.ts';
import { type LocalKms, startKms } from '../local/aws/kms.ts';
import { type LocalSts, startSts } from '../local/aws/sts.ts';
import { type Google, type GoogleOptions, startGoogle } from '../local/google/server.ts';
import type { ServiceAccount } from '../local/google/service-accounts.ts';
import type { Provider } from '../local/google/workload-pools.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';
export const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/vendor`;
export const SESSION_ARN = `arn:aws:sts::${ACCOUNT}:assumed-role/vendor/function`;
export const SOURCE = 'vendor@example-project.iam.gserviceaccount.com';
export const TARGET = 'target@example-project.iam.gserviceaccount.com';
export const USER = 'alice@example.com';

const DAY_MS = 86_400_000;
const KEYS = {
  accessKeyId: 'ASIALOCALLOCALLOCAL1',
  secretAccessKey: 'local/Secret+of/the+function0000000000001',
  sessionToken: 'a-session-token',
};
const ROLE = SESSION_ARN.replace(/\/[^/]+$/, '');

/** The stand-ins for both clouds, with a set-up of each kind in them. */
export type Clouds = {
  readonly google: Google;
  readonly sts: LocalSts;
  readonly kms: LocalKms;
  /** The AWS that the function runs in: the role `vendor`. */
  readonly aws: Aws;
  /** The account that keys and certificates are of, and that impersonates `target`. */
  readonly source: ServiceAccount;
  /** Whoever is set up here may impersonate it; it may act for {@link USER}, and live for twelve hours. */
  readonly target: ServiceAccount;
  readonly awsProvider: Provider;
  readonly oidcProvider: Provider;
  /** A KMS key whose certificate `source` has, by the ARN. */
  readonly kmsKey: string;
  /** Returns a document for each way to a token, by a name for it. */
  readonly documents: () => Promise<Readonly<Record<DocumentName, object>>>;
  readonly close: () => Promise<void>;
};

export type DocumentName =
  | 'service account key'
  | 'AWS KMS key'
  | 'federation, signed request'
  | 'federation, OIDC token'
  | 'federation with impersonation'
  | 'impersonated service account'
  | 'user';

export type CloudsOptions = GoogleOptions & {
  /** What may stand between the function and AWS's STS. @default - nothing */
  readonly stsUrl?: (sts: LocalSts) => string;
};

/** Returns the certificate of a key in the stand-in for KMS, signed by it; the command that people use has tests of its own. */
async function certify(client: KMSClient, keyId: string, nowMs: number): Promise<string> {
  const { PublicKey: publicKey = new Uint8Array() } = await client.send(
    new GetPublicKeyCommand({ KeyId: keyId }),
  );
  const toBeSigned = certificateToSign({
    publicKey: Buffer.from(publicKey),
    commonName: 'unused',
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + 30 * DAY_MS,
  });
  const { Signature: signature = new Uint8Array() } = await client.send(
    new SignCommand({
      KeyId: keyId,
      Message: toBeSigned,
      MessageType: 'RAW',
      SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    }),
  );
  return sealCertificate(toBeSigned, Buffer.from(signature));
}

/**
 * Starts the stand-ins, all of which go by `now`. The SDK finds that for KMS by `AWS_ENDPOINT_URL_KMS`, which is the
 * test's to set.
 */
export async function startClouds({ stsUrl, ...options }: CloudsOptions = {}): Promise<Clouds> {
  const { now = Date.now } = options;
  const google = await startGoogle(options);
  const credential = {
    ...KEYS,
    principalArn: SESSION_ARN,
    webIdentity: { audiences: [], maxDurationSeconds: 3_600 } as {
      audiences: string[];
      maxDurationSeconds: number;
    },
  };
  const [sts, kms] = await Promise.all([
    startSts({ region: REGION, accountId: ACCOUNT, credentials: [credential], now }),
    startKms({ region: REGION, accountId: ACCOUNT, now }),
  ]);
  const source = google.createServiceAccount({ email: SOURCE, subjects: [USER] });
  const target = google.createServiceAccount({ email: TARGET, subjects: [USER], lifetimeExtension: true });
  const pool = google.createPool();
  const awsProvider = pool.createAwsProvider({
    accountId: ACCOUNT,
    verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
    attributeCondition: ({ 'attribute.aws_role': role }) => role === ROLE,
  });
  const oidcProvider = pool.createOidcProvider({
    issuer: sts.issuer,
    jwksUrl: sts.jwksUrl,
    attributeCondition: ({ 'google.subject': subject }) => subject === ROLE_ARN,
  });
  credential.webIdentity.audiences.push(`https:${oidcProvider.audience}`);
  const user = google.createUser();
  const members = [
    `serviceAccount:${SOURCE}`,
    `user:${user.email}`,
    pool.attribute('aws_role', ROLE),
    pool.subject(ROLE_ARN),
  ];
  for (const member of members) {
    target.allowImpersonationBy(member);
  }
  const kmsKey = await kms.createKey();
  const client = new KMSClient({ region: REGION, credentials: KEYS, endpoint: kms.url });
  const certificateId = source.uploadKey(await certify(client, kmsKey, now()));
  client.destroy();

  const documents: Clouds['documents'] = async () => {
    const key = await source.createKey();
    return {
      'service account key': key,
      'AWS KMS key': {
        type: 'aws_kms',
        key_id: kmsKey,
        client_email: SOURCE,
        private_key_id: certificateId,
        token_uri: google.tokenUri,
      },
      'federation, signed request': awsProvider.createCredential(),
      'federation, OIDC token': oidcProvider.createCredential({
        credentialSource: { aws_web_identity_token: {} },
      }),
      'federation with impersonation': awsProvider.createCredential({ serviceAccount: TARGET }),
      'impersonated service account': {
        type: 'impersonated_service_account',
        service_account_impersonation_url: google.impersonationUrl(TARGET),
        source_credentials: key,
      },
      user: { ...user.document, token_uri: google.tokenUri },
    };
  };

  return {
    google,
    sts,
    kms,
    aws: {
      region: async () => REGION,
      credentials: async () => KEYS,
      stsUrl: stsUrl?.(sts) ?? sts.url,
    },
    source,
    target,
    awsProvider,
    oidcProvider,
    kmsKey,
    documents,
    close: async () => {
      await Promise.all([google.close(), sts.close(), kms.close()]);
    },
  };
}
