/** The suites: `unit` in plain Node, `worker` in workerd, `e2e` over HTTP only, `interop` against Dovecot. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [{ test: { name: 'unit', include: ['test/unit/**/*.test.ts'], environment: 'node', testTimeout: 30_000 } }],
  },
});
