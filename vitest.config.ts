import { defineConfig, type ViteUserConfig } from "vitest/config";

// Projects are separate commands: `npm test` needs only Node; the others need servers, Python or a browser.
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "console/src/**/*.test.ts",
            "test/contract/**/*.test.ts",
            "test/reference/**/*.test.ts",
            "test/e2e/loop.test.ts",
            "test/e2e/cli*.test.ts",
            "test/rooms.test.ts",
          ],
          // Project files are loaded by Node itself, as in production: their functions are part of definitions' identity, text and all.
          server: { deps: { external: [/karkhana\.project\.ts$/] } },
          testTimeout: 60_000,
        },
      },
      { test: { name: "servers", include: ["test/contract/**/*.servers.ts", "test/protocol/**/*.servers.ts"], testTimeout: 120_000 } },
      { test: { name: "labs", include: ["test/labs/**/*.test.ts"], testTimeout: 300_000 } },
      {
        test: {
          name: "failure",
          include: ["test/failure/**/*.test.ts"],
          server: { deps: { external: [/karkhana\.project\.ts$/] } },
          testTimeout: 600_000,
          fileParallelism: false,
        },
      },
      { test: { name: "browser", include: ["test/e2e/**/*.browser.ts"], testTimeout: 300_000, fileParallelism: false } },
    ],
  },
});
export default config;
