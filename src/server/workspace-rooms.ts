import type { ControlRooms } from "./control-rooms.ts";

/**
 * The rooms as a request sees them: those of the workspace it asks for, which the guard has found and allowed. All that is the platform's own
 * (its project, loop, monitors, Path) is of `default` whoever asks.
 */
export type RoomsOf<T extends ControlRooms> = (request: { readonly workspace: string }) => T;

export function workspaceRooms<T extends ControlRooms>(rooms: T): RoomsOf<T> {
  const opened = new Map<string, T>();
  return ({ workspace }) => {
    if (workspace === rooms.tracking.workspace) return rooms;
    const held = opened.get(workspace);
    if (held !== undefined) return held;
    const made: T = {
      ...rooms,
      tracking: rooms.tracking.inWorkspace(workspace),
      catalog: rooms.catalog.inWorkspace(workspace),
      webhooks: { ...rooms.webhooks, webhooks: rooms.webhooks.webhooks.inWorkspace(workspace) },
    };
    opened.set(workspace, made);
    return made;
  };
}
