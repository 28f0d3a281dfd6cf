import https from 'node:https';
import { importPKCS8, SignJWT } from 'jose';
import { GOOGLE_HOST } from './google-host.ts';

/** Fetches one ID token for an audience. */
export type RawExchange = (audience: string) => Promise<string>;

function post(agent: https.Agent, form: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      `https://${GOOGLE_HOST}/token`,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(form),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(form);
  });
}

/**
 * Returns the least that a mint can be: an assertion signed, one POST on a kept connection, and the token read from
 * the answer. No check, no time-out, no cache, no log.
 */
export async function createRawExchange(keyDocument: string): Promise<RawExchange> {
  const key = JSON.parse(keyDocument) as {
    client_email: string;
    private_key: string;
    private_key_id: string;
  };
  const privateKey = await importPKCS8(key.private_key, 'RS256');
  const agent = new https.Agent({ keepAlive: true });

  return async (audience) => {
    const iat = Math.floor(Date.now() / 1000);
    const assertion = await new SignJWT({ target_audience: audience })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.private_key_id })
      .setIssuer(key.client_email)
      .setAudience(`https://${GOOGLE_HOST}/token`)
      .setIssuedAt(iat)
      .setExpirationTime(iat + 3600)
      .sign(privateKey);
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion,
    });
    const { id_token: token } = JSON.parse(await post(agent, form.toString())) as { id_token: string };
    return token;
  };
}
