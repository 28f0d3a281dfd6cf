import { fieldsOf, isFields } from '../fields.ts';
import { isLifetime, MAX_SECONDS, MIN_SECONDS } from '../policy/lifetimes.ts';
import {
  type CredentialDocument,
  DEFAULT_UNIVERSE,
  endpointField,
  type Fault,
  isLoopback,
  serviceOrigin,
  textField,
  universeOf,
} from './credential-document.ts';
import { impersonationTargetOf } from './impersonation-target.ts';

/** How the function proves to Google who it is in AWS. */
export type AwsProof =
  | {
      /** A signed request for `GetCallerIdentity`, which Google sends on to AWS. */
      readonly kind: 'signed_request';
      /** `{region}` in it stands for the function's own. */
      readonly verificationUrl: string;
    }
  | {
      /** A token of AWS's that says so, which Google verifies by AWS's published keys. */
      readonly kind: 'web_identity_token';
      readonly audience: string;
      readonly durationSeconds: number;
    };

/** What is used of an `external_account` document. It holds no secret. */
export type ExternalAccount = {
  /** The provider of the workload identity pool: `//iam.googleapis.com/projects/…/providers/…`. */
  readonly audience: string;
  readonly subjectTokenType: string;
  readonly tokenUrl: string;
  readonly proof: AwsProof;
  readonly impersonation:
    | {
        readonly origin: string;
        readonly serviceAccount: string;
        readonly tokenUri: string;
        readonly lifetimeSeconds?: number;
      }
    | undefined;
};

const SIGNED_REQUEST = 'urn:ietf:params:aws:token-type:aws4_request';
const OIDC_TOKENS = ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'];
/** Behind `//iam.UNIVERSE`. */
const PROVIDER =
  /^\/projects\/\d+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]+\/providers\/[a-z0-9-]+$/;

const DEFAULT_VERIFICATION_URL =
  'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15';
/** A region by its form: other names there are of services, where customers have names of their own (`sts.s3.amazonaws.com`). */
const STS_HOST =
  /^sts(?:-fips)?(?:\.(?:\{region\}|[a-z]+(?:-[a-z]+)+-\d{1,2}))?\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/;
const STS_QUERY = 'Action=GetCallerIdentity&Version=2011-06-15';

const MIN_TOKEN_SECONDS = 60;
const MAX_TOKEN_SECONDS = 3_600;
/** A federated token of Google's ends with the token that it was given for: so it is asked for an hour. */
const TOKEN_SECONDS = 3_600;
const MAX_AUDIENCE_LENGTH = 1_000;

function providerOf(document: CredentialDocument, fault: Fault): string {
  const audience = textField(document, 'audience', fault);
  if (audience.includes('/workforcePools/')) {
    throw fault('audience', 'is of a workforce pool, which is for people; make a workload identity pool');
  }
  // A proof made out to a provider of another universe is of no use to whoever gets it there.
  const prefix = `//iam.${universeOf(document, fault)}`;
  if (!audience.startsWith(prefix) || !PROVIDER.test(audience.slice(prefix.length))) {
    throw fault(
      'audience',
      'must be a provider of the document’s universe, with the project’s number: //iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/POOL/providers/PROVIDER',
    );
  }
  return audience;
}

