import { defaultWorkspace } from "../kernel/workspace.ts";

/** What a person or program may do, each including what stands before it. */
export const roles = ["viewer", "editor", "admin"] as const;
export type Role = (typeof roles)[number];

export function includesRole(has: Role, needed: Role): boolean {
  return roles.indexOf(has) >= roles.indexOf(needed);
}

/** By workspace. */
export type Roles = Readonly<Record<string, Role>>;

/** An admin of `default`, where the platform itself lives, is one everywhere: somebody has to be of a workspace that was just made. */
export function roleIn(roles: Roles, workspace: string): Role | undefined {
  if (Object.hasOwn(roles, defaultWorkspace) && roles[defaultWorkspace] === "admin") return "admin";
  return Object.hasOwn(roles, workspace) ? roles[workspace] : undefined;
}

/** Who asks, and what they may do in the workspace they ask for. */
export interface Principal {
  readonly user: string;
  /** In the workspace they ask for; undefined: none. */
  readonly role: Role | undefined;
  /** In every workspace. */
  readonly roles: Roles;
  /** Of a browser: it is sent whether or not its page asked for it, so what it may cause needs the page's origin too. */
  readonly bySession: boolean;
}
