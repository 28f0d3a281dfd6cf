import { type AccessToken, createTokenClient, type TokenClient } from 'gcp-token-vendor/client';
import { createAuthClient } from 'gcp-token-vendor/client/google-auth';
import { type MetadataServer, startMetadataServer } from 'gcp-token-vendor/client/metadata-server';

const client: TokenClient = createTokenClient({ functionName: 'vendor', profile: 'reports' });
export const token: AccessToken = await client.accessToken({ scopes: ['storage-ro'] });
export const expiresAtMs: number = (await client.idToken({ audience: 'https://example.com' })).expiresAtMs;
export const server: MetadataServer = await startMetadataServer({ clients: [client] });
export const account: string | null | undefined = (await createAuthClient(client).getAccessToken()).token;

// @ts-expect-error an ID token is for an audience
await client.idToken();
