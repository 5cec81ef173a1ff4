import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";

/**
 * What a registered model is called in the tables: in `default` by its name, elsewhere by workspace and name. No name holds a slash, so two
 * workspaces never share a key, and whatever finds a model by its key is confined to a workspace without another look.
 */
export function modelKey(workspace: string, name: string): string {
  return workspace === defaultWorkspace ? name : `${workspace}/${name}`;
}

export function placeOfKey(key: string): { readonly workspace: string; readonly name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { workspace: defaultWorkspace, name: key } : { workspace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** A name as a person gives it: one with a slash would be another workspace's key. @throws REGISTERED_MODEL_NOT_FOUND */
export function keyOfExisting(workspace: string, name: string): string {
  if (name.includes("/")) throw new KarkhanaError("REGISTERED_MODEL_NOT_FOUND", { model: name });
  return modelKey(workspace, name);
}
