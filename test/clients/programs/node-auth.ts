import { GoogleAuth } from 'google-auth-library';

const [kind = '', ...rest] = process.argv.slice(2);
const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' });

async function answerOf(client: { request: GoogleAuth['request'] }, url: string): Promise<string> {
  const { data } = await client.request<string>({ url, responseType: 'text' });
  return data;
}

if (kind === 'access') {
  const client = await auth.getClient();
  for (const url of rest) {
    process.stdout.write(await answerOf(client, url));
  }
} else {
  const [audience = '', url = ''] = rest;
  process.stdout.write(await answerOf(await auth.getIdTokenClient(audience), url));
}
