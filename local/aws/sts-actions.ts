import { iamIdentity } from './principal.ts';
import type { LocalCredential } from './sigv4.ts';
import { type StsFault, type StsResult, stsFault } from './sts-answer.ts';
import type { StsCall } from './sts-call.ts';
import type { WebIdentityIssuer } from './web-identity.ts';
import { parseWebIdentityRequest, type WebIdentityRequest } from './web-identity-request.ts';

/** A policy's permission for `sts:GetWebIdentityToken`, with the conditions that IAM has for it. */
export type WebIdentityGrant = {
  /** `sts:IdentityTokenAudience`; any, if not given. */
  readonly audiences?: readonly string[];
  /** `sts:DurationSeconds`; 3,600 if not given. */
  readonly maxDurationSeconds?: number;
};

/** A key pair that STS knows, and what its principal may do. */
export type StsCredential = LocalCredential & {
  /** When temporary credentials end, in milliseconds since the epoch; never, if not given. */
  readonly expiresAtMs?: number;
  /** The role behind an assumed-role principal, for a role with a path, which its sessions' ARNs do not show. */
  readonly roleArn?: string;
  /** No permission, if not given. */
  readonly webIdentity?: WebIdentityGrant;
};

/** Who calls, and by which name of the service. */
export type StsCaller = { readonly credential: StsCredential; readonly host: string };

/** What the actions need of the account they are served for. */
export type StsAccount = {
  readonly accountId: string;
  readonly issuer: WebIdentityIssuer;
  readonly now: () => number;
};

const GLOBAL_HOST = 'sts.amazonaws.com';
const MAX_TOKEN_SECONDS = 3_600;

function getCallerIdentity({ credential }: StsCaller): StsResult {
  const { userArn, userId, accountId } = iamIdentity(credential);
  return { kind: 'result', fields: { Arn: userArn, UserId: userId, Account: accountId } };
}

/** The session's name is no part of what a trust policy can rely on, so tokens speak of the role. */
function subjectOf({ principalArn, roleArn }: StsCredential): string {
  const session = /^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role\/([^/]+)\/[^/]+$/.exec(principalArn);
  return session === null
    ? principalArn
    : (roleArn ?? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}`);
}

function isGranted(grant: WebIdentityGrant | undefined, request: WebIdentityRequest): boolean {
  const { audiences, maxDurationSeconds = MAX_TOKEN_SECONDS } = grant ?? {};
  return (
    grant !== undefined &&
    request.durationSeconds <= maxDurationSeconds &&
    request.audiences.every((audience) => audiences?.includes(audience) ?? true)
  );
}

function webIdentityFault(
  { accountId, now }: StsAccount,
  credential: StsCredential,
  request: WebIdentityRequest,
): StsFault | undefined {
  if (!isGranted(credential.webIdentity, request)) {
    const action = 'sts:GetWebIdentityToken';
    const message = `User: ${credential.principalArn} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`;
    return stsFault('AccessDenied', message, 403);
  }
  if (iamIdentity(credential).accountId !== accountId) {
    return stsFault(
      'OutboundWebIdentityFederationDisabledException',
      'Outbound web identity federation is not enabled for this account.',
      403,
    );
  }
  return now() + request.durationSeconds * 1000 > (credential.expiresAtMs ?? Number.POSITIVE_INFINITY)
    ? stsFault(
        'SessionDurationEscalationException',
        'The requested token duration would extend the session beyond its original expiration time.',
        403,
      )
    : undefined;
}

async function getWebIdentityToken(
  account: StsAccount,
  { credential, host }: StsCaller,
  call: StsCall,
): Promise<StsResult | StsFault> {
  if (host === GLOBAL_HOST) {
    return stsFault(
      'InvalidAction',
      `${call.action} is not available on the global endpoint: use a regional one.`,
    );
  }
  const request = parseWebIdentityRequest(call.parameters);
  if (request.kind === 'fault') {
    return request;
  }
  const fault = webIdentityFault(account, credential, request);
  if (fault !== undefined) {
    return fault;
  }
  const { token, expiration } = await account.issuer.issue(
    {
      subject: subjectOf(credential),
      accountId: account.accountId,
      sessionEndMs: credential.expiresAtMs,
    },
    request,
  );
  return { kind: 'result', fields: { WebIdentityToken: token, Expiration: expiration } };
}

/** Serves one action to a caller whose signature has been verified. */
export type StsAction = (caller: StsCaller, call: StsCall) => Promise<StsResult | StsFault>;

/**
 * Returns the actions of STS that are to be had locally, by name.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
 */
export function createStsActions(account: StsAccount): ReadonlyMap<string, StsAction> {
  return new Map<string, StsAction>([
    ['GetCallerIdentity', async (caller) => getCallerIdentity(caller)],
    ['GetWebIdentityToken', (caller, call) => getWebIdentityToken(account, caller, call)],
  ]);
}
