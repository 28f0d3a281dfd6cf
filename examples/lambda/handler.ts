import { createTokenClient } from 'gcp-token-vendor/client';

const { FUNCTION_URL = '', FUNCTION_AUDIENCE = FUNCTION_URL } = process.env;

// Out here, so that a warm container keeps its token. The environment says which vendor: GCP_TOKEN_FUNCTION, GCP_TOKEN_PROFILE.
const google = createTokenClient();

/** Passes the event on to the Cloud Function, and returns its message. */
export async function handler(event: unknown): Promise<string> {
  const { authorization } = await google.headers({ audience: FUNCTION_AUDIENCE });
  const response = await fetch(FUNCTION_URL, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(event),
    redirect: 'error',
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) {
    throw new Error(`The Cloud Function answered ${response.status}`);
  }
  const { message } = (await response.json()) as { readonly message: string };
  return message;
}
