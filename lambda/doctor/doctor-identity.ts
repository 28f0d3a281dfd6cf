import type { Aws } from '../aws/aws-environment.ts';
import { awsErrorName } from '../aws/aws-failure.ts';
import { fieldsOf, textOf } from '../fields.ts';
import type { Post } from '../google/post.ts';
import { redact } from '../quote.ts';
import type { Finding } from './doctor-chain.ts';

/** @see https://cloud.google.com/iam/docs/workload-identity-federation#mapping */
const MAX_SUBJECT_BYTES = 127;
/** To learn who signed is not worth more. */
const ASK_TIMEOUT_MS = 2_000;

function isTooLong(subject: string): boolean {
  return Buffer.byteLength(subject) > MAX_SUBJECT_BYTES;
}

/** Which part of an identity serves as Google's subject, and by which command. */
type Mapping = { readonly kind: 'aws' | 'oidc'; readonly usual: string; readonly fitting: string };

function judgeSubject(said: string, subject: string, { kind, usual, fitting }: Mapping): Finding {
  if (!isTooLong(subject)) {
    return { outcome: 'ok', detail: said };
  }
  const long = `${said}; that is ${Buffer.byteLength(subject)} bytes, and Google takes ${MAX_SUBJECT_BYTES} for a subject`;
  return {
    outcome: 'warning',
    detail: `${long}: with the usual mapping google.subject=${usual} Google refuses it. Map something shorter with \`gcloud iam workload-identity-pools providers update-${kind} PROVIDER --workload-identity-pool=POOL --location=global --attribute-mapping="google.subject=${fitting}"\`; name every other mapping as well, for the list is replaced.`,
    onceAccepted: `${long}: the provider maps something shorter, since Google took it`,
  };
}

/** The name alone: a role's path can be longer than a subject may be. */
function fittingForToken(subject: string): string {
  const begin = subject.search(/(?:role|user)\//);
  const path = subject.slice(Math.max(0, begin), subject.lastIndexOf('/') + 1);
  return `assertion.sub.extract('${path}{name}')`;
}

function subjectOf(jwt: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    return textOf(fieldsOf(claims).sub);
  } catch {
    return undefined;
  }
}

/**
 * Returns what is to be said of an OIDC token of AWS's by whom it speaks of. The token is no part of it.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
 */
export function judgeToken(jwt: string): Finding {
  const subject = subjectOf(jwt);
  if (subject === undefined) {
    return { outcome: 'warning', detail: 'AWS’s OIDC token is had, but it says no sub' };
  }
  const fitting = fittingForToken(subject);
  const mapping = { kind: 'oidc', usual: 'assertion.sub', fitting } as const;
  return judgeSubject(`AWS’s OIDC token is had, for ${redact(subject)}`, subject, mapping);
}

type IdentityRequest = { readonly url: URL; readonly headers: Readonly<Record<string, string>> };

function readRequest(subjectToken: string, { stsUrl }: Aws): IdentityRequest {
  const { url, headers } = fieldsOf(JSON.parse(decodeURIComponent(subjectToken)));
  const list: readonly unknown[] = Array.isArray(headers) ? headers : [];
  const signed = new URL(String(url));
  const place = new URL(stsUrl ?? signed);
  place.search = signed.search;
  return {
    url: place,
    headers: Object.fromEntries(list.map(fieldsOf).map(({ key, value }) => [String(key), String(value)])),
  };
}

function signerOf(status: number, body: string): string {
  const arn = /Arn"?\s*[>:]\s*"?(arn:[\w+=,.@:/-]{1,2000})/.exec(body)?.[1];
  if (status !== 200 || arn === undefined) {
    const code = /Code"?\s*[>:]\s*"?(\w{1,64})/.exec(body)?.[1];
    throw Object.assign(new Error(`AWS answered ${status}`), { name: code ?? `Status${status}` });
  }
  return arn;
}

/** Sends the very request that Google is to send. AWS answers in XML or, to who asks so, in JSON. */
async function askWhoSigned(subjectToken: string, post: Post, aws: Aws): Promise<string> {
  const { url, headers } = readRequest(subjectToken, aws);
  const { status, body } = await post(url, { headers, text: '' }, ASK_TIMEOUT_MS);
  return signerOf(status, body);
}

function fittingForSigner(arn: string): string {
  return arn.includes(':assumed-role/')
    ? "assertion.arn.extract('assumed-role/{role}/')"
    : 'assertion.userid';
}

/**
 * Returns what is to be said of a signed request for `GetCallerIdentity` by who signed it, as AWS's STS says. Google asks
 * by itself, so that not to learn it here is no failure.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export async function judgeSigner(subjectToken: string, post: Post, aws: Aws): Promise<Finding> {
  try {
    const arn = await askWhoSigned(subjectToken, post, aws);
    const mapping = { kind: 'aws', usual: 'assertion.arn', fitting: fittingForSigner(arn) } as const;
    return judgeSubject(`the request that proves who the function is is signed, by ${arn}`, arn, mapping);
  } catch (error) {
    return {
      outcome: 'warning',
      detail: `the request that proves who the function is is signed, but AWS’s STS did not say from here by whom (${awsErrorName(error)}). Google asks it by itself: look at the next links.`,
    };
  }
}
