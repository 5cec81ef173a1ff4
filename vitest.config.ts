import { defineConfig, type ViteUserConfig } from "vitest/config";

// How fast a test is decides nothing: each limit is there to end one that hangs, ten times and more of what the slowest takes on a quiet machine.
const hangs = { testTimeout: 600_000, hookTimeout: 600_000, expect: { poll: { timeout: 120_000, interval: 20 } } };
/** Those that start servers, install clients or kill processes again and again. */
const hangsLong = { ...hangs, testTimeout: 1_200_000, hookTimeout: 1_200_000 };

// Projects are separate commands: `npm test` needs only Node; the others need servers, Python or a browser.
const config: ViteUserConfig = defineConfig({
  test: {
    teardownTimeout: 120_000,
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
            "test/e2e/live-retraining.test.ts",
            "test/e2e/cli*.test.ts",
            "test/rooms.test.ts",
          ],
          // Project files are loaded by Node itself, as in production: their functions are part of definitions' identity, text and all.
          server: { deps: { external: [/karkhana\.project\.ts$/] } },
          setupFiles: ["test/fixed-seed.ts"],
          ...hangs,
        },
      },
      {
        test: {
          name: "servers",
          include: ["test/contract/**/*.servers.ts", "test/protocol/**/*.servers.ts"],
          setupFiles: ["test/fixed-seed.ts"],
          ...hangsLong,
        },
      },
      // One after the other: the limit on processes is of the account that all gradings run as.
      { test: { name: "labs", include: ["test/labs/**/*.test.ts"], ...hangs, fileParallelism: false } },
      {
        test: {
          name: "failure",
          include: ["test/failure/**/*.test.ts"],
          server: { deps: { external: [/karkhana\.project\.ts$/] } },
          ...hangsLong,
          fileParallelism: false,
        },
      },
      { test: { name: "browser", include: ["test/e2e/**/*.browser.ts"], ...hangs, fileParallelism: false } },
    ],
  },
});
export default config;
