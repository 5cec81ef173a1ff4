import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Directory, User } from "../access/directory.ts";
import { roleIn, roles, type Role, type Roles } from "../access/roles.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso, MICROS_PER_DAY } from "../kernel/time.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { sealSecrets } from "../registry/webhooks/webhooks.ts";
import { addSecretKey, openVault } from "../server/secret-keys.ts";
import type { Stores } from "../server/stores.ts";
import { systemClock } from "../server/system.ts";
import type { Workspaces } from "../tracking/workspaces.ts";
import { isSet, optionalText, type FlagValues } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject } from "./project-folder.ts";

type Action = (stores: Stores, name: string, values: FlagValues) => Promise<object>;

/** What each action does, and what it prints as JSON. */
const actions: Readonly<Record<string, Action>> = {
  list: async ({ directory }, _name, values) => ({ users: await usersIn(directory, optionalText(values, "workspace")) }),
  "add-user": async ({ directory, workspaces }, name, values) => {
    const role = roleOf(values);
    const workspace = await workspaceIn(workspaces, values);
    await directory.addUser(name, role, workspace);
    return { user: name, role, workspace };
  },
  "remove-user": async ({ directory }, name) => {
    await directory.removeUser(name);
    return { removed: name };
  },
  "set-role": async ({ directory, workspaces }, name, values) => {
    const role = roleOf(values);
    const workspace = await workspaceIn(workspaces, values);
    await directory.setRole(name, role, workspace);
    return { user: name, role, workspace };
  },
  "set-password": async ({ directory }, name) => {
    await directory.setPassword(name, await askPassword(name));
    return { user: name, password: "set" };
  },
  "add-token": async ({ directory }, name, values) => {
    const days = values["days"];
    const expiresUs = typeof days === "number" ? systemClock.nowUs() + days * MICROS_PER_DAY : undefined;
    return { user: name, token: await directory.addToken(name, optionalText(values, "label") ?? "", expiresUs) };
  },
  "rotate-key": async ({ folder, database }) => {
    if (process.env["KARKHANA_SECRET_KEYS"])
      throw new KarkhanaError("INVALID_CONFIG", {
        field: "KARKHANA_SECRET_KEYS",
        problem: "names the keys: put a new one before the others there",
        value: "(hidden)",
      });
    const file = addSecretKey(folder.root);
    const sealed = await sealSecrets(database, openVault(folder.root, undefined));
    return { file, sealed };
  },
  "remove-token": async ({ directory }, tokenId) => {
    await directory.removeToken(tokenId);
    return { removed: tokenId };
  },
};

/** `karkhana auth <action> [name]`: who may do what. Servers that run follow within a second. */
export const auth: Command = {
  name: "auth",
  summary: "Users, roles, passwords and tokens: list, add-user, set-role, set-password, add-token, remove-token, remove-user, rotate-key",
  positionals: ["action", "name"],
  flags: {
    ...projectFlags,
    role: {
      type: "string",
      value: roles.join("|"),
      help: "viewer reads and asks models; editor logs, registers, sends labels; admin also deploys and sets webhooks",
    },
    workspace: {
      type: "string",
      value: "name",
      help: "Where the role counts; with list: whose users; default: default. An admin of default is one everywhere",
    },
    label: { type: "string", value: "text", help: "What a token is for" },
    days: { type: "integer", value: "n", help: "How long a token is good; default: until it is removed", min: 1, max: 3650 },
    json: { type: "boolean", help: "Print as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [action = "list", name] = positionals;
    const work = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (work === undefined)
      throw new KarkhanaError("INVALID_CONFIG", { field: "action", problem: `must be one of ${Object.keys(actions).join(", ")}`, value: action });
    if (action !== "list" && action !== "rotate-key" && name === undefined)
      throw new KarkhanaError("INVALID_CONFIG", { field: action === "remove-token" ? "token id" : "name", problem: "is required", value: "nothing" });
    const { dataFolder } = await chooseProject(values);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const result = await work(stores, name ?? "", values);
      if (isSet(values, "json")) console.log(JSON.stringify(result));
      else if (action === "list") await printUsers(stores, optionalText(values, "workspace"));
      else if ("token" in result)
        console.log(`${String(result.token)}\nKeep it now: it is not shown again. MLflow's client takes it as MLFLOW_TRACKING_TOKEN.`);
      else console.log(`${action}: done`);
      return 0;
    } finally {
      await stores.close();
    }
  },
};

function roleOf(values: FlagValues): Role {
  const text = optionalText(values, "role");
  const role = roles.find((known) => known === text);
  if (role === undefined)
    throw new KarkhanaError("INVALID_CONFIG", { field: "--role", problem: `must be one of ${roles.join(", ")}`, value: text ?? "nothing" });
  return role;
}

async function usersIn(directory: Directory, workspace: string | undefined): Promise<User[]> {
  return (await directory.users()).filter((user) => workspace === undefined || roleIn(user.roles, workspace) !== undefined);
}

/** @throws WORKSPACE_NOT_FOUND */
async function workspaceIn(workspaces: Workspaces, values: FlagValues): Promise<string> {
  return (await workspaces.get(optionalText(values, "workspace") ?? defaultWorkspace)).name;
}

async function printUsers({ directory }: Stores, workspace: string | undefined): Promise<void> {
  const users = await usersIn(directory, workspace);
  if (users.length === 0 && workspace !== undefined) console.log(`Nobody has a role in ${workspace}.`);
  else if (users.length === 0) console.log("No user is known: whoever reaches this machine's loopback may do everything, and nobody else reaches it.");
  for (const { name, roles: held, hasPassword, tokens } of users) {
    console.log(`${name}  ${rolesText(held)}${hasPassword ? "  password" : ""}`);
    for (const { tokenId, label, expiresUs } of tokens)
      console.log(`  token ${tokenId}  ${label}${expiresUs === undefined ? "" : `  until ${formatIso(expiresUs)}`}`);
  }
}

/** A role in `default` alone, as it is in most places, needs no more words. */
function rolesText(held: Roles): string {
  const ordered = Object.entries(held).sort(([a], [b]) => Number(b === defaultWorkspace) - Number(a === defaultWorkspace) || (a < b ? -1 : 1));
  const texts = ordered.map(([workspace, role]) => (workspace === defaultWorkspace ? role : `${role} in ${workspace}`));
  return texts.join(", ") || "no role";
}

/** From a terminal without showing it, or the first line of what is piped in: never from the arguments, which others on the machine see. */
async function askPassword(name: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const isTerminal = process.stdin.isTTY;
  const lines = createInterface({ input: process.stdin, output: isTerminal ? silent : undefined, terminal: isTerminal });
  try {
    if (isTerminal) process.stderr.write(`New password for ${name}: `);
    for await (const line of lines) {
      if (isTerminal) process.stderr.write("\n");
      return line;
    }
    return "";
  } finally {
    lines.close();
  }
}
