import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { openStores } from "../server/compose.ts";
import type { Stores } from "../server/stores.ts";
import { parseFlags } from "./arguments.ts";
import { auth } from "./auth.ts";
import type { Command } from "./command.ts";
import { purge, sizeText } from "./purge.ts";
import { workspace } from "./workspace.ts";

// Commands that look into one workspace, on the stores of a data folder.
const small = join(import.meta.dirname, "../../test/e2e/small");
let folder: string;
let printed: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "karkhana-workspaces-"));
  printed = "";
  vi.spyOn(console, "log").mockImplementation((text: unknown) => void (printed += `${String(text)}\n`));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

async function run(command: Command, ...args: string[]): Promise<string> {
  printed = "";
  const all = [...args, "--project", small, "--data", join(folder, "data")];
  await command.run(parseFlags(command.flags, all, command.positionals?.length ?? 0));
  return printed;
}

const refusal = async (command: Command, ...args: string[]): Promise<string | undefined> =>
  codeOf(await run(command, ...args).catch((error: unknown) => error));

async function withStores<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = await openStores(join(folder, "data"), {});
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

describe("karkhana workspace", () => {
  test("makes, lists and deletes them; a name that is none is refused", async () => {
    expect(await run(workspace, "list")).toBe("default\n");
    await run(workspace, "create", "team-a", "--description", "the first");
    expect(await run(workspace, "list")).toBe("default\nteam-a  the first\n");
    expect(JSON.parse(await run(workspace, "list", "--json")).workspaces).toMatchObject([{ name: "default" }, { name: "team-a", description: "the first" }]);
    expect(await refusal(workspace, "create", "Team A")).toBe("INVALID_ARGUMENT");
    expect(await refusal(workspace, "delete")).toBe("INVALID_CONFIG");
    expect(await refusal(workspace, "delete", "team-a", "--mode", "ALL")).toBe("INVALID_CONFIG");
    await withStores(({ tracking }) => tracking.inWorkspace("team-a").experiments.create({ name: "e", tags: {} }));
    expect(await refusal(workspace, "delete", "team-a")).toBe("WORKSPACE_NOT_EMPTY");
    await run(workspace, "delete", "team-a", "--mode", "CASCADE");
    expect(await run(workspace, "list")).toBe("default\n");
  });

  test("roles are given in one and listed by it", async () => {
    await run(workspace, "create", "team-a");
    await run(auth, "add-user", "ann", "--role", "editor", "--workspace", "team-a");
    await run(auth, "add-user", "root", "--role", "admin");
    await run(auth, "set-role", "ann", "--role", "viewer");
    expect(await run(auth, "list")).toBe("ann  viewer, editor in team-a\nroot  admin\n");
    await run(auth, "add-user", "eve", "--role", "viewer");
    expect(await run(auth, "list", "--workspace", "team-a")).toBe("ann  viewer, editor in team-a\nroot  admin\n");
    expect(await refusal(auth, "add-user", "bob", "--role", "viewer", "--workspace", "team-b")).toBe("WORKSPACE_NOT_FOUND");
  });
});

describe("karkhana purge", () => {
  test("shows what would go, asks nobody who is not there, and takes what it showed", async () => {
    await run(workspace, "create", "team-a");
    const experimentId = await withStores(async ({ tracking }) => {
      const own = tracking.inWorkspace("team-a");
      const id = await own.experiments.create({ name: "old", tags: {} });
      const { runId } = (await own.runs.create({ experimentId: id, userId: "", startUs: 1, tags: {} })).run;
      await own.logArtifact(runId, "a.bin", new Uint8Array(1500));
      await own.experiments.setStage(id, "deleted");
      return id;
    });
    expect(await run(purge, "--dry-run")).toBe("Nothing is deleted.\n");
    expect(await run(purge, "--dry-run", "--workspace", "team-a")).toBe(`experiment ${experimentId} "old", its 1 runs and 0 logged models: 1 files, 1.5 kB\n`);
    expect(await refusal(purge, "--workspace", "team-a")).toBe("INVALID_CONFIG");
    expect(await refusal(purge, "--workspace", "nowhere", "--yes")).toBe("WORKSPACE_NOT_FOUND");
    expect(await run(purge, "--yes", "--workspace", "team-a", "--experiment", "99")).toBe("Nothing is deleted.\n");
    expect(JSON.parse(await run(purge, "--yes", "--json", "--workspace", "team-a"))).toMatchObject({ purged: true, runs: 1, inUse: 0 });
    expect(await run(purge, "--dry-run", "--workspace", "team-a")).toBe("Nothing is deleted.\n");
  });

  test("writes sizes as people read them", () => {
    expect([0, 999, 1000, 1_234_567, 5e12].map(sizeText)).toEqual(["0 bytes", "999 bytes", "1.0 kB", "1.2 MB", "5.0 TB"]);
  });
});

describe("karkhana auth rotate-key", () => {
  test("adds a key that seals from now on, and what was sealed before still opens", async () => {
    const id = await withStores(async ({ webhooks }) => {
      const made = await webhooks.webhooks.create({ name: "w", url: "https://example.com", events: ["model_version.created"], secret: "the secret" });
      return made.webhookId;
    });
    expect(JSON.parse(await run(auth, "rotate-key", "--json"))).toMatchObject({ sealed: 1, file: expect.stringMatching(/secret\.key$/) });
    expect(await withStores(({ webhooks }) => webhooks.webhooks.secretOf(id))).toBe("the secret");
  });
});
