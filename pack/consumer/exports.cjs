const manifest = require('gcp-token-vendor/package.json');

const names = Object.keys(manifest.exports).map((name) => `gcp-token-vendor${name.slice(1)}`);
for (const name of names) {
  require(name);
}
process.stdout.write(`${names.length} exports`);
