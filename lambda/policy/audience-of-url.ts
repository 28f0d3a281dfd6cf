const CLOUD_FUNCTIONS = '.cloudfunctions.net';

/**
 * Returns the audience that a private service at `url` demands, unless it was given another one: of a Cloud Function at
 * `*.cloudfunctions.net`, where one host has many, the origin and the function's name (the first segment of the path); of
 * everything else, such as a Cloud Run service, the origin.
 *
 * @see https://cloud.google.com/functions/docs/securing/authenticating#generating_tokens_programmatically
 * @see https://cloud.google.com/run/docs/authenticating/service-to-service
 */
export function audienceOfUrl({ origin, hostname, pathname }: URL): string {
  const [, name = ''] = pathname.split('/');
  return hostname.endsWith(CLOUD_FUNCTIONS) && name !== '' ? `${origin}/${name}` : origin;
}
