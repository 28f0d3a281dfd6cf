import https from 'node:https';
import { type Fields, fieldsOf, textOf } from '../fields.ts';

/** Puts a text to a URL that was signed for it. @throws {Error} if it was not taken */
export type PutText = (url: URL, text: string) => Promise<void>;

const TIMEOUT_MS = 10_000;

/** Puts over HTTPS: to the URL where CloudFormation waits for the answer. */
export const putText: PutText = (url, text) =>
  new Promise((resolve, reject) => {
    const request = https.request(url, {
      method: 'PUT',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { 'content-type': '', 'content-length': Buffer.byteLength(text) },
    });
    request.on('response', (response) => {
      response.resume();
      if (response.statusCode === 200) {
        response.on('end', resolve);
      } else {
        reject(new Error(`CloudFormation's URL answered ${response.statusCode}`));
      }
    });
    request.on('error', reject);
    request.end(text);
  });

function responseUrl({ ResponseURL }: Fields): URL {
  const url = new URL(textOf(ResponseURL) ?? '');
  if (url.protocol !== 'https:' || !/\.amazonaws\.(?:com|com\.cn|eu)$/.test(url.hostname)) {
    throw new Error('The URL for the answer is not one of CloudFormation’s.');
  }
  return url;
}

/** The name and message of an error of ours or of AWS's, in which nothing of a secret ever is. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'Error';
}

/**
 * Returns what serves CloudFormation's request to register a client, when it is made and when its secret is another. At its
 * end there is nothing to do: the registry goes with it.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes.html
 */
export function createRegistrationRequests(dependencies: {
  readonly register: (secretId: string) => Promise<unknown>;
  readonly put?: PutText;
}): (event: unknown) => Promise<void> {
  const { register, put = putText } = dependencies;

  const serve = async ({ RequestType, ResourceProperties }: Fields): Promise<Fields> => {
    const secretId = textOf(fieldsOf(ResourceProperties).Secret);
    try {
      if (RequestType !== 'Delete') {
        await register(secretId ?? '');
      }
      return { Status: 'SUCCESS' };
    } catch (error) {
      return { Status: 'FAILED', Reason: `The client could not be registered. ${reasonOf(error)}` };
    }
  };

  return async (event) => {
    const fields = fieldsOf(event);
    const url = responseUrl(fields);
    const { StackId, RequestId, LogicalResourceId, PhysicalResourceId = LogicalResourceId } = fields;
    const ids = { StackId, RequestId, LogicalResourceId, PhysicalResourceId };
    await put(url, JSON.stringify({ ...(await serve(fields)), ...ids }));
  };
}
