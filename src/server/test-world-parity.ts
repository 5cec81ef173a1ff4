import type { Micros } from "../kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_SECOND } from "../kernel/time.ts";
import type { ParityCheck, ParityDifference, ParityStore } from "../monitoring/parity-store.ts";
import type { ModelDefinition } from "../project/definition.ts";

/** A check every ten days; one of them met a late correction that the online rows had not taken in. */
export async function proveParity(parity: ParityStore, model: ModelDefinition, startUs: Micros, days: number): Promise<void> {
  const perCheck = 2400;
  for (let n = 0; n * 10 < days; n++) {
    const fromUs = startUs + n * 10 * MICROS_PER_DAY;
    const found = n === 2 ? differencesOf(model, fromUs) : [];
    const check: ParityCheck = {
      model: model.name,
      fromOffset: n * perCheck,
      toOffset: (n + 1) * perCheck,
      fromUs,
      toUs: fromUs + 10 * MICROS_PER_DAY,
      checkedUs: fromUs + 10 * MICROS_PER_DAY + 20 * MICROS_PER_SECOND,
      served: perCheck,
      foreignService: 0,
      vectors: 600,
      values: 600 * model.service.slots.length,
      mismatches: found.length,
      bySlot: Object.fromEntries([...Map.groupBy(found, (d) => d.slot)].map(([slot, own]) => [slot, own.length])),
    };
    await parity.commit(check, found);
  }
}

function differencesOf(model: ModelDefinition, fromUs: Micros): ParityDifference[] {
  const slots = model.service.slots.filter(({ name }) => name.includes("late_share")).slice(0, 2);
  return slots.map(({ name }, i) => ({
    predictionId: `q-${i + 1}`,
    version: 1,
    role: "champion",
    askedUs: fromUs + (i + 3) * MICROS_PER_HOUR,
    appliedOffset: null,
    slot: name,
    view: "from_airport",
    keys: { airport: "ORD" },
    served: 0.5,
    offline: 0.25,
    events: Array.from({ length: 4 }, (_, k) => ({
      eventUs: fromUs + (i + 2) * MICROS_PER_HOUR - k * 7 * 60 * MICROS_PER_SECOND,
      knownUs: fromUs + (i + 2.5) * MICROS_PER_HOUR,
      row: 1000 + k,
      values: { delay: k === 0 ? 22 : 3 - k, distance: 700, origin: "ORD", destination: "DEN" },
    })),
  }));
}
