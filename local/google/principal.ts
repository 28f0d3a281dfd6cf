/** Who stands behind an access token. */
export type Principal =
  | {
      readonly kind: 'serviceAccount' | 'user';
      readonly email: string;
      /** Whom the token was issued to: a service account's unique id, or an OAuth client's id. */
      readonly clientId: string;
    }
  | {
      readonly kind: 'federated';
      /** The names that it has in policies, its `principal://` first. */
      readonly members: readonly string[];
    };

/**
 * Returns the names under which a policy may admit the principal.
 *
 * @see https://cloud.google.com/iam/docs/principal-identifiers
 */
export function memberNames(principal: Principal): readonly string[] {
  return principal.kind === 'federated' ? principal.members : [`${principal.kind}:${principal.email}`];
}
