import { readViewProfile } from "../features/online/lookup-watch.ts";
import { formatIso } from "../kernel/time.ts";
import type { LoadedProject } from "../project/load.ts";
import type { ViewInUse } from "../server/api-features.ts";
import { viewInUse } from "../server/feature-profile.ts";
import type { Stores } from "../server/stores.ts";
import { versionFiles } from "../server/version-files.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import type { Output, View } from "./features.ts";

/** What lookups gave on the newest days of questions, beside the training set's. */
export async function profile(project: LoadedProject, stores: Stores, views: readonly View[], say: Output): Promise<void> {
  const store = await openOnlineStore(stores.onlineStore);
  try {
    const rooms = { project: project.definition, registry: stores.registry, parity: stores.parity, files: versionFiles(stores.blobs) };
    for (const { hash, view } of views) {
      const found = await viewInUse(rooms, view, await readViewProfile(store, view));
      say({ view: view.name, hash, ...found }, profileText(view.name, hash, found));
    }
  } finally {
    await store.close();
  }
}

function profileText(name: string, hash: string, { lookups, notFound, fromUs, toUs, ageSeconds, features: all }: ViewInUse): string {
  const figure = (x: number | null): string => (x === null ? "-" : String(Number(x.toPrecision(4))));
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
  if (fromUs === null || toUs === null) return `${name} ${hash.slice(0, 12)}: nothing has been looked up yet`;
  const head = `${name} ${hash.slice(0, 12)}: ${lookups} lookups from ${formatIso(fromUs)} to ${formatIso(toUs)}, ${percent(notFound / lookups)} of unknown keys; newest row ${figure(ageSeconds.p50)} s old at the median, ${figure(ageSeconds.p95)} s at p95`;
  const lines = all.map(({ shares, numbers, top, training, parity, name: feature }) => {
    const what =
      numbers === null
        ? top.map(({ value, share }) => `${value} ${percent(share)}`).join(", ")
        : `p5 ${figure(numbers.p5)}, median ${figure(numbers.p50)}, p95 ${figure(numbers.p95)}`;
    const psi = training?.distribution.psi ?? null;
    const against = training === null || psi === null ? "" : `; PSI ${psi.toFixed(3)} against ${training.model} v${training.version}`;
    const differing = parity === null || parity.vectors === 0 ? "" : `; ${parity.mismatches} of ${parity.vectors} recomputed differ`;
    const missing = shares.NULL_VALUE + shares.NOT_FOUND + shares.OUTSIDE_MAX_AGE;
    return `  ${feature}: ${what === "" ? "no values" : what}; ${percent(missing)} missing, ${percent(shares.DEFAULT)} default${against}${differing}`;
  });
  return [head, ...lines].join("\n");
}
