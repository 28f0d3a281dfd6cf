import { setTimeout as sleep } from 'node:timers/promises';
import { startSecretsManager } from '../local/aws/secrets-manager.ts';
import { createCertificate } from '../local/google/certificate.ts';
import { createRsaKey } from '../local/google/rsa-key.ts';
import { startGoogle } from '../local/google/server.ts';
import { startDistantProxy } from './distant-proxy.ts';
import { GOOGLE_HOST } from './google-host.ts';
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

async function start(): Promise<{ ready: StandInsReady; exchanges: () => number }> {
  const tlsKey = await createRsaKey();
  const tls = {
    key: tlsKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: createCertificate(tlsKey, {
      commonName: GOOGLE_HOST,
      nowMs: Date.now(),
      hosts: [GOOGLE_HOST, '127.0.0.1'],
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
