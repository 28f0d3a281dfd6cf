import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import tsconfig from '../tsconfig.json' with { type: 'json' };

/** In this repository the package is its own source, for Node.js by the table that the compiler goes by. */
const SOURCES: Readonly<Record<string, readonly string[]>> = tsconfig.compilerOptions.paths;

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const [source] = SOURCES[specifier] ?? [];
    return nextResolve(
      source === undefined ? specifier : pathToFileURL(join(import.meta.dirname, '..', source)).href,
      context,
    );
  },
});
