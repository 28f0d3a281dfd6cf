import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
/** Getters of this form load more of Node when they are read: `ReadStream` and `promises` of fs, `WebSocket` of http. */
const LOADS_MORE = /^[A-Z][a-z]|^promises$/;

/** Stands for an object until it is used. `instanceof` works as well, since a class's `prototype` is read through it. */
const LAZY = `
export const lazy = (read) => new Proxy(function () {}, {
  get: (_, name) => Reflect.get(read(), name),
  has: (_, name) => Reflect.has(read(), name),
  apply: (_, self, args) => Reflect.apply(read(), self, args),
  construct: (_, args) => Reflect.construct(read(), args),
});`;

function exportOf(name: string, descriptor: PropertyDescriptor): string {
  const value =
    descriptor.get !== undefined && LOADS_MORE.test(name)
      ? `lazy(() => builtin.${name})`
      : `(() => builtin.${name})()`;
  return `const export_${name} = /* @__PURE__ */ ${value};\nexport { export_${name} as ${name} };`;
}

/** Each export is marked as pure on its own, so that what nobody imports is neither read nor in the bundle. */
function builtinAsModule(id: string): string {
  const exports = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(id) ?? {}))
    .filter(([name]) => IDENTIFIER.test(name) && name !== 'default')
    .map(([name, descriptor]) => exportOf(name, descriptor));
  return `import { lazy } from 'lazy';
const builtin = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(id)});
export default builtin;
${exports.join('\n')}`;
}

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
      build.onResolve({ filter: /^(?:node:)?[a-z0-9_/]+$/ }, ({ path, kind }) => {
        // `require` and `import()` hand out the whole module, which is never to be read export by export.
        const namespace = kind === 'import-statement' ? 'builtin' : 'builtin-whole';
        return isBuiltin(path)
          ? { path: path.replace(/^(?:node:)?/, 'node:'), namespace, sideEffects: false }
          : undefined;
      });
      build.onLoad({ filter: /.*/, namespace: 'builtin-whole' }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
        loader: 'js',
      }));
      build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: builtinAsModule(path),
        loader: 'js',
      }));
      build.onResolve({ filter: /^lazy$/, namespace: 'builtin' }, ({ path }) => ({
        path,
        namespace: 'builtin-lazy',
        sideEffects: false,
      }));
      build.onLoad({ filter: /.*/, namespace: 'builtin-lazy' }, () => ({ contents: LAZY, loader: 'js' }));
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
  {
    import: /\/getInstanceMetadataRegion$/,
    exports: ['getInstanceMetadataRegion'],
    why: 'the function never asks the instance metadata service',
  },
  {
    import: /\/DefaultRateLimiter$/,
    exports: ['DefaultRateLimiter'],
    why: 'the clients try again in the standard way',
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

/**
 * Returns the plugin that lets the AWS SDK find the files of a user's AWS configuration empty. In a Lambda there are
 * none, and looking for them loads `node:fs/promises`, and Node's readline with it, before the first request is sent.
 */
export function withoutConfigFiles(): Plugin {
  return {
    name: 'without-config-files',
    setup(build) {
      build.onLoad({ filter: /[\\/]shared-ini-file-loader[\\/]readFile\.js$/ }, () => ({
        contents: "export const readFile = async () => '', filePromises = {}, fileIntercept = {};",
        loader: 'js',
      }));
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
