import gcpMetadata from 'gcp-metadata';

const [kind = '', ...rest] = process.argv.slice(2);

async function answerOf(url: string, token: string): Promise<string> {
  return await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text();
}

if (!(await gcpMetadata.isAvailable())) {
  throw new Error('gcp-metadata finds no metadata server');
}
if (kind === 'access') {
  const { access_token: token } = await gcpMetadata.instance<{ access_token: string }>({
    property: 'service-accounts/default/token',
  });
  for (const url of rest) {
    process.stdout.write(await answerOf(url, token));
  }
} else {
  const [audience = '', url = ''] = rest;
  const token = await gcpMetadata.instance<string>({
    property: 'service-accounts/default/identity',
    params: { audience, format: 'full' },
  });
  process.stdout.write(await answerOf(url, token));
}
