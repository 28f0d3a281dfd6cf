import { answeredErrorName, parseJson } from '../lambda/aws/aws-answer.ts';
import { signAwsRequest } from '../lambda/aws/sign-request.ts';
import { isFields, textOf } from '../lambda/fields.ts';
import type { Clock } from '../lambda/google/clock.ts';
import type { Post, PostResponse } from '../lambda/google/post.ts';
import type { AwsLogin } from './aws-login.ts';
import { brokenRequest, httpRefusal, type Route, strangeAnswer } from './http-failure.ts';
import type { AskVendor } from './vendor-door.ts';
import type { VendorUrl } from './vendor-url.ts';

export type HttpDoorDependencies = {
  readonly login: AwsLogin;
  readonly post: Post;
  readonly clock: Clock;
};

const MIN_TIMEOUT_MS = 1;
/** That it has to sign, and what the time is. */
const MAX_LESSONS = 2;

/** The route of a profile: `default` has the short one. */
function routeOf(base: VendorUrl, profile: string): URL {
  const path = profile === 'default' ? '/token' : `/profiles/${profile}/token`;
  return new URL(`${base.url.pathname.replace(/\/+$/, '')}${path}`, base.url);
}

/** An API Gateway that lets nobody know why it refuses says no more than this; the vendor says more. */
function isGatewayRefusal({ status, body }: PostResponse): boolean {
  const fields = parseJson(body);
  return status === 403 && !(isFields(fields) && textOf(fields.error) !== undefined);
}

/**
 * Returns the way to the vendor through API Gateway: a POST with JSON, signed for `execute-api`. It is POST because a
 * query is spelled in more than one way, and a signature stands for one of them.
 *
 * On loopback it goes unsigned at first, as `npm start` allows, and signed from when that is refused.
 */
export function createHttpDoor(
  { base, profile }: { readonly base: VendorUrl; readonly profile: string },
  { login, post, clock }: HttpDoorDependencies,
): AskVendor {
  const url = routeOf(base, profile);
  const unsigned = { 'content-type': 'application/json' };
  let signs = !base.isLoopback;

  const routeFor = async (): Promise<Route> => ({
    url,
    base,
    profile,
    region: signs ? await login.region() : undefined,
  });

  const headersFor = async (text: string): Promise<Readonly<Record<string, string>>> =>
    signs
      ? await signAwsRequest(
          { method: 'POST', url, headers: unsigned, body: text },
          { credentials: login.credentials, region: login.region, service: 'execute-api' },
          clock.googleMs(),
        )
      : unsigned;

  const send = async (text: string, deadlineMs: number): Promise<PostResponse> => {
    const headers = await headersFor(text);
    const timeoutMs = Math.max(MIN_TIMEOUT_MS, deadlineMs - clock.systemMs());
    try {
      return await post(url, { headers, text }, timeoutMs);
    } catch (error) {
      throw brokenRequest(error, url);
    }
  };

  const manner = () => ({ signs, offsetMs: clock.offsetMs() });

  /**
   * Whether the request would be another now than as it was sent: signed at last, or for the time that the answer says. Another
   * request may have learned it meanwhile.
   */
  const hasLearned = (response: PostResponse, sent: ReturnType<typeof manner>): boolean => {
    signs = true;
    clock.observe(textOf(response.headers.date));
    return !sent.signs || clock.offsetMs() !== sent.offsetMs;
  };

  return async (request, deadlineMs) => {
    const text = JSON.stringify(request);
    let sent = manner();
    let response = await send(text, deadlineMs);
    for (
      let again = 0;
      again < MAX_LESSONS && isGatewayRefusal(response) && hasLearned(response, sent);
      again += 1
    ) {
      sent = manner();
      response = await send(text, deadlineMs);
    }
    const fields = parseJson(response.body);
    if (response.status === 200) {
      if (!isFields(fields)) {
        throw strangeAnswer(url);
      }
      return fields;
    }
    throw httpRefusal(response, { name: answeredErrorName(response), route: await routeFor() });
  };
}
