import { defineConfig, type OxlintConfig, type OxlintOverride } from "oxlint";
import { pureRooms, rooms } from "./scripts/rooms.ts";

const direction: OxlintOverride[] = Object.entries(rooms).map(([room, allowed]) => {
  const forbidden = Object.keys(rooms).filter((other) => other !== room && !allowed.includes(other));
  const group = forbidden.flatMap((other) => [`../${other}/*`, `../${other}/**`, `../../${other}/*`, `../../${other}/**`, `../../../${other}/**`]);
  const pure = pureRooms.includes(room) ? [{ group: ["node:*", "!node:crypto"], message: `${room}/ is pure: it gets what it needs as arguments` }] : [];
  const compose = room === "cli" ? [] : [{ group: ["**/compose.ts"], message: "only the command line starts compose.ts" }];
  return {
    files: [`src/${room}/**/*.ts`],
    excludeFiles: ["**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [...(group.length > 0 ? [{ group, message: `${room}/ may import only: ${allowed.join(", ") || "nothing"}` }] : []), ...pure, ...compose] },
      ],
    },
  };
});

const config: OxlintConfig = defineConfig({
  plugins: ["typescript", "import", "unicorn", "oxc", "promise", "vitest"],
  options: { typeAware: true },
  categories: { correctness: "error", suspicious: "error" },
  ignorePatterns: ["**/dist/**", "**/node_modules/**", "**/.karkhana*/**"],
  rules: {
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "max-lines": ["error", { max: 500 }],
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/await-thenable": "off", // stores answer now or later (MaybePromise)
    "typescript/consistent-type-imports": "error",
    "typescript/no-unsafe-type-assertion": "off",
    "no-await-in-loop": "off",
    "oxc/no-async-endpoint-handlers": "off", // a rule for Express; Fastify awaits its handlers
    "no-shadow": "off",
    "no-underscore-dangle": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "vitest/require-mock-type-parameters": "off",
    "vitest/no-conditional-tests": "off",
    "vitest/expect-expect": "off",
    "import/no-unassigned-import": "off",
    "import/no-named-as-default-member": "off", // fast-check is used as fc.*
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    "unicorn/require-post-message-target-origin": "off", // worker threads, not windows
    "no-console": "off",
  },
  overrides: [
    ...direction,
    {
      files: pureRooms.map((room) => `src/${room}/**/*.ts`),
      excludeFiles: ["**/*.test.ts"],
      rules: {
        "no-restricted-globals": [
          "error",
          { name: "Date", message: "take a Clock" },
          { name: "process", message: "pure room" },
          { name: "performance", message: "take a Clock" },
        ],
        "no-restricted-properties": ["error", { object: "Math", property: "random", message: "take an Rng" }],
      },
    },
    {
      files: ["oxlint.config.ts", "vitest.config.ts", "console/vite.config.ts", "{examples,test}/**/karkhana.project.ts"],
      rules: { "import/no-default-export": "off" },
    },
    // solutions, written as people write them
    { files: ["test/labs/**/*.js"], rules: { "typescript/require-array-sort-compare": "off", "no-unmodified-loop-condition": "off" } },
    { files: ["console/**"], rules: { "max-lines": ["error", { max: 500 }] } },
  ],
});
export default config;
