import type { FeatureViewDefinition } from "../features/definition.ts";
import { ViewIndex } from "../features/nearest/view-index.ts";
import { isKeyPart, keyKinds, type KeyPart } from "../features/key-part.ts";
import { planView } from "../features/view-plan.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { Stores } from "../server/stores.ts";
import { systemClock } from "../server/system.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import { embeddingOf } from "../workflows/nearest.ts";
import { number, optionalText, type FlagValues } from "./arguments.ts";
import type { Output, View } from "./features.ts";

/** Who is nearest now, by what lies in the online store; every vector is looked at. */
export async function nearest(stores: Pick<Stores, "onlineStore">, views: readonly View[], values: FlagValues, say: Output): Promise<void> {
  const embedded = views.filter(({ view }) => Object.values(view.features).some(({ embedding }) => embedding !== undefined));
  const [only] = embedded;
  if (only === undefined || embedded.length > 1)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "view",
      problem:
        only === undefined
          ? "none of the views has an embedding, which a feature declared with embedding(...) is"
          : `expected one of ${embedded.map(({ view }) => view.name).join(", ")}`,
      value: null,
    });
  const { view } = only;
  const store = await openOnlineStore(stores.onlineStore);
  try {
    const index = new ViewIndex({ store, view, feature: embeddingOf(view, optionalText(values, "feature")) });
    const found = await index.nearest({ of: questionOf(view, values), k: Math.max(1, number(values, "k")), timeUs: systemClock.nowUs(), exact: true });
    const lines = found.neighbours.map(({ keys, distance, attributes }) => {
      const told = Object.entries(attributes).map(([name, value]) => `${name} ${String(value)}`);
      return `${distance.toPrecision(6).padStart(12)}  ${keys.join(", ")}${told.length === 0 ? "" : `  (${told.join(", ")})`}`;
    });
    say({ view: view.name, ...found }, lines.length === 0 ? "no entity has a vector now" : lines.join("\n"));
  } finally {
    await store.close();
  }
}

/** @throws INVALID_ARGUMENT */
function questionOf(view: FeatureViewDefinition, values: FlagValues): { vector: number[] } | { keys: KeyPart[] } {
  const [key, vector] = [optionalText(values, "key"), optionalText(values, "vector")];
  if ((key === undefined) === (vector === undefined))
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "--vector", problem: "give either --vector or --key", value: null });
  if (vector !== undefined) {
    const list = jsonOf(vector);
    if (Array.isArray(list) && list.every((one) => typeof one === "number")) return { vector: list };
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "--vector", problem: "expected a JSON list of numbers", value: vector.slice(0, 100) });
  }
  const { keyTypes } = planView(view);
  const given = jsonOf(key!);
  const parts: unknown[] = Array.isArray(given) ? given : [keyTypes[0] === "string" ? key : given];
  if (parts.length === keyTypes.length && parts.every((part, i): part is KeyPart => isKeyPart(part, keyTypes[i]!))) return { keys: parts };
  throw new KarkhanaError("INVALID_ARGUMENT", {
    field: "--key",
    problem: `expected ${view.entity.keys.map((name, i) => `${name} (${keyKinds[keyTypes[i]!].expected})`).join(", ")}${keyTypes.length > 1 ? " as a JSON list" : ""}`,
    value: key!.slice(0, 100),
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
