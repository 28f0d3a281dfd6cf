import { readAccessBoundary } from './access-boundary.ts';
import type { AccessTokens } from './access-tokens.ts';
import { type ObserverContext, observeRoute } from './observed-route.ts';
import type { GoogleRequest, Route } from './route.ts';
import { readStsParameters, type StsParameters } from './sts-parameters.ts';
import { answerStsRefusal, StsRefusal } from './sts-refusal.ts';
import { isKnownScope } from './wanted-token.ts';
import {
  type Attributes,
  federatedMembers,
  type ProviderRecord,
  type WorkloadPools,
} from './workload-pools.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const PROVIDER_NAME =
  /^\/\/iam\.googleapis\.com\/projects\/\d+\/locations\/global\/workloadIdentityPools\/[\w-]+\/providers\/[\w-]+$/;
const MAX_SUBJECT_BYTES = 127;

export type StsContext = ObserverContext & {
  readonly pools: WorkloadPools;
  readonly accessTokens: AccessTokens;
  readonly now: () => number;
};

function need(parameters: StsParameters, name: keyof StsParameters): string {
  const value = parameters[name]?.trim();
  if (!value) {
    throw new StsRefusal('invalid_request', `Missing required parameter: ${name}.`);
  }
  return value;
}

function checkGrant(parameters: StsParameters): void {
  if (need(parameters, 'grant_type') !== TOKEN_EXCHANGE) {
    throw new StsRefusal('unsupported_grant_type', `grant_type must be ${TOKEN_EXCHANGE}.`);
  }
  if (need(parameters, 'requested_token_type') !== ACCESS_TOKEN) {
    throw new StsRefusal('invalid_request', `requested_token_type must be ${ACCESS_TOKEN}.`);
  }
}

function findProvider(parameters: StsParameters, pools: WorkloadPools): ProviderRecord {
  const audience = parameters.audience ?? '';
  if (!PROVIDER_NAME.test(audience)) {
    throw new StsRefusal(
      'invalid_request',
      'Invalid value for "audience". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.',
    );
  }
  const provider = pools.find(audience);
  if (provider === undefined) {
    throw new StsRefusal(
      'invalid_target',
      'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn\'t exist.',
    );
  }
  return provider;
}

function readScopes(parameters: StsParameters): readonly string[] {
  const scopes = [...new Set(need(parameters, 'scope').split(/\s+/))];
  const unknown = scopes.find((scope) => !isKnownScope(scope));
  if (unknown !== undefined) {
    throw new StsRefusal('invalid_scope', `Invalid OAuth scope: ${unknown}.`);
  }
  return scopes;
}

function checkSubjectTokenType(parameters: StsParameters, { subjectTokenTypes }: ProviderRecord): void {
  const type = need(parameters, 'subject_token_type');
  if (!subjectTokenTypes.includes(type)) {
    throw new StsRefusal(
      'invalid_request',
      `Invalid subject_token_type ${type}: the provider takes ${subjectTokenTypes.join(' or ')}.`,
    );
  }
}

function mapAttributes(provider: ProviderRecord, assertion: Readonly<Record<string, unknown>>): Attributes {
  const attributes = provider.attributeMapping(assertion);
  const subject = attributes['google.subject'];
  if (!subject) {
    throw new StsRefusal(
      'unauthorized_client',
      'Could not obtain a value for google.subject from the given credential.',
    );
  }
  if (Buffer.byteLength(subject) > MAX_SUBJECT_BYTES) {
    throw new StsRefusal(
      'invalid_request',
      `The size of mapped attribute google.subject exceeds the ${MAX_SUBJECT_BYTES} bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than ${MAX_SUBJECT_BYTES} bytes.`,
    );
  }
  if (!provider.attributeCondition(attributes, assertion)) {
    throw new StsRefusal(
      'unauthorized_client',
      'The given credential is rejected by the attribute condition.',
    );
  }
  return attributes;
}

/** A downscoped token ends with its source, and so the answer has no `expires_in`. */
function downscope(parameters: StsParameters, { accessTokens, now }: StsContext): object {
  const boundary = readAccessBoundary(need(parameters, 'options'));
  const source = accessTokens.find(need(parameters, 'subject_token'));
  if (source === undefined) {
    throw new StsRefusal(
      'invalid_grant',
      'The subject token is invalid, has expired or is downscoped already.',
    );
  }
  const { principal, scopes, expiresAtMs } = source;
  return {
    access_token: accessTokens.issue({ principal, scopes, boundary }, (expiresAtMs - now()) / 1000),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
  };
}

/** A federated token ends with the OIDC token that it was given for, and after an hour at the latest. */
function lifetimeSeconds(
  { exp }: Readonly<Record<string, unknown>>,
  { accessTokens, now }: StsContext,
): number {
  const leftSeconds = typeof exp === 'number' ? Math.floor(exp - now() / 1000) : Number.POSITIVE_INFINITY;
  return Math.min(accessTokens.lifetimeSeconds, Math.max(1, leftSeconds));
}

async function federate(parameters: StsParameters, context: StsContext): Promise<object> {
  const { pools, accessTokens } = context;
  const provider = findProvider(parameters, pools);
  const scopes = readScopes(parameters);
  checkSubjectTokenType(parameters, provider);
  const assertion = await provider.verify(need(parameters, 'subject_token'));
  const members = federatedMembers(provider.pool, mapAttributes(provider, assertion));
  const seconds = lifetimeSeconds(assertion, context);
  return {
    access_token: accessTokens.issue({ principal: { kind: 'federated', members }, scopes }, seconds),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: seconds,
  };
}

async function exchange(request: GoogleRequest, context: StsContext): Promise<object> {
  if (request.headers.authorization !== undefined) {
    throw new StsRefusal('invalid_request', 'The request must not carry an Authorization header.');
  }
  const parameters = readStsParameters(request);
  checkGrant(parameters);
  return parameters.subject_token_type === ACCESS_TOKEN
    ? downscope(parameters, context)
    : federate(parameters, context);
}

function describe(request: GoogleRequest) {
  try {
    const { grant_type, scope, audience } = readStsParameters(request);
    return { grantType: grant_type, scope, targetAudience: audience };
  } catch {
    return {};
  }
}

/**
 * Returns the route of Google's Security Token Service: the credential of a workload elsewhere in, a federated access token
 * or an RFC 6749 error out; or an access token and an access boundary in, and the downscoped one out.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2
 */
export function createStsRoutes(context: StsContext): readonly Route[] {
  const handle: Route['handle'] = async (request) => {
    try {
      return { status: 200, body: await exchange(request, context) };
    } catch (error) {
      if (error instanceof StsRefusal) {
        return answerStsRefusal(error);
      }
      throw error;
    }
  };
  return [observeRoute({ method: 'POST', path: '/v1/token', handle }, describe, context)];
}
