import { KarkhanaError } from "../kernel/error.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import type { Stores } from "../server/stores.ts";
import { deletionModes } from "../tracking/workspaces.ts";
import { isSet, optionalText, type FlagValues } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject } from "./project-folder.ts";

type Action = (stores: Stores, name: string, values: FlagValues) => Promise<object>;

/** What each action does, and what it prints as JSON. */
const actions: Readonly<Record<string, Action>> = {
  list: async ({ workspaces }) => ({ workspaces: await workspaces.list() }),
  create: ({ workspaces }, name, values) => workspaces.create(name, { description: optionalText(values, "description") }),
  delete: async ({ workspaces }, name, values) => {
    const asked = optionalText(values, "mode") ?? "RESTRICT";
    const mode = deletionModes.find((known) => known === asked);
    if (mode === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--mode", problem: `must be one of ${deletionModes.join(", ")}`, value: asked });
    await workspaces.delete(name, mode);
    return { deleted: name, mode };
  },
};

/** `karkhana workspace <action> [name]`: parts of the data that know nothing of each other. Servers that run follow within a second. */
export const workspace: Command = {
  name: "workspace",
  summary: "Workspaces, which part experiments, runs, registered models and webhooks: list, create, delete",
  positionals: ["action", "name"],
  flags: {
    ...projectFlags,
    description: { type: "string", value: "text", help: "What it is for" },
    mode: {
      type: "string",
      value: deletionModes.join("|"),
      help: "Of a deletion: refuse what is not empty (RESTRICT, the default), delete all that is in it (CASCADE), or move that to default (SET_DEFAULT)",
    },
    json: { type: "boolean", help: "Print as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [action = "list", name] = positionals;
    const work = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (work === undefined)
      throw new KarkhanaError("INVALID_CONFIG", { field: "action", problem: `must be one of ${Object.keys(actions).join(", ")}`, value: action });
    if (action !== "list" && name === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "name", problem: "is required", value: "nothing" });
    const { dataFolder } = await chooseProject(values);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const result = await work(stores, name ?? "", values);
      if (isSet(values, "json")) console.log(JSON.stringify(result));
      else if (action === "list")
        for (const each of await stores.workspaces.list()) console.log(`${each.name}${each.description === undefined ? "" : `  ${each.description}`}`);
      else console.log(`${action}: done`);
      return 0;
    } finally {
      await stores.close();
    }
  },
};
