import { join } from 'node:path';
import { packageVersion } from './debian-package.ts';
import { createProgramClient, programFile } from './program-client.ts';

const LIBRARIES = '/usr/share/java';
/** Google's, and what they need of others: Debian's packages do not say it in their manifests. */
const CLASS_PATH = [
  'google-auth-library-oauth2-http',
  'google-auth-library-credentials',
  'google-http-client',
  'google-http-client-jackson2',
  'jackson-core',
  'guava',
  'opencensus-api',
  'opencensus-contrib-http-util',
  'grpc-context',
  'httpclient',
  'httpcore',
  'commons-logging',
]
  .map((name) => join(LIBRARIES, `${name}.jar`))
  .join(':');

/** google-auth-library for Java, as Debian has it. */
export const JAVA_CLIENT = createProgramClient({
  name: 'java',
  title: 'Java: google-auth-library',
  install: 'apt-get install default-jdk-headless libgoogle-auth-java libgoogle-http-client-java',
  version: async ({ run }) => {
    const library = await packageVersion(run, 'libgoogle-auth-java');
    return `${library}, Java ${(await run(['javac', '-version'])).trim().replace(/^javac /, '')}`;
  },
  command: async () => ['java', '-cp', CLASS_PATH, programFile('Program.java')],
});
