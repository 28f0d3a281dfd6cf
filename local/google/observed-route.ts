import type { Asked, Exchanges, Interference } from './exchanges.ts';
import type { GoogleRequest, Route } from './route.ts';

export type ObserverContext = {
  readonly exchanges: Exchanges;
  readonly interference: () => Interference | undefined;
};

/**
 * Returns the same route, with each request to it recorded as what `describe` says of it, and answered by the
 * interference if there is one that wants to.
 */
export function observeRoute(
  route: Route,
  describe: (request: GoogleRequest) => Partial<Asked>,
  { exchanges, interference }: ObserverContext,
): Route {
  return {
    ...route,
    handle: async (request) => {
      const asked: Asked = {
        grantType: undefined,
        issuer: undefined,
        subject: undefined,
        keyId: undefined,
        scope: undefined,
        targetAudience: undefined,
        ...describe(request),
        path: request.path,
      };
      const reply = (await interference()?.(asked)) ?? (await route.handle(request));
      exchanges.record(asked, reply);
      return reply;
    },
  };
}
