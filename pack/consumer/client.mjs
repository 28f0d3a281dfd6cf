import { createTokenClient } from 'gcp-token-vendor/client';
import { startMetadataServer } from 'gcp-token-vendor/client/metadata-server';

const client = createTokenClient({ url: process.argv[2] });
const { token } = await client.accessToken();

const server = await startMetadataServer({ clients: [client] });
const path = '/computeMetadata/v1/instance/service-accounts/default/token';
const answer = await fetch(`http://${server.host}${path}`, { headers: { 'metadata-flavor': 'Google' } });
const { access_token: again } = await answer.json();
await server.close();

process.stdout.write(`${JSON.stringify({ token, again })}\n`);
