import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/no-outside-network.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
