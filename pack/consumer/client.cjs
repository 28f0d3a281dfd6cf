const { createTokenClient } = require('gcp-token-vendor/client');

createTokenClient({ url: process.argv[2] })
  .accessToken()
  .then(({ token }) => process.stdout.write(`${JSON.stringify({ token })}\n`));
