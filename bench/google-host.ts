/** The host of Google's token endpoint, which google-auth-library cannot be told to look for elsewhere. */
export const GOOGLE_HOST = 'oauth2.googleapis.com';

/** All of Google's hosts that are measured: one stand-in goes by all of these names. */
export const GOOGLE_HOSTS = [GOOGLE_HOST, 'sts.googleapis.com', 'iamcredentials.googleapis.com'] as const;
