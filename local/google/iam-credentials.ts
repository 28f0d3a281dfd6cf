import type { AccessTokens } from './access-tokens.ts';
import type { Asked } from './exchanges.ts';
import { answerIamRefusal, IamRefusal } from './iam-refusal.ts';
import type { IdTokens } from './id-tokens.ts';
import { checkImpersonation, readDelegates } from './impersonation.ts';
import { type JsonObject, parseJsonObject } from './json-object.ts';
import { type ObserverContext, observeRoute } from './observed-route.ts';
import type { Principal } from './principal.ts';
import { bearerToken, type GoogleRequest, type Route } from './route.ts';
import type { AccountRecord, ServiceAccounts } from './service-accounts.ts';
import { readJwtPayload, signPayload } from './sign-jwt.ts';
import { isKnownScope } from './wanted-token.ts';

const SUFFICIENT_SCOPES: ReadonlySet<string> = new Set([
  'https://www.googleapis.com/auth/cloud-platform',
  'https://www.googleapis.com/auth/iam',
]);
const MIN_LIFETIME_SECONDS = 600;
const MAX_LIFETIME_SECONDS = 3600;
const MAX_EXTENDED_LIFETIME_SECONDS = 43_200;

export type IamCredentialsContext = ObserverContext & {
  readonly accounts: ServiceAccounts;
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
  readonly now: () => number;
};

/** A call whose caller is known; whether it may is not. */
type Call = { readonly caller: Principal; readonly target: string; readonly fields: JsonObject };

/** One method of the API: what it checks and what it answers. */
type Method = {
  readonly name: 'generateAccessToken' | 'generateIdToken' | 'signJwt';
  readonly answer: (call: Call) => object | Promise<object>;
};

function refuseArgument(message: string): never {
  throw new IamRefusal({ kind: 'argument', message });
}

function authenticate(request: GoogleRequest, method: string, accessTokens: AccessTokens): Principal {
  if (request.headers.authorization === undefined) {
    throw new IamRefusal({ kind: 'credentialMissing', method });
  }
  const record = accessTokens.find(bearerToken(request) ?? '');
  if (record === undefined) {
    throw new IamRefusal({ kind: 'credentialInvalid', method });
  }
  if (!record.scopes.some((scope) => SUFFICIENT_SCOPES.has(scope))) {
    throw new IamRefusal({ kind: 'scopeInsufficient', method });
  }
  return record.principal;
}

