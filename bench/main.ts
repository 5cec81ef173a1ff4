/** `npm run bench -- <name> [flags]`: measurements of ourselves and of peers. Nothing here decides a test. */
const benches: Readonly<Record<string, () => Promise<{ run: (args: string[]) => Promise<void> }>>> = {
  serve: () => import("./serve.ts"),
  "serve-peers": () => import("./serve-peers.ts"),
  train: () => import("./train.ts"),
  features: () => import("./features.ts"),
  pushes: () => import("./pushes.ts"),
  batching: () => import("./batching.ts"),
  trees: () => import("./trees.ts"),
  tracking: () => import("./tracking.ts"),
  console: () => import("./console.ts"),
  "replay-features": () => import("./replay-features.ts"),
};

const [name = "", ...args] = process.argv.slice(2);
const load = benches[name];
if (load === undefined) {
  console.error(`npm run bench -- <${Object.keys(benches).join(" | ")}> [flags]`);
  process.exitCode = 1;
} else {
  await (await load()).run(args);
}
