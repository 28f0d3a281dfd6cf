import { AWS_TIMEOUT_MS, type AwsFailure, awsErrorName, translateAwsError } from './aws-call.ts';
import type { Aws } from './aws-environment.ts';
import { signStsRequest } from './aws-sts.ts';
import type { Clock } from './clock.ts';
import type { Post } from './post.ts';
import { type Sleep, sleepFor } from './sleep.ts';

/**
 * Returns a JWT of AWS's that says which role the function has.
 *
 * @throws {VendError} `credential_unavailable` if another try may help, otherwise `credential_invalid`
 */
export type GetWebIdentityToken = (deadlineMs: number) => Promise<string>;

export type WebIdentityDependencies = {
  readonly aws: Aws;
  readonly post: Post;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly sleep?: Sleep;
};

const ATTEMPTS = 3;
const FIRST_BACKOFF_MS = 100;
const ATTEMPT_TIMEOUT_MS = 2_000;

const FAILURE: AwsFailure = {
  subject: 'AWS’s web identity token',
  unavailable: 'cannot be had from AWS’s STS',
  final: new Map([
    [
      'AccessDenied',
      'is refused to the function: its role needs sts:GetWebIdentityToken for this audience and duration. Deploy the stack with this document among its credentials, which grants it',
    ],
    [
      'OutboundWebIdentityFederationDisabledException',
      'is not to be had in this AWS account: outbound identity federation is off. Turn it on with `aws iam enable-outbound-web-identity-federation`',
    ],
    [
      'SessionDurationEscalationException',
      'would outlive the function’s own session. Lower credential_source.aws_web_identity_token.duration_seconds in the document',
    ],
    ['JWTPayloadSizeExceededException', 'would be too large: shorten the audience'],
    ['ValidationError', 'has an audience or a duration that AWS does not take: correct the document'],
    ['ExpiredToken', 'is refused: the function’s own AWS session is over. Start it again'],
    [
      'InvalidClientTokenId',
      'is refused: AWS does not know the function’s credentials. Check AWS_ACCESS_KEY_ID and the region',
    ],
    [
      'SignatureDoesNotMatch',
      'is refused: the function’s credentials or its clock are wrong. Check AWS_SECRET_ACCESS_KEY and the time',
    ],
  ]),
};

/** Tokens, and the names of errors, have no character that XML would escape. */
function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([\\w.-]+)</${name}>`).exec(xml)?.[1];
}

function awsError(name: string): Error {
  return Object.assign(new Error(`AWS answered ${name}`), { name });
}

/**
 * Returns the address of STS in the function's region; the global one does not have these tokens.
 *
 * @throws {Error} if the region is not known
 * @see https://docs.aws.amazon.com/general/latest/gr/sts.html
 */
export async function stsUrlOf({ region, stsUrl }: Aws): Promise<URL> {
  const name = await region();
  return new URL(stsUrl ?? `https://sts.${name}.amazonaws.com${name.startsWith('cn-') ? '.cn' : ''}`);
}

/**
 * Returns what asks AWS's STS, in the function's own region, for tokens that are good at `audience` for
 * `durationSeconds`. RS256, because Google does not take AWS's other algorithm.
 *
 * It does without the SDK's client for STS, whose XML protocol would make everybody's bundle 17 KB larger.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
 */
export function createWebIdentityTokens(
  wanted: { readonly audience: string; readonly durationSeconds: number },
  { aws, post, clock, random = Math.random, sleep = sleepFor }: WebIdentityDependencies,
): GetWebIdentityToken {
  const text = new URLSearchParams({
    Action: 'GetWebIdentityToken',
    Version: '2011-06-15',
    'Audience.member.1': wanted.audience,
    DurationSeconds: String(wanted.durationSeconds),
    SigningAlgorithm: 'RS256',
  }).toString();

  const ask = async (timeoutMs: number): Promise<string> => {
    const url = await stsUrlOf(aws);
    const unsigned = { url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: text };
    const headers = await signStsRequest(unsigned, aws, clock.googleMs());
    const { status, body } = await post(url, { headers, text }, timeoutMs);
    const token = status === 200 ? element(body, 'WebIdentityToken') : undefined;
    if (token === undefined) {
      throw awsError(element(body, 'Code') ?? `Status${status}`);
    }
    return token;
  };

  return async (deadlineMs) => {
    const untilMs = Math.min(deadlineMs, clock.systemMs() + AWS_TIMEOUT_MS);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask(Math.min(ATTEMPT_TIMEOUT_MS, untilMs - clock.systemMs()));
      } catch (error) {
        const backoffMs = random() * FIRST_BACKOFF_MS * 2 ** (attempt - 1);
        const isFinal = FAILURE.final.has(awsErrorName(error));
        if (isFinal || attempt === ATTEMPTS || clock.systemMs() + backoffMs >= untilMs) {
          throw translateAwsError(error, FAILURE);
        }
        await sleep(backoffMs);
      }
    }
  };
}
