import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The examples import the package by its name, as its users do.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/no-outside-network.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
