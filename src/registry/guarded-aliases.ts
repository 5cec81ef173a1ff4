import type { Deployment } from "./port.ts";

/** The places of a deployment, which its aliases are named for. */
export const guardedAliases = ["champion", "challenger", "shadow"] as const;
export type GuardedAlias = (typeof guardedAliases)[number];

/** Whatever its case: `Champion` beside `champion` would be a second truth. */
export function guardedAlias(alias: string): GuardedAlias | undefined {
  return guardedAliases.find((name) => name === alias.toLowerCase());
}

/** Aliases of a model: those that were set, and over them what its deployment says. */
export function aliasesOf(set: readonly { alias: string; version: number }[], deployment: Deployment | undefined): Record<string, number> {
  const free = deployment === undefined ? set : set.filter(({ alias }) => guardedAlias(alias) === undefined);
  const places = guardedAliases.flatMap((place) => {
    const version = deployment?.[place];
    return version === undefined ? [] : [[place, version] as const];
  });
  return Object.fromEntries([...free.map(({ alias, version }) => [alias, version] as const), ...places].sort(([a], [b]) => (a < b ? -1 : 1)));
}
