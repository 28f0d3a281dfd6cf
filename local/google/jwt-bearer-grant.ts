import type { AccessTokens } from './access-tokens.ts';
import { type AssertionContext, decodeAssertion, verifyAssertion } from './assertion.ts';
import type { IdTokens } from './id-tokens.ts';
import type { Principal } from './principal.ts';
import { Refusal } from './refusal.ts';
import type { TokenGrant } from './token-endpoint.ts';

export type JwtBearerContext = AssertionContext & {
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
};

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' ? claim : undefined;
}

/**
 * Returns the grant by which a service account's signed assertion becomes an access token or an ID token.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7523#section-2.1
 */
export function createJwtBearerGrant(context: JwtBearerContext): TokenGrant {
  const { accessTokens, idTokens } = context;
  return {
    type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    describe: (form) => {
      const { header, claims } = decodeAssertion(form.get('assertion') ?? '') ?? {};
      return {
        issuer: text(claims?.iss),
        subject: text(claims?.sub),
        keyId: text(header?.kid),
        scope: text(claims?.scope),
        targetAudience: text(claims?.target_audience),
      };
    },
    answer: async (form) => {
      const assertion = form.get('assertion');
      if (assertion === null || assertion === '') {
        throw new Refusal('assertionMissing');
      }
      const { account, subject, wanted } = await verifyAssertion(assertion, context);
      const principal: Principal = {
        kind: subject === undefined ? 'serviceAccount' : 'user',
        email: subject ?? account.email,
        clientId: account.uniqueId,
      };
      if (wanted.kind === 'id_token') {
        return { id_token: await idTokens.issue(account, wanted.audience) };
      }
      return {
        access_token: accessTokens.issue({ principal, scopes: wanted.scopes }),
        expires_in: accessTokens.lifetimeSeconds,
        token_type: 'Bearer',
      };
    },
  };
}
