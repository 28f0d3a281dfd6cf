import { expandScopes, isScope } from '../policy/scopes.ts';
import type { ClientGrant } from './oauth-clients.ts';
import { OAuthRefusal } from './oauth-refusal.ts';
import type { OAuthRequest } from './token-request.ts';

type Asked = Pick<OAuthRequest, 'audience' | 'scope'>;

function outOfScope(): OAuthRefusal {
  return new OAuthRefusal('invalid_scope', 'The client may not have that scope.');
}

function narrowScopes(granted: readonly string[], asked: string): readonly string[] {
  const names = asked.split(' ').filter((name) => name !== '');
  const scopes = expandScopes(names);
  if (scopes.length === 0 || !names.every(isScope) || !scopes.every((scope) => granted.includes(scope))) {
    throw outOfScope();
  }
  return scopes;
}

/**
 * Returns what a request is given of what its client may have: `scope` and `audience` may repeat that or ask for less of it.
 *
 * @throws {OAuthRefusal} `invalid_scope` or `invalid_target` for anything beyond it
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
 * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
 */
export function narrowGrant(grant: ClientGrant, { audience, scope }: Asked): ClientGrant {
  if (audience !== undefined && !('audience' in grant && grant.audience === audience)) {
    throw new OAuthRefusal('invalid_target', 'The client may not have that audience.');
  }
  if ('audience' in grant) {
    if (scope !== undefined) {
      throw outOfScope();
    }
    return grant;
  }
  return scope === undefined ? grant : { scopes: narrowScopes(grant.scopes, scope) };
}
