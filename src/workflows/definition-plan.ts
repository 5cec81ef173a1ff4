/** What a start of the program with this project would change: views and services by their hashes, who reads them, what must be filled and trained again. */
import { changesBetween, describeService, describeView, type DefinitionChange } from "../features/definition-changes.ts";
import type { CurrentDefinition, DefinitionHistory } from "../features/definition-history.ts";
import { featureViewHash } from "../features/definition.ts";
import { viewsOf, type ModelDefinition } from "../project/definition.ts";
import type { Registry } from "../registry/port.ts";

export interface ViewChange {
  readonly view: string;
  /** Null for a new view, and for one that is gone. */
  readonly from: string | null;
  readonly to: string | null;
  readonly changes: readonly DefinitionChange[];
  /** Models that read it now. */
  readonly models: readonly string[];
  /** The online store holds nothing of the new version: it must be materialized before a model answers by it. */
  readonly mustFill: boolean;
}

export interface VersionInUse {
  readonly version: number;
  readonly role: "champion" | "challenger" | "shadow" | "previous";
  /** Whether it was trained on another definition: then serving refuses to load it, with SERVICE_MISMATCH. */
  readonly isRefused: boolean;
}

export interface ServiceChange {
  readonly model: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly changes: readonly DefinitionChange[];
  readonly versions: readonly VersionInUse[];
  /** Something is deployed, and none of it reads the definition as it is now. */
  readonly mustTrain: boolean;
}

export interface DefinitionPlan {
  /** Nothing was adopted before: all is new, and nothing of it news. */
  readonly isFirst: boolean;
  readonly views: readonly ViewChange[];
  readonly services: readonly ServiceChange[];
}

export interface DefinitionRooms {
  readonly models: readonly ModelDefinition[];
  readonly history: Pick<DefinitionHistory, "newest">;
  readonly registry: Pick<Registry, "getDeployment"> & { getVersion(model: string, version: number): Promise<{ readonly serviceHash: string }> };
  /** Whether a view's version has been filled online. */
  readonly isFilled: (viewHash: string) => Promise<boolean>;
}

export function currentDefinitions(models: readonly ModelDefinition[]): CurrentDefinition[] {
  const views = new Map(models.flatMap(({ service }) => viewsOf(service)).map((view) => [view.name, view]));
  return [
    ...[...views.values()].map((view): CurrentDefinition => ({ kind: "view", name: view.name, hash: featureViewHash(view), parts: describeView(view) })),
    ...models.map(({ name, service }): CurrentDefinition => ({ kind: "service", name, hash: service.hash, parts: describeService(service) })),
  ];
}

export async function planDefinitions({ models, history, registry, isFilled }: DefinitionRooms): Promise<DefinitionPlan> {
  const before = await history.newest();
  const now = currentDefinitions(models);
  const views: ViewChange[] = [];
  const services: ServiceChange[] = [];
  for (const one of now) {
    const last = before.find(({ kind, name }) => kind === one.kind && name === one.name);
    if (last?.hash === one.hash) continue;
    const known = last === undefined || last.hash === null ? null : last;
    const changes = known === null ? [] : changesBetween(known.parts, one.parts);
    const change = { from: known?.hash ?? null, to: one.hash, changes };
    if (one.kind === "view") {
      const readers = models.filter(({ service }) => viewsOf(service).some((view) => featureViewHash(view) === one.hash)).map(({ name }) => name);
      views.push({ view: one.name, ...change, models: readers, mustFill: !(await isFilled(one.hash)) });
    } else {
      const versions = await versionsInUse(registry, one.name, one.hash);
      services.push({ model: one.name, ...change, versions, mustTrain: versions.length > 0 && versions.every(({ isRefused }) => isRefused) });
    }
  }
  for (const last of before) {
    if (last.hash === null || now.some(({ kind, name }) => kind === last.kind && name === last.name)) continue;
    if (last.kind === "view") views.push({ view: last.name, from: last.hash, to: null, changes: [], models: [], mustFill: false });
    else services.push({ model: last.name, from: last.hash, to: null, changes: [], versions: await versionsInUse(registry, last.name, ""), mustTrain: false });
  }
  return { isFirst: before.length === 0, views, services };
}

async function versionsInUse(registry: DefinitionRooms["registry"], model: string, serviceHash: string): Promise<VersionInUse[]> {
  const deployment = await registry.getDeployment(model);
  if (deployment === undefined) return [];
  const found: VersionInUse[] = [];
  const { champion, challengers, shadows, previous } = deployment;
  const inUse = [
    ["champion", champion],
    ...challengers.map(({ version }) => ["challenger", version] as const),
    ...shadows.map((version) => ["shadow", version] as const),
    ...(previous === undefined ? [] : [["previous", previous] as const]),
  ] as const;
  for (const [role, version] of inUse) {
    const read = await registry.getVersion(model, version);
    found.push({ version, role, isRefused: read.serviceHash !== serviceHash });
  }
  return found;
}

const short = (hash: string | null): string => (hash === null ? "nothing" : hash.slice(0, 12));

/** The plan for a terminal and for the log, a line each; empty if nothing changes. */
export function planText({ views, services }: DefinitionPlan): string[] {
  const changed = ({ part, kind, from, to }: DefinitionChange): string =>
    kind === "changed" ? `    ${part}: ${from} -> ${to}` : kind === "added" ? `    + ${part}: ${to}` : `    - ${part}: ${from}`;
  return [
    ...views.flatMap(({ view, from, to, changes, models, mustFill }) => [
      `view ${view}: ${to === null ? `${short(from)} is gone` : from === null ? `new, ${short(to)}` : `${short(from)} -> ${short(to)}`}${models.length === 0 ? "" : `; read by ${models.join(", ")}`}`,
      ...changes.map(changed),
      ...(mustFill ? [`    to be filled: karkhana features materialize --view ${view}`] : []),
    ]),
    ...services.flatMap(({ model, from, to, changes, versions, mustTrain }) => [
      `vector of model ${model}: ${to === null ? `${short(from)} is gone` : from === null ? `new, ${short(to)}` : `${short(from)} -> ${short(to)}`}`,
      ...changes.map(changed),
      ...versions.map(({ version, role, isRefused }) =>
        isRefused
          ? `    version ${version} (${role}) reads the definition before: serving refuses it with SERVICE_MISMATCH`
          : `    version ${version} (${role}) reads this definition`,
      ),
      ...(mustTrain ? [`    to be trained: karkhana train ${model}; or start with the definition before`] : []),
    ]),
  ];
}
