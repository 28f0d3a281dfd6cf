import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { JsonObject } from './json-object.ts';
import { StsRefusal } from './sts-refusal.ts';

const ALGORITHMS = ['RS256', 'ES256'];
const MAX_LIFETIME_SECONDS = 86_400;
const JWKS_TIMEOUT_MS = 5000;
const CLOCK_TOLERANCE_SECONDS = 60;

export type OidcIdentityOptions = {
  /** The `iss` of the issuer's tokens, letter by letter. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** @default the provider's resource name, with and without `https:` in front */
  readonly allowedAudiences?: readonly string[];
};

/** Returns the claims of a token of the provider's issuer made out to it. Throws {@link StsRefusal}. */
export type OidcVerifier = (token: string, audience: string) => Promise<JsonObject>;

function stale(iat: unknown): string {
  return `ID Token issued at ${iat ?? null} is stale to sign-in.`;
}

function explainClaim({ claim, payload }: errors.JWTClaimValidationFailed): string {
  switch (claim) {
    case 'iss':
      return `The issuer in ID Token ${payload.iss ?? null} does not match the expected one in config`;
    case 'aud':
      return `The audience in ID Token [${[payload.aud ?? []].flat().join(', ')}] does not match the expected audience.`;
    case 'iat':
    case 'exp':
      return stale(payload.iat);
    default:
      return `The claim ${claim} in ID Token is missing or wrong.`;
  }
}

function explain(error: unknown): string {
  if (error instanceof errors.JWTExpired) {
    return stale(error.payload.iat);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return explainClaim(error);
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return 'Unable to parse the ID Token.';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `Unsupported signing algorithm of the ID Token: ${ALGORITHMS.join(' and ')} are supported.`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return 'Unable to verify the ID Token signature.';
  }
  // Google says the same of a key that is not among the issuer's.
  return "Error connecting to the given credential's issuer.";
}

function checkTimes({ iat = 0, exp = 0 }: JWTPayload, nowSeconds: number): void {
  if (iat > nowSeconds + CLOCK_TOLERANCE_SECONDS) {
    throw new StsRefusal('invalid_grant', `ID Token issued at ${iat} is from the future.`);
  }
  if (exp - iat > MAX_LIFETIME_SECONDS) {
    throw new StsRefusal('invalid_grant', 'The ID Token lives for more than 24 hours.');
  }
}

/**
 * Returns the judge of an OIDC provider's subject tokens: signed with RS256 or ES256 by a key of the issuer's JWKS,
 * alive, give or take a minute, for at most a day, and made out to an allowed audience.
 *
 * @see https://cloud.google.com/iam/docs/workload-identity-federation-with-other-providers#prepare
 */
export function createOidcVerifier(options: OidcIdentityOptions, now: () => number): OidcVerifier {
  const { issuer, jwksUrl, allowedAudiences } = options;
  const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: JWKS_TIMEOUT_MS,
    cooldownDuration: 0,
  });

  return async (token, audience) => {
    const wanted = allowedAudiences ?? [audience, `https:${audience}`];
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ALGORITHMS,
        issuer,
        audience: [...wanted],
        currentDate: new Date(now()),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['iat', 'exp'],
      });
      checkTimes(payload, now() / 1000);
      return payload;
    } catch (error) {
      throw error instanceof StsRefusal ? error : new StsRefusal('invalid_grant', explain(error));
    }
  };
}
