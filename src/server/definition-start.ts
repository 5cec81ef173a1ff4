import { changesBetween } from "../features/definition-changes.ts";
import { isFilled } from "../features/online/marks.ts";
import type { Clock } from "../kernel/clock.ts";
import type { LoadedProject } from "../project/load.ts";
import { currentDefinitions, planDefinitions, type DefinitionPlan } from "../workflows/definition-plan.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import type { LoopEvent } from "../workflows/progress.ts";
import type { Stores } from "./stores.ts";

/** What a start with this project changes; changes nothing itself. The online store is opened only if a view is another. */
export async function planStart(project: LoadedProject, stores: Stores): Promise<DefinitionPlan> {
  let store: ReturnType<typeof openOnlineStore> | undefined;
  try {
    return await planDefinitions({
      models: project.definition.models,
      history: stores.definitions,
      registry: stores.registry,
      isFilled: async (hash) => isFilled(await (store ??= openOnlineStore(stores.onlineStore)), hash),
    });
  } finally {
    await (await store)?.close();
  }
}

/** Makes the project's definitions current. @returns an event for each that is another than before; none at the first start */
export async function adoptDefinitions(
  project: LoadedProject,
  { definitions }: Pick<Stores, "definitions">,
  clock: Clock,
): Promise<Extract<LoopEvent, { event: "definition" }>[]> {
  const before = await definitions.newest();
  const added = await definitions.adopt(currentDefinitions(project.definition.models), clock.nowUs());
  if (before.length === 0) return [];
  return added.map(({ kind, name, hash, parts, seenUs }) => {
    const last = before.find((one) => one.kind === kind && one.name === name);
    const from = last?.hash ?? null;
    const what = kind === "view" ? `view ${name}` : `the vector of ${name}`;
    const changes = last === undefined || hash === null || from === null ? [] : changesBetween(last.parts, parts);
    const text =
      hash === null
        ? `${what} is gone`
        : from === null
          ? `${what} is new (${hash.slice(0, 12)})`
          : `${what} changed, ${from.slice(0, 12)} -> ${hash.slice(0, 12)}: ${changes.map(({ part }) => part).join("; ")}`;
    return { event: "definition", atUs: seenUs, kind, name, from, to: hash, text };
  });
}
