import type { Aws } from './aws-environment.ts';
import { type AwsRequest, signAwsRequest } from './sign-request.ts';

/** A request to AWS's Security Token Service that is yet to be signed. */
export type StsRequest = Omit<AwsRequest, 'method'>;

/**
 * Returns the headers of a POST to STS with its signature, for the time `nowMs`.
 *
 * @throws {Error} if there are no AWS credentials, or no region
 */
export async function signStsRequest(
  request: StsRequest,
  { credentials, region }: Aws,
  nowMs: number,
): Promise<Readonly<Record<string, string>>> {
  return await signAwsRequest({ method: 'POST', ...request }, { credentials, region, service: 'sts' }, nowMs);
}
