import { type CredentialDocument, endpointField, type Fault } from './credential-document.ts';
import type { Exchange, ExchangeResult } from './exchange.ts';
import { isFields } from './fields.ts';
import { type AnsweredToken, generatedTokenOf, idTokenOf } from './token-answer.ts';
import type { OpenSource, SourceResult, TokenSource } from './token-source.ts';
import type { Grant } from './types.ts';

/** Whom to impersonate, and through whom. */
type Target = {
  readonly serviceAccount: string;
  /** Ends before `:generateAccessToken`. */
  readonly resourceUrl: string;
  /** The chain between the source and the target, as resource names. */
  readonly delegates: readonly string[];
};

const GENERATE =
  /^(https?:\/\/[^?#]+\/v1\/projects\/-\/serviceAccounts\/([^/:?#%]+@[^/:?#%]+)):generateAccessToken$/;
const DELEGATE = /^(?:projects\/-\/serviceAccounts\/)?([^/\s]+@[^/\s]+)$/;

/** IAM Credentials takes no narrower scope than this, or its own. */
const SOURCE_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const LIFETIME = '3600s';
/** A source token that is about to end is not worth a round trip. */
const MIN_SOURCE_LIFE_MS = 60_000;

function delegateOf(value: unknown, fault: Fault): string {
  const email = typeof value === 'string' ? DELEGATE.exec(value)?.[1] : undefined;
  if (email === undefined) {
    throw fault(
      'delegates',
      'must be a list of service accounts, by e-mail or as projects/-/serviceAccounts/EMAIL',
    );
  }
  return `projects/-/serviceAccounts/${email}`;
}

function targetOf(document: CredentialDocument, fault: Fault): Target {
  const field = 'service_account_impersonation_url';
  const [, resourceUrl, serviceAccount] = GENERATE.exec(endpointField(document, field, fault)) ?? [];
  if (resourceUrl === undefined || serviceAccount === undefined) {
    throw fault(field, 'does not end in /v1/projects/-/serviceAccounts/EMAIL:generateAccessToken');
  }
  const { delegates = [] } = document;
  if (!Array.isArray(delegates)) {
    throw fault('delegates', 'is no list');
  }
  return {
    resourceUrl,
    serviceAccount: serviceAccount,
    delegates: delegates.map((delegate: unknown) => delegateOf(delegate, fault)),
  };
}

/** The token that impersonates, whatever for. */
type SourceToken = {
  /** Returns the token that is kept, or a new one; callers who come together get the same. */
  readonly get: (deadlineMs: number) => Promise<SourceResult>;
  readonly forget: () => void;
};

function keepSourceToken(source: TokenSource, credential: string, now: () => number): SourceToken {
  const grant: Grant = { kind: 'access_token', credential, scopes: SOURCE_SCOPE };
  let kept: SourceResult | undefined;
  let asking: Promise<SourceResult> | undefined;

  const ask = async (deadlineMs: number): Promise<SourceResult> => {
    try {
      kept = await source(grant, deadlineMs);
      return kept;
    } finally {
      asking = undefined;
    }
  };

  return {
    get: async (deadlineMs) => {
      if (kept?.outcome === 'granted' && kept.token.expiresAtMs - now() > MIN_SOURCE_LIFE_MS) {
        return { ...kept, googleMs: 0 };
      }
      asking ??= ask(deadlineMs);
      return await asking;
    },
    forget: () => {
      kept = undefined;
    },
  };
}

function generate(
  exchange: Exchange,
  target: Target,
  bearer: string,
  grant: Grant,
  deadlineMs: number,
): Promise<ExchangeResult> {
  const { resourceUrl, delegates } = target;
  return grant.kind === 'access_token'
    ? exchange(
        new URL(`${resourceUrl}:generateAccessToken`),
        { bearer, json: { scope: grant.scopes.split(' '), lifetime: LIFETIME, delegates } },
        deadlineMs,
      )
    : exchange(
        new URL(`${resourceUrl}:generateIdToken`),
        { bearer, json: { audience: grant.audience, includeEmail: true, delegates } },
        deadlineMs,
      );
}

function readToken(
  grant: Grant,
  result: Extract<ExchangeResult, { outcome: 'granted' }>,
  nowMs: number,
): AnsweredToken | undefined {
  return grant.kind === 'access_token'
    ? generatedTokenOf(result.fields, nowMs)
    : idTokenOf(result.fields.token);
}

const WITHOUT_TOKEN: SourceResult = {
  outcome: 'refused',
  refusal: {
    cause: 'other',
    explanation: 'Google’s IAM Credentials answered 200 without a token that can be used.',
  },
  clockCorrected: false,
};

/**
 * Returns the source for a document that impersonates a service account: a token of its `source_credentials` asks IAM
 * Credentials for a token of the target, through the chain of delegates.
 *
 * @see https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts
 * @see https://google.aip.dev/auth/4117
 */
export const openImpersonatedServiceAccount: OpenSource = async (document, fault, dependencies) => {
  const { exchange, clock, openDocument } = dependencies;
  const target = targetOf(document, fault);
  const { source_credentials: inner } = document;
  if (!isFields(inner) || inner.type === 'impersonated_service_account') {
    throw fault(
      'source_credentials',
      'must be a credential of its own that does not impersonate; delegates are the way to a chain',
    );
  }
  const source = await openDocument(inner, (field, fix) =>
    fault(`source_credentials.${field ?? 'type'}`, fix),
  );
  const sourceToken = keepSourceToken(source, target.serviceAccount, clock.googleMs);

  return async (grant, deadlineMs) => {
    const asked = await sourceToken.get(deadlineMs);
    if (asked.outcome === 'refused') {
      return asked;
    }
    const result = await generate(exchange, target, asked.token.value, grant, deadlineMs);
    if (result.outcome === 'refused') {
      // Should it be the source's token that Google no longer accepts, the next try must not come with it again.
      sourceToken.forget();
      return { ...result, clockCorrected: false };
    }
    const token = readToken(grant, result, clock.googleMs());
    return token === undefined
      ? WITHOUT_TOKEN
      : {
          outcome: 'granted',
          token: { ...token, principal: target.serviceAccount },
          googleMs: asked.googleMs + result.googleMs,
        };
  };
};
