import type { AwsProof, ExternalAccount } from '../lambda/credentials/external-account-document.ts';
import type { AwsRole, SetupStep } from './setup-step.ts';
import { shellQuote } from './shell-quote.ts';

const WORKLOAD_IDENTITY = 'gcloud iam workload-identity-pools';
const ISSUER =
  '"$(aws iam get-outbound-web-identity-federation-info --query IssuerIdentifier --output text)"';

/** What Google is to read from a proof of identity: each attribute as an expression in CEL. */
type Identity = { readonly mapping: readonly string[]; readonly role: string };

/**
 * Google's own mapping makes the whole ARN the subject, with the session, which is the function's name: up to 168 bytes,
 * where 127 are allowed. A role's name has 64 at the most.
 *
 * @see https://cloud.google.com/iam/docs/workload-identity-federation#mapping
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html `assertion` has its answer
 */
function identityInRequest({ partition, accountId, name }: AwsRole): Identity {
  return {
    mapping: [
      'google.subject=assertion.arn.extract("assumed-role/{role}/")',
      'attribute.aws_role=assertion.arn.extract("{account_arn}assumed-role/") + "assumed-role/" + assertion.arn.extract("assumed-role/{role}/")',
    ],
    role: `arn:${partition}:sts::${accountId}:assumed-role/${name}`,
  };
}

/**
 * The subject of AWS's token is the role's ARN, and the vendor's role has no path in it.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
 */
function identityInToken({ arn }: AwsRole): Identity {
  return {
    mapping: ['google.subject=assertion.sub.extract("role/{role}")', 'attribute.aws_role=assertion.sub'],
    role: arn,
  };
}

function identityOf({ kind }: AwsProof, role: AwsRole): Identity {
  return kind === 'signed_request' ? identityInRequest(role) : identityInToken(role);
}

/** `projects/NUMBER/…`: these commands of gcloud's take a project's number in a whole resource name, and not as `--project`. */
function resourceName(audience: string): string {
  return audience.replace(/^\/\/[^/]+\//, '');
}

function poolOf(provider: string): string {
  return provider.replace(/\/providers\/[^/]+$/, '');
}

/** Returns what gcloud would part nowhere but at the end of `value`, behind which it puts one itself. */
function separatorFor(value: string): string {
  let separator = '::';
  for (let count = 0; `${value}${separator}`.indexOf(separator) < value.length; count += 1) {
    separator = `:${count}:`;
  }
  return separator;
}

/** gcloud parts a list at its commas, unless it begins with another separator. @see `gcloud topic escaping` */
function listOfOne(value: string): string {
  return shellQuote(/[,^]/.test(value) ? `^${separatorFor(value)}^${value}` : value);
}

function createProvider({ audience, proof }: ExternalAccount, role: AwsRole): SetupStep {
  const identity = identityOf(proof, role);
  const admitted = [
    `--attribute-mapping=${shellQuote(identity.mapping.join(','))}`,
    `--attribute-condition=${shellQuote(`attribute.aws_role == "${identity.role}"`)}`,
  ];
  const [command, flags] =
    proof.kind === 'signed_request'
      ? ['create-aws', [`--account-id=${shellQuote(role.accountId)}`]]
      : ['create-oidc', [`--issuer-uri=${ISSUER}`, `--allowed-audiences=${listOfOne(proof.audience)}`]];
  return {
    does: `makes the pool's provider, which admits this function's role alone; if the answer is ALREADY_EXISTS, run it with ${command.replace('create', 'update')} in the place of ${command}, so that it admits this role`,
    command: [
      `${WORKLOAD_IDENTITY} providers ${command} ${resourceName(audience)}`,
      ...flags,
      ...admitted,
    ].join(' '),
  };
}

const ENABLE_TOKENS: SetupStep = {
  does: 'lets the AWS account make out tokens; it is done if the answer is FeatureEnabled',
  command: 'aws iam enable-outbound-web-identity-federation',
};

/** Returns the member that the function is in Google's policies. @see https://cloud.google.com/iam/docs/principal-identifiers */
export function federatedMember({ audience, proof }: ExternalAccount, role: AwsRole): string {
  return `principalSet:${poolOf(audience)}/attribute.aws_role/${identityOf(proof, role).role}`;
}

/** Returns the number of the project that a provider is in. */
export function projectNumberOf({ audience }: ExternalAccount): string {
  return resourceName(audience).split('/')[1] ?? '';
}

/**
 * Returns the commands that make Google take the function's role for an identity of its own.
 *
 * @see https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds
 */
export function federationSteps(account: ExternalAccount, role: AwsRole): readonly SetupStep[] {
  const pool = poolOf(resourceName(account.audience));
  return [
    ...(account.proof.kind === 'web_identity_token' ? [ENABLE_TOKENS] : []),
    {
      does: 'turns on the APIs',
      command: `gcloud services enable iam.googleapis.com iamcredentials.googleapis.com sts.googleapis.com --project=${projectNumberOf(account)}`,
    },
    {
      does: 'makes the workload identity pool; it is there already if the answer is ALREADY_EXISTS, which is fine',
      command: `${WORKLOAD_IDENTITY} create ${pool}`,
    },
    createProvider(account, role),
  ];
}
