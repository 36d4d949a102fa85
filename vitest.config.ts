import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: one file may load the machine while another runs its assertions.
    maxWorkers: 2,
    pool: 'forks',
  },
})
