import { createHash, generateKeyPair, type KeyObject, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { exportJWK, type JSONWebKeySet, SignJWT } from 'jose';
import type { WebIdentityAlgorithm, WebIdentityRequest } from './web-identity-request.ts';

/** Whom a token speaks of. */
export type WebIdentityHolder = {
  /** The role's ARN without its session, or the user's. */
  readonly subject: string;
  readonly accountId: string;
  /** When the temporary credentials end that asked, in milliseconds since the epoch. */
  readonly sessionEndMs: number | undefined;
};

/** A signed token, and its end. */
export type WebIdentityToken = { readonly token: string; readonly expiration: Date };

/** AWS's issuer of OIDC tokens for one account. */
export type WebIdentityIssuer = {
  /** The `iss` of its tokens, as AWS names it; it has no address here. */
  readonly issuer: string;
  readonly issue: (holder: WebIdentityHolder, request: WebIdentityRequest) => Promise<WebIdentityToken>;
  readonly jwks: () => Promise<JSONWebKeySet>;
  /** Returns the document that AWS has at `/.well-known/openid-configuration`. */
  readonly configuration: () => Readonly<Record<string, unknown>>;
};

type SigningKey = {
  readonly keyId: string;
  readonly algorithm: WebIdentityAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

const AWS_CLAIMS = 'https://sts.amazonaws.com/';
const generate = promisify(generateKeyPair);

/** The same for the same account, in the shape of the UUIDs that AWS gives out. */
function issuerOf(accountId: string): string {
  const hex = createHash('sha256').update(accountId).digest('hex');
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  return `https://${id}.tokens.sts.global.api.aws`;
}

async function createKeys(): Promise<Readonly<Record<WebIdentityAlgorithm, SigningKey>>> {
  const [rsa, elliptic] = await Promise.all([
    generate('rsa', { modulusLength: 2048 }),
    generate('ec', { namedCurve: 'P-384' }),
  ]);
  return {
    RS256: { keyId: `RSA_${randomUUID()}`, algorithm: 'RS256', ...rsa },
    ES384: { keyId: `EC384_${randomUUID()}`, algorithm: 'ES384', ...elliptic },
  };
}

async function publish({ publicKey, keyId, algorithm }: SigningKey) {
  return { ...(await exportJWK(publicKey)), kid: keyId, alg: algorithm, use: 'sig' };
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}/, '');
}

/**
 * Returns the issuer of an account's web identity tokens, with keys of its own that are made at their first use.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
 */
export function createWebIdentityIssuer(options: {
  readonly accountId: string;
  readonly region: string;
  readonly now: () => number;
}): WebIdentityIssuer {
  const { accountId, region, now } = options;
  const issuer = issuerOf(accountId);
  let made: ReturnType<typeof createKeys> | undefined;
  const keys = () => {
    made ??= createKeys();
    return made;
  };

  return {
    issuer,
    issue: async (holder, { audiences, algorithm, durationSeconds, tags }) => {
      const { privateKey, keyId } = (await keys())[algorithm];
      const issuedAtSeconds = Math.floor(now() / 1000);
      const expiresAtSeconds = issuedAtSeconds + durationSeconds;
      const { sessionEndMs } = holder;
      const claims = {
        aws_account: holder.accountId,
        source_region: region,
        principal_id: holder.subject,
        ...(sessionEndMs === undefined ? {} : { original_session_exp: isoSeconds(sessionEndMs) }),
        ...(Object.keys(tags).length === 0 ? {} : { request_tags: tags }),
      };
      const aud = audiences.length === 1 ? audiences[0] : [...audiences];
      const token = await new SignJWT({ aud, [AWS_CLAIMS]: claims })
        .setProtectedHeader({ alg: algorithm, kid: keyId, typ: 'JWT' })
        .setIssuer(issuer)
        .setSubject(holder.subject)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(expiresAtSeconds)
        .setJti(randomUUID())
        .sign(privateKey);
      return { token, expiration: new Date(expiresAtSeconds * 1000) };
    },
    jwks: async () => ({ keys: await Promise.all(Object.values(await keys()).map(publish)) }),
    configuration: () => ({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES384'],
      claims_supported: ['sub', 'aud', 'exp', 'iat', 'iss', 'jti'],
    }),
  };
}
