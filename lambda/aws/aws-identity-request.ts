import type { Aws } from './aws-environment.ts';
import { signStsRequest } from './aws-sts.ts';

const TARGET_HEADER = 'x-goog-cloud-target-resource';

/** STS takes a signature for the region of its own address, which a document may name; the global one's is us-east-1. */
function regionOf(hostname: string): string | undefined {
  const [, region] = /^sts(?:-fips)?\.([a-z]+(?:-[a-z]+)+-\d{1,2})\./.exec(hostname) ?? [];
  return region ?? (hostname === 'sts.amazonaws.com' ? 'us-east-1' : undefined);
}

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
  const ownRegion = await aws.region();
  const url = verificationUrl.replaceAll('{region}', ownRegion);
  const request = { url: new URL(url), headers: { [TARGET_HEADER]: audience } };
  const region = regionOf(request.url.hostname) ?? ownRegion;
  const signed = await signStsRequest(request, { ...aws, region: async () => region }, nowMs);
  const headers = Object.entries(signed).map(([key, value]) => ({ key, value }));
  return encodeURIComponent(JSON.stringify({ url, method: 'POST', headers }));
}
