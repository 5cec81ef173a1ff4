/**
 * A reference profile for a version that was trained elsewhere: what the champion was asked lately, with its outcomes, scored by that version.
 * With it drift of its features and scores is watched, and its quality is held against something.
 * Its trainer may have seen these rows: then the quality they show is too good, and live quality looks like a drop. So this is the monitors'
 * proof and no offline evaluation.
 */
import { parseDuration } from "../kernel/time.ts";
import { seededRng } from "../kernel/rng.ts";
import { evaluate } from "../learn/evaluate.ts";
import type { Estimate } from "../learn/estimate.ts";
import { profileToJson } from "../monitoring/profile-file.ts";
import { buildReferenceProfile, type Interval } from "../monitoring/profile.ts";
import { rehearseMonitors } from "../monitoring/self-test.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { Registry } from "../registry/port.ts";
import { loadVersionArtifact, readVersionManifest } from "../serving/artifact.ts";
import { predictTableBy } from "../serving/row-scorer.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { visitLog } from "./jobs/read-log.ts";

export interface ProfileParts {
  readonly registry: Pick<Registry, "getVersion" | "addProof">;
  readonly blobs: BlobStore;
  readonly logFolder: string;
}

export interface ProfileMade {
  /** Rows it was made of; 0: none was made. */
  readonly rows: number;
  /** For a person: what it shows, or why there is none. */
  readonly summary: string;
}

/** Fewer say nothing of a distribution's tails; more only cost memory. */
const minRows = 1000;
const maxRows = 50_000;

interface LiveRow {
  readonly version: number;
  readonly vector: Float64Array;
  readonly label: 0 | 1;
  readonly askedUs: number;
}

/** Made once: a profile that is there stays. */
export async function profileFromLog({ registry, blobs, logFolder }: ProfileParts, model: ModelDefinition, version: number): Promise<ProfileMade> {
  const { artifactPath } = await registry.getVersion(model.name, version);
  if ((await blobs.list(artifactPath)).some(({ path }) => path.endsWith("/profile.json"))) return { rows: 0, summary: "it has a reference profile already" };
  const live = await liveRows(logFolder, model);
  const numLate = live.reduce((sum, { label }) => sum + label, 0);
  if (live.length < minRows || numLate === 0 || numLate === live.length)
    return {
      rows: 0,
      summary: `${live.length} live questions have an outcome, and ${minRows} of both kinds are needed for a reference profile: until then drift is not watched. Adopt it again later`,
    };
  const { manifest, predictor, servable } = await loadVersionArtifact(blobs, artifactPath);
  try {
    const { slots } = model.service;
    const own = await recodings(registry, blobs, model, live, manifest.categories);
    const columns = slots.map((_, slot) => Float64Array.from(live, (row) => own(row, slot)));
    const labels = Uint8Array.from(live, ({ label }) => label);
    const scores = await predictTableBy(predictor, { numRows: live.length, features: slots, columns, labels });
    const { overall } = evaluate({ scores, labels, slices: [], rng: seededRng(model.name, "adopted") });
    if (overall.auc === null) return { rows: 0, summary: "its scores cannot be ranked" };
    const profile = buildReferenceProfile({
      slots,
      columns,
      scores,
      labels,
      holdout: { rows: live.length, auc: intervalOf(overall.auc), logLoss: intervalOf(overall.logLoss), brier: intervalOf(overall.brier) },
      times: { us: Float64Array.from(live, ({ askedUs }) => askedUs), windowUs: parseDuration(model.monitors.window, "monitors.window") },
    });
    const rehearsed = rehearseMonitors({ profile, columns, scores, labels, policy: model.monitors, rng: seededRng(model.name, "monitors") });
    await blobs.put(`${artifactPath}/profile.json`, new TextEncoder().encode(profileToJson(profile)));
    const { passed, summary, rehearsals } = rehearsed;
    await registry.addProof(model.name, version, { kind: "monitors", passed, summary, details: { rehearsals, rows: live.length, from: "live questions" } });
    const figures = `AUC ${overall.auc.value.toFixed(4)}, log loss ${overall.logLoss.value.toFixed(4)}`;
    return { rows: live.length, summary: `${figures} on ${live.length} live questions, which its trainer may have seen; drift is watched against them` };
  } finally {
    await servable.close();
  }
}

/** The last questions that the champion or a challenger answered, with their outcomes, by event time. */
async function liveRows(logFolder: string, model: ModelDefinition): Promise<LiveRow[]> {
  let rows: LiveRow[] = [];
  await visitLog(logFolder, {
    model: model.name,
    from: { predictions: 0, labels: 0 },
    matured: ({ prediction, label }) => {
      const { role, serviceHash, vector, version, askedUs } = prediction;
      if (role === "shadow" || serviceHash !== model.service.hash || vector.length !== model.service.slots.length) return;
      rows.push({ version, vector, label, askedUs });
      if (rows.length >= 2 * maxRows) rows = rows.slice(-maxRows);
    },
  });
  return rows.slice(-maxRows).sort((a, b) => a.askedUs - b.askedUs);
}

/** A live row's value of a slot as the version codes it: a category has another code in each version's dictionary. */
async function recodings(
  registry: ProfileParts["registry"],
  blobs: BlobStore,
  { name, service }: ModelDefinition,
  live: readonly LiveRow[],
  categories: Readonly<Record<string, readonly string[]>>,
): Promise<(row: LiveRow, slot: number) => number> {
  const byVersion = new Map<number, readonly (Float64Array | undefined)[]>();
  for (const version of new Set(live.map((row) => row.version))) {
    const theirs = (await readVersionManifest(blobs, (await registry.getVersion(name, version)).artifactPath)).categories;
    const codes = service.slots.map((slot) =>
      slot.type === "categorical"
        ? Float64Array.from(theirs[slot.name] ?? [], (value) => {
            const code = categories[slot.name]?.indexOf(value) ?? -1;
            return code < 0 ? Number.NaN : code;
          })
        : undefined,
    );
    byVersion.set(version, codes);
  }
  return ({ version, vector }, slot) => {
    const codes = byVersion.get(version)![slot];
    return codes === undefined ? vector[slot]! : (codes[vector[slot]!] ?? Number.NaN);
  };
}

function intervalOf({ value, low, high }: Estimate): Interval {
  return { value, low: low ?? value, high: high ?? value };
}
