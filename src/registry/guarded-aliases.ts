import type { Deployment } from "./port.ts";

/** The places of a deployment, which its aliases are named for. */
export const guardedAliases = ["champion", "challenger", "shadow"] as const;
export type GuardedAlias = (typeof guardedAliases)[number];

/** Whatever its case: `Champion` beside `champion` would be a second truth. */
export function guardedAlias(alias: string): GuardedAlias | undefined {
  return guardedAliases.find((name) => name === alias.toLowerCase());
}

/** Who an alias of a deployment names: of several challengers or shadows the first. */
export function holderOf(alias: GuardedAlias, traffic: Pick<Deployment, "champion" | "challengers" | "shadows"> | undefined): number | undefined {
  if (alias === "champion") return traffic?.champion;
  return alias === "challenger" ? traffic?.challengers[0]?.version : traffic?.shadows[0];
}

/** What a version does in a deployment; undefined: nothing. */
export function placeIn(deployment: Deployment | undefined, version: number): GuardedAlias | "previous" | undefined {
  if (deployment === undefined) return undefined;
  if (deployment.champion === version) return "champion";
  if (deployment.challengers.some((challenger) => challenger.version === version)) return "challenger";
  if (deployment.shadows.includes(version)) return "shadow";
  return deployment.previous === version ? "previous" : undefined;
}

/** Aliases of a model: those that were set, and over them what its deployment says. */
export function aliasesOf(set: readonly { alias: string; version: number }[], deployment: Deployment | undefined): Record<string, number> {
  const free = deployment === undefined ? set : set.filter(({ alias }) => guardedAlias(alias) === undefined);
  const places = guardedAliases.flatMap((place) => {
    const version = holderOf(place, deployment);
    return version === undefined ? [] : [[place, version] as const];
  });
  return Object.fromEntries([...free.map(({ alias, version }) => [alias, version] as const), ...places].sort(([a], [b]) => (a < b ? -1 : 1)));
}
