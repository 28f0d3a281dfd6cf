import { createTokenClient, type TokenClient, type TokenClientOptions } from '../client/token-client.ts';
import { type LocalVendor, startLocalVendor } from '../local/local-vendor.ts';
import { FUNCTION_NAME, REGION } from '../local/place.ts';

/** The vendor on loopback, and clients of it through its two doors. */
export type ClientRig = {
  readonly vendor: LocalVendor;
  /** What its local AWS refused: a line each, without query, header or body. */
  readonly lines: readonly string[];
  readonly byUrl: (options?: TokenClientOptions) => TokenClient;
  readonly byFunction: (options?: TokenClientOptions) => TokenClient;
};

/** Starts the whole vendor with its stand-ins; by default it demands signed requests. */
export async function startClientRig({ requireSignature = true } = {}): Promise<ClientRig> {
  const lines: string[] = [];
  const vendor = await startLocalVendor(
    {
      help: false,
      port: 0,
      profilesFile: 'infra/profiles.json',
      credential: { kind: 'stand-in' },
      requireSignature,
    },
    { audit: { record: () => {}, warn: () => {} }, log: (line) => lines.push(line) },
  );
  const { accessKeyId, secretAccessKey } = vendor.credential;
  const signer = { credentials: { accessKeyId, secretAccessKey }, region: REGION };
  return {
    vendor,
    lines,
    byUrl: (options) => createTokenClient({ url: vendor.url, ...signer, ...options }, { environment: {} }),
    byFunction: (options) =>
      createTokenClient(
        { functionName: FUNCTION_NAME, ...signer, ...options },
        { environment: { AWS_ENDPOINT_URL_LAMBDA: vendor.url } },
      ),
  };
}
