import { createLocalJWKSet, exportJWK, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { createCertificate } from './certificate.ts';
import { createRsaKey, type RsaKey } from './rsa-key.ts';

const ISSUER = 'https://accounts.google.com';

/** Whom an ID token speaks of. */
export type IdTokenHolder = {
  readonly email: string;
  readonly uniqueId: string;
  /**
   * Whom the token was issued to, its `azp`.
   * @default the e-mail
   */
  readonly authorizedParty?: string;
  /**
   * Whether the token names the e-mail.
   * @default true
   */
  readonly includeEmail?: boolean;
};

/** The claims of a verified ID token that a receiver uses. */
export type IdTokenClaims = {
  readonly audience: string;
  readonly email: string;
  readonly uniqueId: string;
  /** Seconds since the epoch. */
  readonly expiresAtSeconds: number;
};

export type IdTokens = {
  /** Returns a signed ID token whose `aud` is exactly `audience`. */
  readonly issue: (holder: IdTokenHolder, audience: string) => Promise<string>;
  /** Returns the claims of a token that is Google's, alive, and of a verified e-mail; otherwise `undefined`. */
  readonly verify: (token: string) => Promise<IdTokenClaims | undefined>;
  readonly jwks: () => Promise<JSONWebKeySet>;
  /** Returns the signing key's certificate, PEM, by its key id. */
  readonly certificates: () => Promise<Readonly<Record<string, string>>>;
};

async function publishKey(key: RsaKey): Promise<JSONWebKeySet> {
  const jwk = await exportJWK(key.publicKey);
  return { keys: [{ ...jwk, kid: key.keyId, alg: 'RS256', use: 'sig' }] };
}

/**
 * Returns Google's signer of ID tokens, with a signing key of its own. The key is made in the background: who needs
 * it first waits for it.
 *
 * @see https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
 */
export function createIdTokens(options: {
  readonly now: () => number;
  readonly lifetimeSeconds: number;
}): IdTokens {
  const { now, lifetimeSeconds } = options;
  const signingKey = createRsaKey();
  const jwks = signingKey.then(publishKey);

  return {
    issue: async ({ email, uniqueId, authorizedParty = email, includeEmail = true }, audience) => {
      const { keyId, privateKey } = await signingKey;
      const issuedAtSeconds = Math.floor(now() / 1000);
      const named = includeEmail ? { email, email_verified: true } : {};
      return new SignJWT({ aud: audience, azp: authorizedParty, ...named })
        .setProtectedHeader({ alg: 'RS256', kid: keyId, typ: 'JWT' })
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(issuedAtSeconds + lifetimeSeconds)
        .setIssuer(ISSUER)
        .setSubject(uniqueId)
        .sign(privateKey);
    },
    verify: async (token) => {
      try {
        const { payload } = await jwtVerify(token, createLocalJWKSet(await jwks), {
          algorithms: ['RS256'],
          issuer: ISSUER,
          currentDate: new Date(now()),
          requiredClaims: ['exp', 'iat', 'sub', 'aud'],
        });
        const { aud, email, email_verified, sub, exp } = payload;
        return email_verified === true && typeof aud === 'string' && typeof email === 'string'
          ? { audience: aud, email, uniqueId: sub ?? '', expiresAtSeconds: exp ?? 0 }
          : undefined;
      } catch {
        return undefined;
      }
    },
    jwks: () => jwks,
    certificates: async () => {
      const key = await signingKey;
      const options = { commonName: 'federated-signon.system.gserviceaccount.com', nowMs: now() };
      return { [key.keyId]: createCertificate(key, options) };
    },
  };
}
