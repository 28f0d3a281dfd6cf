import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsIdentity } from '../local/google/http-server.ts';

/** A token endpoint that looks at nothing and answers every request alike, so that its own work is next to none. */
export type TokenStub = {
  readonly port: number;
  /** How many requests it has answered. */
  readonly exchanges: () => number;
  readonly close: () => Promise<void>;
};

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A JWT by its form and its size: nobody who is measured here verifies it. */
function sampleIdToken(): string {
  const claims = { iss: 'https://accounts.google.com', exp: Math.floor(Date.now() / 1000) + 3600 };
  const signature = Buffer.alloc(256, 1).toString('base64url');
  return `${base64url({ alg: 'RS256', typ: 'JWT', kid: 'sample' })}.${base64url(claims)}.${signature}`;
}

function answerText(): string {
  return JSON.stringify({
    access_token: `ya29.${'a'.repeat(200)}`,
    expires_in: 3599,
    token_type: 'Bearer',
    id_token: sampleIdToken(),
  });
}

/** Starts the stub on loopback; each answer takes `thinkMs`. */
export async function startTokenStub(tls: TlsIdentity, thinkMs = 0): Promise<TokenStub> {
  const body = answerText();
  let exchanges = 0;
  const server = createServer({ ...tls, keepAliveTimeout: 60_000 }, async (request, response) => {
    exchanges += 1;
    request.resume();
    if (thinkMs > 0) {
      await sleep(thinkMs);
    }
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // As many as will come at once: a caller who has to knock twice would wait a second for it.
    server.listen({ port: 0, host: '127.0.0.1', backlog: 2_000 }, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    exchanges: () => exchanges,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
