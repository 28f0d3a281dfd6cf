import type { Aws } from './aws-environment.ts';
import { signStsRequest } from './aws-sts.ts';

const TARGET_HEADER = 'x-goog-cloud-target-resource';

/**
 * Returns Google's subject token of type `aws4_request`: a signed request for `GetCallerIdentity`, which is not sent from
 * here. Google sends it on, and learns from AWS's answer who signed it. The audience is signed as well, so that it is
 * good at no other provider.
 *
 * @throws {Error} if there are no AWS credentials, or no region
 * @see https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export async function signIdentityRequest(
  { verificationUrl, audience }: { readonly verificationUrl: string; readonly audience: string },
  aws: Aws,
  nowMs: number,
): Promise<string> {
  const url = verificationUrl.replaceAll('{region}', await aws.region());
  const request = { url: new URL(url), headers: { [TARGET_HEADER]: audience } };
  const signed = await signStsRequest(request, aws, nowMs);
  const headers = Object.entries(signed).map(([key, value]) => ({ key, value }));
  return encodeURIComponent(JSON.stringify({ url, method: 'POST', headers }));
}
