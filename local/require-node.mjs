// Loaded before everything else, and plain JavaScript, so that an older Node says what it lacks and not a stack trace.
const REQUIRED = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < REQUIRED) {
  process.stderr.write(
    `Node.js ${REQUIRED} is needed and this is ${process.version}. \`npm ci\` brings it as an optional dependency; \`npm start\` and \`npm test\` find it there. If your platform has none, install Node.js ${REQUIRED}.\n`,
  );
  process.exit(1);
}
