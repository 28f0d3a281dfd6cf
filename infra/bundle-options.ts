import type { BuildOptions } from 'esbuild';

/** How the function is bundled, and in the benchmark its peer, so that the two differ in what they are alone. */
export const BUNDLE_OPTIONS = {
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  legalComments: 'external',
  logLevel: 'silent',
} as const satisfies BuildOptions;
