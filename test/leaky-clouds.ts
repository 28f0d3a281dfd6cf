import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Aws } from '../lambda/aws/aws-environment.ts';
import { createNetwork, type PostBody, type PostResponse } from '../lambda/google/post.ts';
import type { Handler } from '../lambda/handler.ts';
import { type ProfilesDocument, parseProfiles } from '../lambda/policy/profiles.ts';
import { createVendor, type VendorDependencies } from '../lambda/vendor.ts';
import { startKms } from '../local/aws/kms.ts';
import { startSts } from '../local/aws/sts.ts';
import { startGoogle } from '../local/google/server.ts';
import { ACCOUNT, REGION, ROLE_ARN, SESSION_ARN, SOURCE, TARGET, USER } from './make-clouds.ts';

/** The function's own keys, in the form that AWS gives them. */
const KEYS = {
  accessKeyId: 'ASIACANARYCANARYCANA',
  secretAccessKey: 'canary+Secret/of+the/function+CANARY0123',
  sessionToken: `IQoJb3JpZ2luX2VjEJr//////////wEaCWV1LXdlc3QtMSJHMEUCIQ${'CANARY+session/TOKEN'.repeat(6)}==`,
};

/** How a link of the chain answers in the place of the real one, or breaks, with what it was sent in hand. */
export type Leak = (sent: string) => PostResponse | Error;

/** A vendor whose chain leaks at one link, and all that was secret on the way. */
export type LeakyVendor = {
  readonly handler: Handler;
  /** How many requests were posted so far. */
  readonly posted: () => number;
};

export type LeakyClouds = {
  /** Documents of every kind, by a name for it. */
  readonly documents: Readonly<Record<string, object>>;
  /** What was sent and answered anywhere, of all that could be used by whoever reads it. */
  readonly secrets: () => readonly string[];
  /**
   * Returns a vendor of one credential. The link of that index, counted from 0 over its requests, leaks; without it, all
   * goes well.
   */
  readonly vendorOf: (
    document: object,
    profiles: ProfilesDocument,
    audit: VendorDependencies['audit'],
    faults?: Partial<Aws> & { readonly index?: number; readonly leak?: Leak },
  ) => LeakyVendor;
  /** The address of a KMS that repeats what it is sent in every way of answering, one after the other. */
  readonly leakyKms: { readonly url: string; readonly answers: number; answerNumber: number };
  readonly close: () => Promise<void>;
};

const TOKEN_FIELDS = /"(?:access_token|accessToken|id_token|token|signedJwt)": ?"([^"]+)"/g;

