import { setTimeout as sleep } from 'node:timers/promises';
import { startSecretsManager } from '../local/aws/secrets-manager.ts';
import { startSts } from '../local/aws/sts.ts';
import { createCertificate } from '../local/google/certificate.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { type Google, startGoogle } from '../local/google/server.ts';
import { startDistantProxy } from './distant-proxy.ts';
import { GOOGLE_HOST, GOOGLE_HOSTS } from './google-host.ts';
import type { StandInsReady, StandInsReply } from './stand-ins.ts';
import { startTokenStub } from './token-stub.ts';

/**
 * The servers that the measured processes talk to. They are a process of their own, which ends with the one that
 * started it, so that their work is in nobody's event loop but their own.
 */
const GOOGLE_DISTANCE = { connectMs: 8, eachWayMs: 4 };
const GOOGLE_THINKS_MS = 80;
const SECRETS_DISTANCE = { connectMs: 1, eachWayMs: 6 };
/** Long enough that whoever asks at once is in flight at once. */
const SLOW_STUB_MS = 100;
const SECRET_ID = 'bench/google-key';

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';
const KEYS = { accessKeyId: 'ASIABENCHBENCHBENCH1', secretAccessKey: 'bench', sessionToken: 'bench' };

/** Sets up a pool that admits a role of AWS's, and an account that it may impersonate. */
async function federate(google: Google): Promise<StandInsReady['federation']> {
  const principalArn = `arn:aws:sts::${ACCOUNT}:assumed-role/bench/function`;
  const sts = await startSts({
    region: REGION,
    accountId: ACCOUNT,
    credentials: [{ ...KEYS, principalArn }],
  });
  const pool = google.createPool();
  const provider = pool.createAwsProvider({
    accountId: ACCOUNT,
    verifyAwsIdentity: ({ subjectToken }) => sts.replayIdentityRequest(subjectToken),
  });
  const target = google.createServiceAccount({ email: 'target@example-project.iam.gserviceaccount.com' });
  target.allowImpersonationBy(pool.everyone);
  const document = JSON.stringify(provider.createCredential({ serviceAccount: target.email }))
    .replace(`${google.url}/v1/token`, 'https://sts.googleapis.com/v1/token')
    .replace(google.url, 'https://iamcredentials.googleapis.com');
  return {
    document,
    keys: {
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_SESSION_TOKEN: KEYS.sessionToken,
    },
  };
}

async function start(): Promise<{ ready: StandInsReady; exchanges: () => number }> {
  const tlsKey = await createRsaKey();
  const tls = {
    key: tlsKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: createCertificate(tlsKey, {
      commonName: GOOGLE_HOST,
      nowMs: Date.now(),
      hosts: [...GOOGLE_HOSTS, '127.0.0.1'],
    }),
  };
  const google = await startGoogle({ tls });
  google.interfere(async () => {
    await sleep(GOOGLE_THINKS_MS);
    return undefined;
  });
  const key = await google.createServiceAccount().createKey();
  const keyDocument = JSON.stringify({ ...key, token_uri: `https://${GOOGLE_HOST}/token` });
  const secrets = await startSecretsManager();
  secrets.createSecret(SECRET_ID, { string: keyDocument });
  const instantStub = await startTokenStub(tls);
  const slowStub = await startTokenStub(tls, SLOW_STUB_MS);
  const distantGoogle = await startDistantProxy(Number(new URL(google.url).port), GOOGLE_DISTANCE);
  const distantSecrets = await startDistantProxy(secrets.port, SECRETS_DISTANCE);

  const ready = {
    certificate: tls.cert,
    keyDocument,
    secretId: SECRET_ID,
    federation: await federate(google),
    distantGooglePort: distantGoogle.port,
    distantSecretsPort: distantSecrets.port,
    secretsUrl: secrets.url,
    instantStubPort: instantStub.port,
    slowStubPort: slowStub.port,
  };
  return { ready, exchanges: slowStub.exchanges };
}

function reply(message: StandInsReply): void {
  process.send?.(message);
}

process.on('disconnect', () => process.exit());
const { ready, exchanges } = await start();
process.on('message', () => reply({ exchanges: exchanges() }));
reply({ ready });
