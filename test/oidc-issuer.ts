import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** An issuer of OIDC tokens on loopback, as AWS's is one. */
export type OidcIssuer = {
  readonly issuer: string;
  readonly jwksUrl: string;
  /** Returns a token with a minute to live, but for what `claims` say; `alg` names one of the issuer's keys. */
  readonly sign: (
    claims: Readonly<Record<string, unknown>>,
    alg?: 'RS256' | 'ES256' | 'ES384',
  ) => Promise<string>;
  readonly close: () => Promise<void>;
};

/** Returns an issuer with a key for each of three algorithms, one of which Google does not take. */
export async function startOidcIssuer(): Promise<OidcIssuer> {
  const algorithms = ['RS256', 'ES256', 'ES384'] as const;
  const pairs = await Promise.all(algorithms.map((alg) => generateKeyPair(alg)));
  const keys = await Promise.all(
    pairs.map(async ({ publicKey }, index) => {
      const alg = algorithms[index] ?? '';
      return { ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' };
    }),
  );
  const server = http.createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;

  return {
    issuer,
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    sign: async (claims, alg = 'RS256') => {
      const pair = pairs[algorithms.indexOf(alg)];
      if (pair === undefined) {
        throw new Error(`No key for ${alg}`);
      }
      const iat = Math.floor(Date.now() / 1000);
      return new SignJWT({ iss: issuer, iat, exp: iat + 60, ...claims })
        .setProtectedHeader({ alg, kid: alg })
        .sign(pair.privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