/** Whoever got the signed request could be the function to AWS's STS for a quarter of an hour; nowhere else, and Google checks it. */
function verificationUrlOf(source: CredentialDocument, fault: Fault): string {
  const field = 'credential_source.regional_cred_verification_url';
  const { regional_cred_verification_url: text = DEFAULT_VERIFICATION_URL } = source;
  const [, scheme, host = '', query] =
    (typeof text === 'string' ? /^(https?):\/\/([^/?#@]+)\/?\?([^#]*)$/.exec(text) : null) ?? [];
  const isAws = scheme === 'https' && STS_HOST.test(host);
  const isStandIn = isLoopback(host.replace(/:\d+$/, '')) && URL.canParse(`${scheme}://${host}`);
  if (query !== STS_QUERY || !(isAws || isStandIn)) {
    throw fault(field, `is no address of AWS’s STS, such as ${DEFAULT_VERIFICATION_URL}`);
  }
  return String(text);
}

function signedRequestOf(source: CredentialDocument, fault: Fault): AwsProof {
  if (source.environment_id !== 'aws1') {
    throw fault(
      'credential_source.environment_id',
      'is not aws1: the function proves who it is in AWS, and has no file, URL or program to ask. Write the file with gcloud iam workload-identity-pools create-cred-config PROVIDER --aws',
    );
  }
  // region_url, url and imdsv2_session_token_url are the instance metadata service's, which is never asked.
  return { kind: 'signed_request', verificationUrl: verificationUrlOf(source, fault) };
}

function webIdentityTokenOf(document: CredentialDocument, provider: string, fault: Fault): AwsProof {
  const field = 'credential_source.aws_web_identity_token';
  const { aws_web_identity_token: wanted } = fieldsOf(document.credential_source);
  if (!isFields(wanted)) {
    throw fault(
      field,
      'is missing: with a JWT as its subject token, the function has AWS make one out. Write "credential_source": {"aws_web_identity_token": {}}',
    );
  }
  const { audience = `https:${provider}`, duration_seconds: seconds = TOKEN_SECONDS } = wanted;
  if (typeof audience !== 'string' || audience === '' || audience.length > MAX_AUDIENCE_LENGTH) {
    throw fault(`${field}.audience`, `must be a string of at most ${MAX_AUDIENCE_LENGTH} characters`);
  }
  if (universeOf(document, fault) !== DEFAULT_UNIVERSE && audience !== `https:${provider}`) {
    throw fault(
      `${field}.audience`,
      'must be left out with a universe_domain of its own, which would otherwise get a token that is good elsewhere',
    );
  }
  const isDuration =
    Number.isInteger(seconds) && Number(seconds) >= MIN_TOKEN_SECONDS && Number(seconds) <= MAX_TOKEN_SECONDS;
  if (!isDuration) {
    throw fault(
      `${field}.duration_seconds`,
      `must be a whole number from ${MIN_TOKEN_SECONDS} to ${MAX_TOKEN_SECONDS}`,
    );
  }
  return { kind: 'web_identity_token', audience, durationSeconds: Number(seconds) };
}

function proofOf(document: CredentialDocument, provider: string, type: string, fault: Fault): AwsProof {
  if (type === SIGNED_REQUEST) {
    return signedRequestOf(fieldsOf(document.credential_source), fault);
  }
  if (OIDC_TOKENS.includes(type)) {
    return webIdentityTokenOf(document, provider, fault);
  }
  throw fault('subject_token_type', `must be ${SIGNED_REQUEST} or ${OIDC_TOKENS[0]}`);
}

function impersonationOf(document: CredentialDocument, fault: Fault): ExternalAccount['impersonation'] {
  if (document.service_account_impersonation_url === undefined) {
    return undefined;
  }
  const target = {
    ...impersonationTargetOf(document, fault),
    tokenUri: `${serviceOrigin(document, 'oauth2', fault)}/token`,
  };
  const { token_lifetime_seconds: lifetimeSeconds } = fieldsOf(document.service_account_impersonation);
  if (lifetimeSeconds === undefined) {
    return target;
  }
  if (!isLifetime(lifetimeSeconds)) {
    throw fault(
      'service_account_impersonation.token_lifetime_seconds',
      `must be a whole number from ${MIN_SECONDS} to ${MAX_SECONDS}`,
    );
  }
  return { ...target, lifetimeSeconds };
}

/**
 * Returns what an `external_account` document says: as `gcloud iam workload-identity-pools create-cred-config --aws` writes it,
 * or, for AWS's outbound OIDC tokens, with `"credential_source": {"aws_web_identity_token": {"audience"?, "duration_seconds"?}}`.
 *
 * @throws {VendError} `credential_invalid`, made by `fault`
 * @see https://google.aip.dev/auth/4117
 * @see https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds
 */
export function parseExternalAccount(document: CredentialDocument, fault: Fault): ExternalAccount {
  const audience = providerOf(document, fault);
  const subjectTokenType = textField(document, 'subject_token_type', fault);
  const tokenUrl =
    document.token_url === undefined
      ? `${serviceOrigin(document, 'sts', fault)}/v1/token`
      : endpointField(document, 'token_url', 'sts', fault);
  return {
    audience,
    subjectTokenType,
    tokenUrl,
    proof: proofOf(document, audience, subjectTokenType, fault),
    impersonation: impersonationOf(document, fault),
  };
}
