/** What an access token of Google's lives unless something else is asked for and can be had. */
export const USUAL_SECONDS = 3_600;

/** Shorter tokens than this would be renewed all the time; gcloud has the same bound. */
export const MIN_SECONDS = 600;

/**
 * The longest that IAM Credentials gives, to a service account that the organisation policy
 * `constraints/iam.allowServiceAccountCredentialLifetimeExtension` lists.
 *
 * @see https://cloud.google.com/iam/docs/create-short-lived-credentials-direct#sa-credentials-oauth
 */
export const MAX_SECONDS = 43_200;

/** Returns whether `value` is a lifetime that an access token can have, in seconds. */
export function isLifetime(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= MIN_SECONDS && Number(value) <= MAX_SECONDS;
}

/** Returns whether a grant wants another lifetime than the one that Google gives unasked. */
export function isUnusual({ lifetimeSeconds }: { readonly lifetimeSeconds?: number | undefined }): boolean {
  return lifetimeSeconds !== undefined && lifetimeSeconds !== USUAL_SECONDS;
}
