import { Token } from 'aws-cdk-lib';
import type { Profile } from '../lambda/policy/profiles.ts';
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

/** What the profiles of a credential take of it: whom it is to act as, on top of what its document says, and for what. */
export type CredentialUse = {
  readonly impersonate: Profile['impersonate'];
  /** Whether the account that the tokens are of is to sign: for users that it acts for, or tokens that it makes out itself. */
  readonly signs: boolean;
};

/** Who is to act as the accounts, as Google's policies name it, and what for. */
export type Actor = { readonly member: string; readonly uses: readonly CredentialUse[] };

/** One identity that acts as one account. */
type Link = { readonly member: string; readonly email: string; readonly role: string };

/** One request to IAM Credentials: who makes it, through which accounts, and the one that it is for, last. */
type Request = { readonly caller: string; readonly accounts: readonly string[] };

/** Returns the requests on the way to a token of one use, in their order; each is made by the account of the one before. */
function requestsOf(
  { source, impersonation }: KeylessDocument,
  { impersonate }: CredentialUse,
  member: string,
): readonly Request[] {
  const own = source.kind === 'external_account' ? source.account.impersonation : undefined;
  const chains = [
    ...(own === undefined ? [] : [[own.serviceAccount]]),
    ...[impersonation, impersonate]
      .filter((chain) => chain !== undefined)
      .map(({ delegates, serviceAccount }) => [...delegates, serviceAccount]),
  ];
  return chains.map((accounts, index) => {
    const before = chains[index - 1]?.at(-1);
    return { caller: before === undefined ? member : serviceAccountMember(before), accounts };
  });
}

function linksOf(requests: readonly Request[], { signs }: CredentialUse): readonly Link[] {
  return requests.flatMap(({ caller, accounts }, place) => {
    const isPlain = accounts.length === 1 && !(signs && place === requests.length - 1);
    const role = isPlain && !caller.startsWith(SERVICE_ACCOUNT) ? USER : TOKEN_CREATOR;
    const members = [caller, ...accounts.map(serviceAccountMember)];
    return accounts.map((email, index): Link => ({ member: members[index] ?? caller, email, role }));
  });
}

/** Where one use takes more than another, the wider role has all that the narrower has. */
function merged(links: readonly Link[]): readonly Link[] {
  const byEnds = new Map<string, Link>();
  for (const link of links) {
    const ends = `${link.member} ${link.email}`;
    if (!byEnds.has(ends) || link.role === TOKEN_CREATOR) {
      byEnds.set(ends, link);
    }
  }
  return [...byEnds.values()];
}

function bind({ member, email, role }: Link): SetupStep {
  const who = member.startsWith(SERVICE_ACCOUNT) ? member.slice(SERVICE_ACCOUNT.length) : 'the function';
  return {
    does: `lets ${shown(who, "the command's member")} act as ${shown(email, "the command's account")}`,
    command: `gcloud iam service-accounts add-iam-policy-binding ${shellQuote(serviceAccountName(email))} --role=${role} --member=${shellQuote(member)}`,
  };
}

/** The project's id is a part of most accounts' addresses; of the others' nothing is known. */
function projectOf(email: string): string | undefined {
  return /@([a-z0-9-]+)\.iam\.gserviceaccount\.com$/.exec(email)?.[1];
}

/** A request to IAM Credentials counts in the project of the account that makes it. */
function enable(email: string): SetupStep {
  const project = projectOf(email);
  const account = shown(email, "the command's next member");
  return {
    does:
      project === undefined
        ? `turns on the API that impersonates: put in the project of ${account}`
        : 'turns on the API that impersonates',
    command: `gcloud services enable iamcredentials.googleapis.com --project=${project ?? 'PROJECT'}`,
  };
}

/**
 * Returns the commands that let an identity act as the service accounts that a document and the profiles name, one through
 * the other, each command once.
 *
 * @see https://cloud.google.com/iam/docs/service-account-impersonation
 * @see https://cloud.google.com/iam/docs/create-short-lived-credentials-delegated
 */
export function bindingSteps(document: KeylessDocument, { member, uses }: Actor): readonly SetupStep[] {
  const asked = uses.map((use) => ({ use, requests: requestsOf(document, use, member) }));
  // The function's own requests count in the pool's project, where the API is on already.
  const callers = asked
    .flatMap(({ requests }) => requests.map(({ caller }) => caller))
    .filter((caller) => caller.startsWith(SERVICE_ACCOUNT));
  const enabling = callers.map((caller) => enable(caller.slice(SERVICE_ACCOUNT.length)));
  const links = merged(asked.flatMap(({ use, requests }) => linksOf(requests, use)));
  const steps = new Map([...enabling, ...links.map(bind)].map((step) => [step.command, step]));
  return [...steps.values()];
}
