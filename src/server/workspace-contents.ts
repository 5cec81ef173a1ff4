import type { Directory } from "../access/directory.ts";
import { Gate, type GateParts } from "../access/gate.ts";
import type { Clock } from "../kernel/clock.ts";
import { versionUsing } from "../registry/catalog-read.ts";
import { registryContents } from "../registry/contents.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { trackingContents } from "../tracking/contents.ts";
import { createWorkspaces, type WorkspaceContents, type Workspaces } from "../tracking/workspaces.ts";

interface Parts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly directory: Directory;
}

/** All rooms that keep something in a workspace, in the order in which it can be removed: what others use comes last. */
export function workspacesOf(parts: Parts): Workspaces {
  const { clock, directory } = parts;
  return createWorkspaces({
    ...parts,
    contents: [...registryContents(clock), ...trackingContents({ ...parts, artifactUser: versionUsing }), rolesIn(directory)],
  });
}

/** Roles are given in a workspace and go with it. */
function rolesIn(directory: Directory): WorkspaceContents {
  return {
    kind: "roles",
    count: async () => 0,
    conflicts: async () => [],
    move: (trx, workspace) => directory.forgetWorkspace(trx, workspace),
    remove: async (trx, workspace) => {
      await directory.forgetWorkspace(trx, workspace);
      return undefined;
    },
  };
}

/** The gate to the workspaces. It follows at once when one is deleted here; gates of other processes within a second. */
export function guarded(parts: GateParts & { readonly workspaces: Workspaces }): { readonly gate: Gate; readonly workspaces: Workspaces } {
  const gate = new Gate(parts);
  const remove: Workspaces["delete"] = async (name, mode) => {
    await parts.workspaces.delete(name, mode);
    gate.forgetWorkspaces();
  };
  return { gate, workspaces: { ...parts.workspaces, delete: remove } };
}
