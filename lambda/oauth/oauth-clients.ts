import { type Fields, fieldsOf, isFields, textOf } from '../fields.ts';

/** What a client may have: an ID token for one audience, or an access token for scopes, by their full URIs. */
export type ClientGrant = { readonly audience: string } | { readonly scopes: readonly string[] };

/** A client as the stack wrote it down: bound to one profile, and to what it may ask of it. */
export type OAuthClient = {
  readonly id: string;
  readonly profile: string;
  readonly grant: ClientGrant;
  /** The ARN of the secret with the hashes of its secrets. */
  readonly registry: string;
};

export type OAuthClients = ReadonlyMap<string, OAuthClient>;

const ID = /^[a-z][a-z0-9_-]{0,79}$/;

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => textOf(item) !== undefined);
}

function grantOf({ audience, scopes }: Fields): ClientGrant | undefined {
  if (textOf(audience) !== undefined && scopes === undefined) {
    return { audience: String(audience) };
  }
  return audience === undefined && isTexts(scopes) ? { scopes } : undefined;
}

function parseClient(id: string, value: unknown, secrets: string): OAuthClient {
  const fields = fieldsOf(value);
  const grant = grantOf(fields);
  const profile = textOf(fields.profile);
  const registry = textOf(fields.registry);
  if (!ID.test(id) || grant === undefined || profile === undefined || registry === undefined) {
    throw new Error(`The function's environment is not as its stack sets it: CLIENTS.${id}.`);
  }
  return { id, profile, grant, registry: `${secrets}${registry}` };
}

/**
 * Returns the clients that the stack put into the environment: `CLIENTS` has them by id, and `SECRETS` what the ARNs of
 * their registries begin with. Nothing of it is secret.
 *
 * @throws {Error} if it is not as the stack writes it
 */
export function parseClients(clients: string, secrets: string): OAuthClients {
  const document: unknown = JSON.parse(clients);
  if (!isFields(document)) {
    throw new Error("The function's environment is not as its stack sets it: CLIENTS is no object.");
  }
  return new Map(Object.entries(document).map(([id, value]) => [id, parseClient(id, value, secrets)]));
}
