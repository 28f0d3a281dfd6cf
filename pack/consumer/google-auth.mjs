import { createTokenClient } from 'gcp-token-vendor/client';
import { createAuthClient } from 'gcp-token-vendor/client/google-auth';

const client = createTokenClient({ url: process.argv[2] });
const { token } = await createAuthClient(client).getAccessToken();

process.stdout.write(`${JSON.stringify({ token })}\n`);
