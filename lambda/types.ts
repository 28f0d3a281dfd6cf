/**
 * A request for an access token; `scopes` is the expanded set, or `undefined` for all that the profile has. `subject` is
 * the e-mail address of the user to act for.
 */
export type AccessTokenRequest = {
  readonly kind: 'access_token';
  readonly scopes: readonly string[] | undefined;
  readonly subject?: string;
  readonly lifetimeSeconds?: number;
};

/** A request for an ID token whose `aud` is exactly `audience`. */
export type IdTokenRequest = { readonly kind: 'id_token'; readonly audience: string };

export type TokenRequest = AccessTokenRequest | IdTokenRequest;

/** A service account to act as, and the accounts in between, the credential's nearest first; all by e-mail address. */
export type Impersonation = { readonly serviceAccount: string; readonly delegates: readonly string[] };

export type AccessTokenGrant = {
  readonly kind: 'access_token';
  /** The name of the credential it is minted from. */
  readonly credential: string;
  /** Canonical scope set: full URIs, sorted, parted by one space. */
  readonly scopes: string;
  /** Whom the credential acts as; itself, if not given. */
  readonly impersonate?: Impersonation;
  /** The user it acts for, by domain-wide delegation. */
  readonly subject?: string;
  /** How long the token is to live; what is usual for the credential, if not given. */
  readonly lifetimeSeconds?: number;
  /** A JWT that the account itself signs stands in the place of Google's token. */
  readonly selfSigned?: true;
  /** The rules that the token is downscoped to, as canonical JSON. */
  readonly boundary?: string;
};

export type IdTokenGrant = {
  readonly kind: 'id_token';
  readonly credential: string;
  readonly audience: string;
  readonly impersonate?: Impersonation;
};

/**
 * What has been authorized and is to be minted. Two grants with the same fields are interchangeable, so a grant
 * is also what a cache is keyed by.
 */
export type Grant = AccessTokenGrant | IdTokenGrant;

/** A token of Google's and the end of its life, by Google's clock. */
export type Token = {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** Whom Google takes its bearer for, if that is known: the e-mail address of a service account. */
  readonly principal?: string;
};

/** A token on its way to a caller, with what the audit line says of how it was come by. */
export type Vended = {
  readonly token: Token;
  readonly cached: boolean;
  /** How long Google took to answer, in milliseconds; 0 for a token from the cache. */
  readonly googleMs: number;
};

/**
 * Gives a token for a grant, at once where it can be had without waiting.
 *
 * `deadlineMs` is when the caller stops waiting, in milliseconds since the epoch by the system's clock.
 *
 * @throws {VendError} `credential_invalid`, `credential_unavailable`, `google_refused`, `google_unavailable`, `timeout`
 */
export type Minter = (grant: Grant, deadlineMs: number) => Vended | Promise<Vended>;
