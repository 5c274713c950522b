/** The suites: `unit`, `torture` and `model` in plain Node, `worker` in workerd, `e2e` over HTTP only, `interop` against real mail servers. */
import { defineConfig } from 'vitest/config';
import { trustTestAuthority, workerBindings } from './worker/peers.ts';

const root = `${import.meta.dirname}/..`;

export default defineConfig(async () => {
  // workerd's trust store is made when the plugin is loaded, so the authority has to be known before.
  await trustTestAuthority();
  const { cloudflareTest } = await import('@cloudflare/vitest-plugin');
  const suite = (name: string, testTimeout: number) => ({
    name,
    include: [`test/${name}/**/*.test.ts`],
    environment: 'node' as const,
    testTimeout,
  });
  return {
    root,
    test: {
      projects: [
        { root, test: suite('unit', 30_000) },
        { root, test: suite('torture', 600_000) },
        // As many sequences as are asked for, each a second at the most.
        { root, test: suite('model', 600_000 + 2_000 * Number(process.env.POPGATE_SEQUENCES ?? 0)) },
        {
          root,
          plugins: [
            cloudflareTest({
              wrangler: { configPath: `${root}/wrangler.toml` },
              miniflare: { bindings: await workerBindings() },
            }),
          ],
          test: { name: 'worker', include: ['test/worker/**/*.test.ts'], testTimeout: 60_000 },
        },
        { root, test: { ...suite('e2e', 120_000), hookTimeout: 120_000, fileParallelism: false } },
        { root, test: { ...suite('interop', 300_000), hookTimeout: 120_000, fileParallelism: false } },
      ],
    },
  };
});
