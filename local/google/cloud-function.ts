import type { IdTokens } from './id-tokens.ts';
import { type Answer, bearerToken, type Route } from './route.ts';

export type CloudFunctionContext = {
  readonly idTokens: IdTokens;
  /** The `aud` that a token must have, letter by letter: the function's URL. */
  readonly audience: string;
};

function page(title: string, sentence: string): string {
  return `<html><head><title>${title}</title></head><body><h1>Error: ${title.slice(4)}</h1><h2>${sentence}</h2></body></html>\n`;
}

function deny(status: 401 | 403, challenge: string, body: string): Answer {
  return {
    status,
    headers: { 'www-authenticate': challenge, 'content-type': 'text/html; charset=UTF-8' },
    body,
  };
}

/**
 * Returns the routes of a private Cloud Function, `hello`, which answers whoever brings an ID token made for it with
 * the name it knows the caller by. Without a token it answers 403, with one that does not hold 401, both as pages for
 * people, as Cloud Functions does.
 *
 * @see https://cloud.google.com/functions/docs/securing/authenticating
 */
export function createCloudFunctionRoutes({ idTokens, audience }: CloudFunctionContext): readonly Route[] {
  const handle: Route['handle'] = async (request) => {
    if (request.headers.authorization === undefined) {
      return deny(403, 'Bearer', page('403 Forbidden', 'This function is private: send an ID token for it.'));
    }
    const claims = await idTokens.verify(bearerToken(request) ?? '');
    if (claims === undefined || claims.audience !== audience) {
      const challenge =
        'Bearer error="invalid_token" error_description="The access token could not be verified"';
      return deny(401, challenge, page('401 Unauthorized', 'This function does not accept the token.'));
    }
    const { email, uniqueId } = claims;
    return { status: 200, body: { message: `Hello, ${email}`, caller: { email, uniqueId }, audience } };
  };

  return (['GET', 'POST'] as const).map((method) => ({ method, path: '/functions/hello', handle }));
}
