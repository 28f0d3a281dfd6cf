import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Aws } from './aws-environment.ts';

/** A request to a service of AWS's that is yet to be signed. */
export type AwsRequest = {
  readonly method: 'GET' | 'POST';
  /** Its path is percent-encoded; its query, if there is one, names each parameter one time. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Who signs, and for which service of AWS's: `sts`, `lambda`, `execute-api`. */
export type AwsSigner = Pick<Aws, 'credentials' | 'region'> & { readonly service: string };

/**
 * Returns the headers of a request with its signature (AWS Signature Version 4). All of them are signed, so that nothing
 * of the request can be changed; `nowMs` is the time to sign for, and AWS takes the request for some minutes.
 *
 * @throws {Error} if there are no AWS credentials, or no region
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export async function signAwsRequest(
  { method, url, headers, body }: AwsRequest,
  { credentials, region, service }: AwsSigner,
  nowMs: number,
): Promise<Readonly<Record<string, string>>> {
  const signer = new SignatureV4({
    credentials,
    region,
    service,
    sha256: Hash.bind(null, 'sha256'),
    applyChecksum: false,
  });
  const request = {
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { ...headers, host: url.host },
    body,
  };
  const signed = await signer.sign(request, { signingDate: new Date(nowMs) });
  return signed.headers;
}