/** What of a request's body is a secret: a bearer, a proof, and what a signed request consists of. */
function secretsOf(body: PostBody): readonly string[] {
  const { bearer, assertion, subject_token, refresh_token, headers } = body as Readonly<
    Record<string, unknown>
  >;
  const plain = [bearer, assertion, subject_token, refresh_token].filter(
    (value): value is string => typeof value === 'string',
  );
  const signed = [...plain.map(decoded), JSON.stringify(headers ?? {})].flatMap((text) => [
    ...text.matchAll(/Signature=([0-9a-f]{64})/g),
  ]);
  return [...plain, ...signed.map(([, signature = '']) => signature)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** All of a request in one text, as it went and as it is read at the other end. */
function asSent(body: PostBody): string {
  const values = Object.values(body).map((value) =>
    typeof value === 'string' ? value : JSON.stringify(value),
  );
  return [...values, ...values.map(decoded)].join(' ');
}

/** Repeats a request's headers, in which the session token and a signature are. */
async function startLeakyKms() {
  const state = { answerNumber: 0 };
  const answersTo = (sent: string): readonly (readonly [status: number, body: string])[] => [
    [400, JSON.stringify({ __type: 'AccessDeniedException', message: sent })],
    [400, JSON.stringify({ __type: 'KMSInternalException', Message: sent })],
    [400, JSON.stringify({ __type: sent, message: sent })],
    [500, `<p>${sent}</p>`],
    [200, sent],
    [200, JSON.stringify({ Signature: { sent }, KeyId: sent })],
    [200, JSON.stringify({ Signature: [sent] })],
    [200, JSON.stringify({ KeyId: sent, SigningAlgorithm: sent })],
    [403, ''],
  ];
  const server = http.createServer((request, response) => {
    request.resume();
    const [status, body] = answersTo(JSON.stringify(request.headers))[state.answerNumber] ?? [500, ''];
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return Object.assign(state, { url: `http://127.0.0.1:${port}`, answers: answersTo('').length, close });
}

/** Starts both clouds, all in order, and a function in them whose keys and tokens can be told from all other text. */
export async function startLeakyClouds(): Promise<LeakyClouds> {
  const google = await startGoogle();
  const webIdentity = { audiences: [] as string[], maxDurationSeconds: 3_600 };
  const [sts, kms, leakyKms] = await Promise.all([
    startSts({
      region: REGION,
      accountId: ACCOUNT,
      credentials: [{ ...KEYS, principalArn: SESSION_ARN, webIdentity }],
    }),
    startKms({ region: REGION, accountId: ACCOUNT }),
    startLeakyKms(),
  ]);
  const aws: Aws = { region: async () => REGION, credentials: async () => KEYS, stsUrl: sts.url };
  const source = google.createServiceAccount({ email: SOURCE, subjects: [USER] });
  const target = google.createServiceAccount({ email: TARGET, subjects: [USER], lifetimeExtension: true });
  const pool = google.createPool();
  const awsProvider = pool.createAwsProvider({
    accountId: ACCOUNT,
    verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
  });
  const oidcProvider = pool.createOidcProvider({ issuer: sts.issuer, jwksUrl: sts.jwksUrl });
  webIdentity.audiences.push(`https:${oidcProvider.audience}`);
  const user = google.createUser();
  const role = SESSION_ARN.replace(/\/[^/]+$/, '');
  for (const member of [
    `serviceAccount:${SOURCE}`,
    `serviceAccount:${TARGET}`,
    `user:${user.email}`,
    pool.attribute('aws_role', role),
    pool.subject(ROLE_ARN),
  ]) {
    target.allowImpersonationBy(member);
  }
  const key = await source.createKey();
  const kmsKey = await kms.createKey();
  const secrets = new Set<string>([
    KEYS.secretAccessKey,
    KEYS.sessionToken,
    encodeURIComponent(KEYS.sessionToken),
    key.private_key,
    user.document.refresh_token,
  ]);

  return {
    documents: {
      key,
      user: { ...user.document, token_uri: google.tokenUri },
      'signed request': awsProvider.createCredential(),
      'OIDC token': oidcProvider.createCredential({ credentialSource: { aws_web_identity_token: {} } }),
      'signed request, impersonating': awsProvider.createCredential({ serviceAccount: TARGET }),
      'KMS key': {
        type: 'aws_kms',
        key_id: kmsKey,
        client_email: SOURCE,
        private_key_id: 'x',
        token_uri: google.tokenUri,
      },
    },
    secrets: () => [...secrets],
    vendorOf: (document, profiles, audit, { index: leakIndex = 0, leak, ...faults } = {}) => {
      const network = createNetwork();
      let posted = 0;
      const post: typeof network.post = async (url, body, timeoutMs) => {
        const index = posted;
        posted += 1;
        for (const secret of secretsOf(body)) {
          secrets.add(secret);
        }
        // A request that is tried again is the same link of the chain, so all behind the first leak.
        if (leak !== undefined && index >= leakIndex) {
          const answer = leak(asSent(body));
          if (answer instanceof Error) {
            throw answer;
          }
          return answer;
        }
        const response = await network.post(url, body, timeoutMs);
        const tokens = [
          ...response.body.matchAll(TOKEN_FIELDS),
          ...response.body.matchAll(/<WebIdentityToken>([^<]+)</g),
        ];
        for (const [, token = ''] of tokens) {
          secrets.add(token);
        }
        return response;
      };
      const { handler } = createVendor({
        profiles: parseProfiles(profiles),
        credentials: new Map([['default', { secret: 'the-secret' }]]),
        readSecret: async () => ({ text: JSON.stringify(document), versionId: '1' }),
        audit,
        network: { ...network, post },
        aws: { ...aws, ...faults },
        random: () => 0,
      });
      return { handler, posted: () => posted };
    },
    leakyKms,
    close: async () => {
      await Promise.all([google.close(), sts.close(), kms.close(), leakyKms.close()]);
    },
  };
}