/** In Google's JSON null is as good as nothing, and gcloud sends `delegates` so. */
function withoutNulls(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function readCall(request: GoogleRequest, caller: Principal): Call {
  const { project = '', account = '' } = request.params;
  if (project !== '-') {
    refuseArgument(
      `Invalid form of resource name: projects/${project}/serviceAccounts/${account} — the project must be the wildcard "-"`,
    );
  }
  const fields = parseJsonObject(request.body);
  return fields === undefined
    ? refuseArgument('Invalid JSON payload received. An object is expected.')
    : { caller, target: account, fields: withoutNulls(fields) };
}

function readScopes({ scope }: JsonObject): readonly string[] {
  if (!Array.isArray(scope) || scope.length === 0) {
    return refuseArgument('Invalid value at "scope": a list of at least one scope is required');
  }
  const scopes: readonly unknown[] = scope;
  return scopes.map((entry) =>
    typeof entry === 'string' && isKnownScope(entry)
      ? entry
      : refuseArgument(`Invalid value at "scope": ${JSON.stringify(entry)} is no OAuth 2.0 scope`),
  );
}

function readLifetime({ lifetime = '3600s' }: JsonObject): number {
  const seconds = typeof lifetime === 'string' ? /^(\d{1,9})s$/.exec(lifetime)?.[1] : undefined;
  if (seconds === undefined) {
    return refuseArgument(
      `Invalid value at "lifetime" (type.googleapis.com/google.protobuf.Duration), ${JSON.stringify(lifetime)}`,
    );
  }
  return Number(seconds);
}

function checkLifetime(seconds: number, { lifetimeExtension }: AccountRecord): void {
  if (seconds > MAX_LIFETIME_SECONDS && !lifetimeExtension) {
    refuseArgument(
      'Service accounts can not have lifetimes of more than 1 hour. Use the Org Policy Constraint constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours.',
    );
  }
  if (seconds > MAX_EXTENDED_LIFETIME_SECONDS) {
    refuseArgument(`The access token lifetime cannot exceed ${MAX_EXTENDED_LIFETIME_SECONDS} seconds`);
  }
  if (seconds < MIN_LIFETIME_SECONDS) {
    refuseArgument(`The access token lifetime must be ${MIN_LIFETIME_SECONDS} seconds or more`);
  }
}

function generateAccessToken({ accounts, accessTokens, now }: IamCredentialsContext): Method {
  return {
    name: 'generateAccessToken',
    answer: ({ caller, target, fields }) => {
      const scopes = readScopes(fields);
      const seconds = readLifetime(fields);
      const delegates = readDelegates(fields);
      const permission = 'iam.serviceAccounts.getAccessToken';
      const account = checkImpersonation({ caller, delegates, target, permission }, accounts);
      checkLifetime(seconds, account);
      const expiresAt = new Date(now() + seconds * 1000).toISOString();
      const { email, uniqueId: clientId } = account;
      return {
        accessToken: accessTokens.issue(
          { principal: { kind: 'serviceAccount', email, clientId }, scopes },
          seconds,
        ),
        expireTime: expiresAt.replace(/\.\d+/, ''),
      };
    },
  };
}

function generateIdToken({ accounts, idTokens }: IamCredentialsContext): Method {
  return {
    name: 'generateIdToken',
    answer: async ({ caller, target, fields }) => {
      const { audience, includeEmail = false, useEmailAzp = false } = fields;
      if (typeof audience !== 'string' || audience === '') {
        return refuseArgument('Invalid value at "audience": it must not be empty');
      }
      const delegates = readDelegates(fields);
      const permission = 'iam.serviceAccounts.getOpenIdToken';
      const { email, uniqueId } = checkImpersonation({ caller, delegates, target, permission }, accounts);
      const authorizedParty = useEmailAzp === true ? email : uniqueId;
      const holder = { email, uniqueId, authorizedParty, includeEmail: includeEmail === true };
      return { token: await idTokens.issue(holder, audience) };
    },
  };
}

function signJwt({ accounts, now }: IamCredentialsContext): Method {
  return {
    name: 'signJwt',
    answer: async ({ caller, target, fields }) => {
      const payload = readJwtPayload(fields, now() / 1000);
      const delegates = readDelegates(fields);
      const permission = 'iam.serviceAccounts.signJwt';
      const account = checkImpersonation({ caller, delegates, target, permission }, accounts);
      const key = await accounts.managedKey(account);
      return { keyId: key.keyId, signedJwt: await signPayload(payload, key) };
    },
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** What is to be signed is told of like an assertion, which it mostly is. */
function describe(request: GoogleRequest): Partial<Asked> {
  const { scope, audience, payload } = parseJsonObject(request.body) ?? {};
  const claims = parseJsonObject(text(payload) ?? '') ?? {};
  return {
    issuer: text(claims.iss),
    subject: text(claims.sub),
    scope: Array.isArray(scope) ? scope.join(' ') : text(claims.scope),
    targetAudience: text(audience) ?? text(claims.target_audience),
  };
}

function methodRoute({ name, answer }: Method, context: IamCredentialsContext): Route {
  const handle: Route['handle'] = async (request) => {
    try {
      const caller = authenticate(request, capitalize(name), context.accessTokens);
      return { status: 200, body: await answer(readCall(request, caller)) };
    } catch (error) {
      if (error instanceof IamRefusal) {
        return answerIamRefusal(error);
      }
      throw error;
    }
  };
  const path = `/v1/projects/{project}/serviceAccounts/{account}:${name}`;
  return observeRoute({ method: 'POST', path, handle }, describe, context);
}

function capitalize(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/**
 * Returns the routes of IAM Credentials, by which one principal gets the tokens of a service account that admits it, or
 * has the account sign a JWT.
 *
 * An ID token names the e-mail only if `includeEmail` is asked for, and the private function refuses one that does not.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
 */
export function createIamCredentialsRoutes(context: IamCredentialsContext): readonly Route[] {
  return [generateAccessToken(context), generateIdToken(context), signJwt(context)].map((method) =>
    methodRoute(method, context),
  );
}
