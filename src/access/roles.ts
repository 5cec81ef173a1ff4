/** What a person or program may do, each including what stands before it. */
export const roles = ["viewer", "editor", "admin"] as const;
export type Role = (typeof roles)[number];

/** Everything is kept in one workspace so far; roles are given in it, so that a second one finds them there. */
export const defaultWorkspace = "default";

export function includesRole(has: Role, needed: Role): boolean {
  return roles.indexOf(has) >= roles.indexOf(needed);
}

/** Who asks, and what they may do in the workspace they ask for. */
export interface Principal {
  readonly user: string;
  readonly role: Role;
  /** Of a browser: it is sent whether or not its page asked for it, so what it may cause needs the page's origin too. */
  readonly bySession: boolean;
}
