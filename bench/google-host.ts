/** The host of Google's token endpoint, which google-auth-library cannot be told to look for elsewhere. */
export const GOOGLE_HOST = 'oauth2.googleapis.com';
