import { demandAws } from '../aws/aws-failure.ts';
import { readAccessToken } from './access-token-result.ts';
import { type AwsProof, parseExternalAccount } from './external-account-document.ts';
import { createImpersonation, keepSourceToken } from './impersonation.ts';
import { demandPlainAccessToken } from './token-limits.ts';
import type { OpenSource, SourceDependencies, TokenSource } from './token-source.ts';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const NO_TOKEN = 'Google’s STS answered 200 without an access token.';

/** Returns a fresh subject token. @throws {VendError} `credential_unavailable`, `credential_invalid` */
type Prove = (deadlineMs: number) => Promise<string>;

/** What each way needs is loaded when it is the document's. */
async function openProof(
  proof: AwsProof,
  audience: string,
  dependencies: SourceDependencies,
): Promise<Prove> {
  const { aws, clock, step } = dependencies;
  if (proof.kind === 'web_identity_token') {
    const { createWebIdentityTokens, stsUrlOf } = await import('../aws/web-identity-token.ts');
    // Where there is no region, the first request will say so.
    stsUrlOf(aws).then(dependencies.connectAhead, () => {});
    const get = createWebIdentityTokens(proof, dependencies);
    return (deadlineMs) => step('AWS token', () => get(deadlineMs));
  }
  const { signIdentityRequest } = await import('../aws/aws-identity-request.ts');
  const wanted = { verificationUrl: proof.verificationUrl, audience };
  const signer = demandAws(aws);
  return () => step('AWS signature', () => signIdentityRequest(wanted, signer, clock.googleMs()));
}

/**
 * Returns the source for a document of workload identity federation with AWS: the function proves who it is in AWS, and
 * Google's STS gives it a federated token, which impersonates a service account if the document names one.
 *
 * @see https://google.aip.dev/auth/4117
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
 */
export const openExternalAccount: OpenSource = async (document, fault, dependencies) => {
  const { exchange, clock, connectAhead } = dependencies;
  const account = parseExternalAccount(document, fault);
  const prove = await openProof(account.proof, account.audience, dependencies);
  const endpoint = { kind: 'sts', url: new URL(account.tokenUrl) } as const;
  connectAhead(endpoint.url);

  const federated: TokenSource = async (grant, deadlineMs) => {
    const { scopes } = demandPlainAccessToken(grant, 'a federated identity');
    const form = {
      grant_type: TOKEN_EXCHANGE,
      audience: account.audience,
      scope: scopes,
      requested_token_type: ACCESS_TOKEN,
      subject_token_type: account.subjectTokenType,
      subject_token: await prove(deadlineMs),
    };
    const result = await exchange(endpoint, form, deadlineMs);
    return readAccessToken(result, clock.googleMs(), NO_TOKEN);
  };

  if (account.impersonation === undefined) {
    return federated;
  }
  const target = { ...account.impersonation, delegates: [] };
  return createImpersonation(target, keepSourceToken(federated, clock.googleMs), dependencies);
};
