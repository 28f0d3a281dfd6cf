import { Token } from 'aws-cdk-lib';
import type { KeylessDocument } from './keyless-document.ts';
import type { SetupStep } from './setup-step.ts';
import { shellQuote } from './shell-quote.ts';

/** Enough for a federated identity to have tokens of an account. */
const USER = 'roles/iam.workloadIdentityUser';
/** Enough to sign as an account and to go through it to another, too. */
const TOKEN_CREATOR = 'roles/iam.serviceAccountTokenCreator';
const SERVICE_ACCOUNT = 'serviceAccount:';

/** gcloud looks for an account that is named by its e-mail alone in the project it is set to, if it is set to one. */
export function serviceAccountName(email: string): string {
  return `projects/-/serviceAccounts/${email}`;
}

/** Returns the member that a service account is in Google's policies. */
export function serviceAccountMember(email: string): string {
  return `${SERVICE_ACCOUNT}${email}`;
}

/** A description of an output is text: what CloudFormation is yet to put in can be in the command alone. */
function shown(text: string, otherwise: string): string {
  return Token.isUnresolved(text) ? otherwise : text;
}

function bind(member: string, email: string, role: string): SetupStep {
  const who = member.startsWith(SERVICE_ACCOUNT) ? member.slice(SERVICE_ACCOUNT.length) : 'the function';
  return {
    does: `lets ${shown(who, "the command's member")} act as ${shown(email, "the command's account")}`,
    command: `gcloud iam service-accounts add-iam-policy-binding ${shellQuote(serviceAccountName(email))} --role=${role} --member=${shellQuote(member)}`,
  };
}

/** Who is to act as a document's accounts, as Google's policies name it, and whether it is to sign as the last of them. */
export type Actor = { readonly member: string; readonly signs: boolean };

/**
 * Returns the commands that let an identity act as the service accounts that a document names, one through the other.
 *
 * @see https://cloud.google.com/iam/docs/service-account-impersonation
 * @see https://cloud.google.com/iam/docs/create-short-lived-credentials-delegated
 */
export function bindingSteps(
  { source, impersonation }: KeylessDocument,
  { member, signs }: Actor,
): readonly SetupStep[] {
  const own = source.kind === 'external_account' ? source.account.impersonation?.serviceAccount : undefined;
  const delegates = impersonation?.delegates ?? [];
  const chain = [own, ...delegates, impersonation?.serviceAccount].filter((email) => email !== undefined);
  const goesThrough = own === undefined && delegates.length > 0;
  const signsItself = signs && chain.length === 1;
  const isUser = source.kind === 'external_account' && !goesThrough && !signsItself;
  return chain.map((email, index) =>
    index === 0
      ? bind(member, email, isUser ? USER : TOKEN_CREATOR)
      : bind(serviceAccountMember(chain[index - 1] ?? ''), email, TOKEN_CREATOR),
  );
}
