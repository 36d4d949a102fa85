// Two projects: every test with the compiling engine, and the essential tests of the whole host once
// more with the reference engine, which services must not be able to tell apart. (watchdog.test.ts runs
// its hosts on both engines by itself.)

import { defineConfig } from 'vitest/config'

const engineFengari = { MOONWHEEL_TEST_ENGINE: 'fengari', MOONWHEEL_LUA_ENGINE: 'fengari' }

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: one file may load the machine while another runs its assertions.
    maxWorkers: 2,
    pool: 'forks',
    projects: [
      { extends: true, test: { name: 'v8', include: ['test/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'fengari',
          include: ['order', 'clients', 'demo', 'reload'].map(
            (name) => `test/host/${name}.test.ts`,
          ),
          env: engineFengari,
        },
      },
    ],
  },
})
