import { randomBytes, randomInt } from 'node:crypto';

/** The OAuth client that the stand-in's users signed in with, as gcloud is one. */
const CLIENT = {
  clientId: '123456789012-standin.apps.googleusercontent.com',
  clientSecret: 'not-so-secret-in-an-installed-app',
} as const;

const DEFAULT_SCOPES = [
  'openid',
  'https://www.googleapis.com/auth/userinfo.email',
  'https://www.googleapis.com/auth/cloud-platform',
] as const;

export type UserOptions = {
  /** @default "ada@example.com" */
  readonly email?: string;
  /**
   * The scopes that the user agreed to.
   * @default what `gcloud auth application-default login` asks for
   */
  readonly scopes?: readonly string[];
};

/** The document that `gcloud auth application-default login` writes, in its fields and their order; it names no endpoint. */
export type AuthorizedUser = {
  readonly account: '';
  readonly client_id: string;
  readonly client_secret: string;
  readonly refresh_token: string;
  readonly type: 'authorized_user';
  readonly universe_domain: 'googleapis.com';
};

/** A person who has signed in. */
export type User = {
  readonly email: string;
  readonly uniqueId: string;
  readonly document: AuthorizedUser;
  /** Ends the refresh token; what was issued from it lives on. */
  readonly revoke: () => void;
};

/** A refresh token as the token endpoint knows it. */
export type RefreshTokenRecord = {
  readonly email: string;
  readonly uniqueId: string;
  readonly scopes: readonly string[];
  isRevoked: boolean;
};

export type Users = {
  readonly create: (options?: UserOptions) => User;
  readonly find: (refreshToken: string) => RefreshTokenRecord | undefined;
  /** Returns the secret of the OAuth client of that id. */
  readonly clientSecret: (clientId: string) => string | undefined;
};

function createDocument(refreshToken: string): AuthorizedUser {
  return {
    account: '',
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    refresh_token: refreshToken,
    type: 'authorized_user',
    universe_domain: 'googleapis.com',
  };
}

/** Returns an empty registry of users, one OAuth client, and the refresh tokens that the users gave it. */
export function createUsers(): Users {
  const records = new Map<string, RefreshTokenRecord>();
  const digits = () => String(randomInt(1e10)).padStart(10, '0');

  return {
    create: ({ email = 'ada@example.com', scopes = DEFAULT_SCOPES } = {}) => {
      const record = { email, uniqueId: `1${digits()}${digits()}`, scopes, isRevoked: false };
      const refreshToken = `1//${randomBytes(75).toString('base64url')}`;
      records.set(refreshToken, record);
      return {
        email,
        uniqueId: record.uniqueId,
        document: createDocument(refreshToken),
        revoke: () => {
          record.isRevoked = true;
        },
      };
    },
    find: (refreshToken) => records.get(refreshToken),
    clientSecret: (clientId) => (clientId === CLIENT.clientId ? CLIENT.clientSecret : undefined),
  };
}
