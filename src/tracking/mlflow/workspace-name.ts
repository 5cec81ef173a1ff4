import { defaultWorkspace } from "../../kernel/workspace.ts";
import { requireWorkspaceName } from "../workspaces.ts";
import { refuse } from "./message.ts";

/** A workspace's name by MLflow's rules, refused in its words. @param what cannot be done with the reserved one: "created" */
export function checkWorkspaceName(name: string, what: string): string {
  if (name === defaultWorkspace) refuse(`The 'default' workspace is reserved and cannot be ${what}`);
  if (name.length < 2 || name.length > 63) refuse(`Workspace name '${name.slice(0, 100)}' must be between 2 and 63 characters.`);
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
    refuse(`Workspace name '${name}' must match the pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ (lowercase alphanumeric with optional internal hyphens).`);
  try {
    requireWorkspaceName(name);
  } catch {
    refuse(`Workspace name '${name}' is reserved and cannot be used.`);
  }
  return name;
}
