import { VendError } from '../errors.ts';
import { textOf } from '../fields.ts';
import type { Clock } from '../google/clock.ts';
import type { Post } from '../google/post.ts';
import { type Sleep, sleepFor } from '../sleep.ts';
import { AWS_TIMEOUT_MS } from './aws-client-limits.ts';
import { awsDomainOf } from './aws-domain.ts';
import type { Aws } from './aws-environment.ts';
import {
  type AwsFailure,
  awsErrorName,
  demandAws,
  OWN_CREDENTIALS_REFUSED,
  translateAwsError,
} from './aws-failure.ts';
import { signStsRequest } from './aws-sts.ts';

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
const OUTLIVES_SESSION = 'SessionDurationEscalationException';
const SHORT_SECONDS = 300;

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
      OUTLIVES_SESSION,
      'would outlive the function’s own session. Lower credential_source.aws_web_identity_token.duration_seconds in the document',
    ],
    ['JWTPayloadSizeExceededException', 'would be too large: shorten the audience'],
    ['ValidationError', 'has an audience or a duration that AWS does not take: correct the document'],
    [
      'InvalidAction',
      'is not to be had: this region of AWS has none. Prove who the function is with a signed request: subject_token_type urn:ietf:params:aws:token-type:aws4_request, at a provider of the kind AWS',
    ],
    [
      'RegionDisabledException',
      'is not to be had: STS is not activated in this region. Activate it in the IAM console, under Account settings',
    ],
    ...OWN_CREDENTIALS_REFUSED,
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
  return new URL(stsUrl ?? `https://sts.${name}.${awsDomainOf(name)}`);
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
  const caller = demandAws(aws);

  const ask = async (durationSeconds: number, timeoutMs: number): Promise<string> => {
    const url = await stsUrlOf(caller);
    const text = new URLSearchParams({
      Action: 'GetWebIdentityToken',
      Version: '2011-06-15',
      'Audience.member.1': wanted.audience,
      DurationSeconds: String(durationSeconds),
      SigningAlgorithm: 'RS256',
    }).toString();
    const unsigned = { url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: text };
    const headers = await signStsRequest(unsigned, caller, clock.googleMs());
    const sentAtMs = clock.systemMs();
    const { status, headers: answered, body } = await post(url, { headers, text }, timeoutMs);
    // An answer that a frozen container finds when it thaws would put the clock back.
    if (clock.systemMs() - sentAtMs <= timeoutMs) {
      clock.observe(textOf(answered.date));
    }
    const token = status === 200 ? element(body, 'WebIdentityToken') : undefined;
    if (token === undefined) {
      throw awsError(element(body, 'Code') ?? `Status${status}`);
    }
    return token;
  };

  const askRepeatedly = async (durationSeconds: number, deadlineMs: number): Promise<string> => {
    const untilMs = Math.min(deadlineMs, clock.systemMs() + AWS_TIMEOUT_MS);
    for (let attempt = 1; ; attempt += 1) {
      const offsetMs = clock.offsetMs();
      try {
        return await ask(durationSeconds, Math.min(ATTEMPT_TIMEOUT_MS, untilMs - clock.systemMs()));
      } catch (error) {
        // A request that was signed for a wrong time deserves to be signed for the right one, and at once.
        const isCorrected = clock.offsetMs() !== offsetMs;
        const backoffMs = isCorrected ? 0 : random() * FIRST_BACKOFF_MS * 2 ** (attempt - 1);
        const isFinal =
          error instanceof VendError || (FAILURE.final.has(awsErrorName(error)) && !isCorrected);
        if (isFinal || attempt === ATTEMPTS || clock.systemMs() + backoffMs >= untilMs) {
          throw error;
        }
        await sleep(backoffMs);
      }
    }
  };

  /** Near its end, the function's session has no room for the token that the document wants, but for a short one. */
  const askForWhatThereIs = async (deadlineMs: number): Promise<string> => {
    try {
      return await askRepeatedly(wanted.durationSeconds, deadlineMs);
    } catch (error) {
      if (awsErrorName(error) !== OUTLIVES_SESSION || wanted.durationSeconds <= SHORT_SECONDS) {
        throw error;
      }
      return await askRepeatedly(SHORT_SECONDS, deadlineMs);
    }
  };

  return async (deadlineMs) => {
    try {
      return await askForWhatThereIs(deadlineMs);
    } catch (error) {
      throw translateAwsError(error, FAILURE);
    }
  };
}
