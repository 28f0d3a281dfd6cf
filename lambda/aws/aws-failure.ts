import { VendError } from '../errors.ts';
import { fieldsOf, textOf } from '../fields.ts';
import type { Aws } from './aws-environment.ts';

/** The code of a network error (`ENOTFOUND`) says more than its name, which is that of every error. */
export function awsErrorName(error: unknown): string {
  const name = error instanceof Error ? error.name : 'Error';
  const kind = name === 'Error' ? (textOf(fieldsOf(error).code) ?? name) : name;
  // An answer can name an error as it likes.
  return /^\w{1,64}$/.test(kind) ? kind : 'Error';
}

const NAME_UNKNOWN: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);

/** Returns what a person does about a call that failed by `name`, and may succeed later. */
export function retryAdvice(name: string): string {
  return NAME_UNKNOWN.has(name)
    ? 'The name of its host is not known here: check DNS, the proxy, or the VPC’s way out.'
    : 'Try again later.';
}

/** How the failure of a call is told: `subject` begins each sentence. */
export type AwsFailure = {
  readonly subject: string;
  /** What is wrong if another try may help. */
  readonly unavailable: string;
  /** What no second try will change, by the name of AWS's error, with what a person does about it. */
  readonly final: ReadonlyMap<string, string>;
};

/** What AWS says of the function's own credentials, by all the names that its services have for it. */
export const OWN_CREDENTIALS_REFUSED: AwsFailure['final'] = new Map(
  (
    [
      [
        ['ExpiredToken', 'ExpiredTokenException'],
        'is out of reach: the function’s own AWS session is over. Start it again',
      ],
      [
        ['InvalidClientTokenId', 'UnrecognizedClientException'],
        'is out of reach: AWS does not know the function’s credentials. Check AWS_ACCESS_KEY_ID and the region',
      ],
      [
        ['SignatureDoesNotMatch', 'InvalidSignatureException'],
        'is out of reach: the function’s credentials or its clock are wrong. Check AWS_SECRET_ACCESS_KEY and the time',
      ],
    ] as const
  ).flatMap(([names, fix]) => names.map((name) => [name, fix] as const)),
);

/** Returns the same AWS, whose lack of credentials or of a region is an error of the vendor's that says so. */
export function demandAws({ region, credentials, ...rest }: Aws): Aws {
  const demand =
    <Value>(give: () => Promise<Value>) =>
    async (): Promise<Value> => {
      try {
        return await give();
      } catch (cause) {
        if (cause instanceof VendError) {
          throw cause;
        }
        throw new VendError(
          'credential_unavailable',
          'The function cannot show who it is in AWS: there are no AWS credentials, or no region. Check AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment.',
          { cause },
        );
      }
    };
  return { ...rest, region: demand(region), credentials: demand(credentials) };
}

/** Returns the vendor's error for one of the SDK's, which can hold a whole response, and so a secret: only its name goes further. */
export function translateAwsError(error: unknown, { subject, unavailable, final }: AwsFailure): VendError {
  if (error instanceof VendError) {
    return error;
  }
  const name = awsErrorName(error);
  const fix = final.get(name);
  return fix === undefined
    ? new VendError('credential_unavailable', `${subject} ${unavailable} now (${name}). ${retryAdvice(name)}`)
    : new VendError('credential_invalid', `${subject} ${fix} (${name}).`);
}
