import type { FeatureProfile, ViewProfile } from "../features/online/view-profile.ts";
import { shares } from "../features/online/lookup-watch.ts";
import type { FeatureViewDefinition } from "../features/definition.ts";
import { featureViewHash, slotsOf } from "../features/definition.ts";
import { planView } from "../features/view-plan.ts";
import type { ParityStore } from "../monitoring/parity-store.ts";
import type { SlotProfile } from "../monitoring/slot-bins.ts";
import { slotPsi } from "../monitoring/slot-psi.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { Registry } from "../registry/port.ts";
import type { FeatureInUse, FeatureTraining, ViewInUse } from "./api-features.ts";
import { cellLabels } from "./slot-labels.ts";
import type { VersionFiles } from "./version-files.ts";

export interface ProfileRooms {
  readonly project: { readonly models: readonly ModelDefinition[] };
  readonly registry: Pick<Registry, "listVersions" | "getDeployment">;
  readonly parity: Pick<ParityStore, "totals" | "slots">;
  readonly files: VersionFiles;
}

/** What lookups of a view gave lately, held against what the champions that read it were trained on, and what parity found of it. */
export async function viewInUse(rooms: ProfileRooms, view: FeatureViewDefinition, profile: ViewProfile): Promise<ViewInUse> {
  const hash = featureViewHash(view);
  const training = await trainedOn(rooms, hash);
  const parity = await parityOf(rooms, hash);
  const at = (q: number): number | null => (profile.ages.count === 0 ? null : profile.ages.quantile(q));
  return {
    lookups: profile.lookups,
    notFound: profile.notFound,
    fromUs: profile.lookups === 0 ? null : profile.fromUs,
    toUs: profile.lookups === 0 ? null : profile.toUs,
    ageSeconds: { p50: at(0.5), p95: at(0.95), max: profile.ages.count === 0 ? null : profile.ages.max },
    features: planView(view).features.map(({ name, aggregate }): FeatureInUse => {
      const own = profile.features.get(name)!;
      const { numbers } = own;
      // Within 1 %; a count is whole all the same.
      const near = (x: number): number => (counts.has(aggregate) ? Math.round(x) : Number(x.toPrecision(4)));
      const quantile = (q: number): number | null => (numbers.count === 0 ? null : near(numbers.quantile(q)));
      const compared = training.find((one) => one.feature === name);
      return {
        name,
        shares: shares(own.statuses),
        numbers: numbers.count === 0 ? null : { min: numbers.min, p5: quantile(0.05), p50: quantile(0.5), p95: quantile(0.95), max: numbers.max },
        top: own.texts.top(8).map(([value, n]) => ({ value, share: n / own.texts.count })),
        training: compared === undefined ? null : againstTraining(own, compared),
        parity: parity.get(name) ?? null,
      };
    }),
  };
}

const counts: ReadonlySet<string> = new Set(["count", "distinct"]);

interface Trained {
  readonly feature: string;
  readonly model: string;
  readonly version: number;
  readonly rows: number;
  readonly slot: SlotProfile;
  readonly categories: readonly string[] | undefined;
}

/** The reference of each of the view's features, of the first champion that has one. Lists have a slot an item, and are not compared. */
async function trainedOn({ project, registry, files }: ProfileRooms, hash: string): Promise<Trained[]> {
  const found = new Map<string, Trained>();
  for (const { name: model, service } of project.models) {
    const versions = await registry.listVersions(model);
    const deployment = await registry.getDeployment(model);
    const version = versions.find((v) => v.version === deployment?.champion) ?? versions.at(-1);
    if (version === undefined || version.serviceHash !== service.hash) continue;
    const profile = await files.profile(version);
    const categories = profile === undefined ? {} : await files.categories(version);
    for (const reference of service.features) {
      if (reference.kind !== "featureReference" || featureViewHash(reference.view) !== hash) continue;
      for (const feature of Object.keys(reference.view.features)) {
        const slot = profile?.slots.find(({ name }) => name === `${reference.prefix}.${feature}`);
        if (slot !== undefined && !found.has(feature))
          found.set(feature, { feature, model, version: version.version, rows: profile!.numRows, slot, categories: categories[slot.name] });
      }
    }
  }
  return [...found.values()];
}

function againstTraining(own: FeatureProfile, { model, version, rows, slot, categories }: Trained): FeatureTraining {
  const current = slot.type === "numeric" ? numericCells(own, slot) : textCells(own, slot, categories);
  const served = current.reduce((sum, n) => sum + n, 0);
  return {
    model,
    version,
    rows,
    distribution: {
      slot: slot.name,
      type: slot.type,
      labels: cellLabels(slot, categories),
      reference: slot.counts,
      current,
      psi: served === 0 ? null : slotPsi(slot.counts, current),
      threshold: null,
      floor: null,
      breach: false,
    },
  };
}

/** In the bins that were frozen when the version was trained. */
function numericCells(own: FeatureProfile, { edges }: SlotProfile): number[] {
  const below = edges.map((edge) => own.numbers.countAtMost(edge));
  const inner = below.map((n, i) => n - (below[i - 1] ?? 0));
  return [...inner, own.numbers.count - (below.at(-1) ?? 0), missing(own) + own.nans];
}

function textCells(own: FeatureProfile, { categories: codes }: SlotProfile, values: readonly string[] | undefined): number[] {
  const known = codes.map((code) => own.texts.countOf(values?.[code] ?? ""));
  const others = own.texts.count - known.reduce((sum, n) => sum + n, 0);
  return [...known, Math.max(0, others), missing(own)];
}

function missing({ statuses }: FeatureProfile): number {
  return statuses.NULL_VALUE + statuses.NOT_FOUND + statuses.OUTSIDE_MAX_AGE;
}

/** Vectors recomputed and values that differed, by feature, over all models and prefixes that read the view. */
export async function parityOf(
  { project, parity }: Pick<ProfileRooms, "project" | "parity">,
  hash: string,
): Promise<Map<string, { readonly vectors: number; readonly mismatches: number }>> {
  const found = new Map<string, { vectors: number; mismatches: number }>();
  for (const { name: model, service } of project.models) {
    const references = service.features.filter((f) => f.kind === "featureReference" && featureViewHash(f.view) === hash);
    if (references.length === 0) continue;
    const { vectors } = await parity.totals(model);
    const bySlot = new Map((await parity.slots(model)).map(({ slot, mismatches }) => [slot, mismatches]));
    for (const reference of references) {
      if (reference.kind !== "featureReference") continue;
      const slots = slotsOf(reference);
      for (const feature of Object.keys(reference.view.features)) {
        const name = `${reference.prefix}.${feature}`;
        const own = slots.filter((slot) => slot.name === name || slot.name.replace(/\.\d+$/, "") === name);
        const before = found.get(feature) ?? { vectors: 0, mismatches: 0 };
        found.set(feature, {
          vectors: before.vectors + vectors * Math.min(1, own.length),
          mismatches: before.mismatches + own.reduce((sum, slot) => sum + (bySlot.get(slot.name) ?? 0), 0),
        });
      }
    }
  }
  return found;
}
