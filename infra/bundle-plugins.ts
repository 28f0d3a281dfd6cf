import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

/**
 * Returns the plugin that takes Node's built-ins by `process.getBuiltinModule`. An ESM `import` of `node:http` reads
 * every export, getters included, and one of them loads undici: some 25 ms of a cold start.
 *
 * @see https://nodejs.org/api/process.html#processgetbuiltinmoduleid
 */
export function builtinsWithoutImport(): Plugin {
  return {
    name: 'builtins-without-import',
    setup(build) {
      build.onResolve({ filter: /^(?:node:)?[a-z0-9_/]+$/ }, ({ path }) =>
        isBuiltin(path) ? { path: path.replace(/^(?:node:)?/, 'node:'), namespace: 'builtin' } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
        loader: 'js',
      }));
    },
  };
}

type Unused = { readonly import: RegExp; readonly exports: readonly string[]; readonly why: string };

/**
 * The parts of the AWS SDK that the function cannot come to. They are replaced and not dropped: whatever calls one
 * after all throws an error that says so, and a new version of the SDK that imports another name from one of
 * them fails to bundle.
 */
const UNUSED: readonly Unused[] = [
  {
    import: /^@aws-sdk\/credential-provider-node$/,
    exports: ['defaultProvider'],
    why: 'the function passes its own credentials, those of the environment',
  },
  {
    import: /^@smithy\/core\/event-streams$/,
    exports: ['EventStreamSerde', 'eventStreamSerdeProvider'],
    why: 'Secrets Manager has no operation that streams',
  },
  {
    import: /^\.\/Sha256Js$/,
    exports: ['Sha256Js'],
    why: "SHA-256 is Node's own",
  },
];

function stubOf({ exports, why }: Unused): string {
  return exports
    .map((name) => {
      const message = `${name} is not in the bundle: ${why}.`;
      return `export function ${name}() { throw new Error(${JSON.stringify(message)}); }`;
    })
    .join('\n');
}

/** Returns the plugin that puts stubs in the place of what the function never uses of the AWS SDK. */
export function withoutUnusedSdk(): Plugin {
  return {
    name: 'without-unused-sdk',
    setup(build) {
      for (const [index, unused] of UNUSED.entries()) {
        const namespace = `unused-${index}`;
        build.onResolve({ filter: unused.import }, ({ path }) => ({ path, namespace }));
        build.onLoad({ filter: /.*/, namespace }, () => ({ contents: stubOf(unused), loader: 'js' }));
      }
    },
  };
}

/** Returns the plugin that leaves of an SDK client's package.json the one field it reads, its version. */
export function onlyVersionOfPackages(): Plugin {
  return {
    name: 'only-version-of-packages',
    setup(build) {
      build.onLoad({ filter: /[\\/]@aws-sdk[\\/]client-[a-z-]+[\\/]package\.json$/ }, async ({ path }) => {
        const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
        const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
        return {
          contents: JSON.stringify(version ? { version: manifest.version } : manifest),
          loader: 'json',
        };
      });
    },
  };
}
