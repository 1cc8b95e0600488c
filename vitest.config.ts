import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['runner/**/*.test.ts', 'fixtures/**/*.test.ts', 'ci/**/*.test.ts'],
    // The addon owns threads and child processes: each file gets a process of its own.
    pool: 'forks',
    restoreMocks: true,
    // Only the end of a test that hangs; no test measures time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
