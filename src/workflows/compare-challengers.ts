/** The champion against each challenger and each shadow, on what has matured since the split of traffic last changed. */
import type { Micros } from "../kernel/clock.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { Deployment, Registry, RegistryEvent } from "../registry/port.ts";
import { compare, type CompareInput, type CompareOutput } from "./jobs/compare.ts";

export interface ChallengerComparison extends CompareOutput {
  readonly version: number;
  readonly role: "challenger" | "shadow";
  /** undefined for a shadow, which sees every question. */
  readonly share: number | undefined;
  readonly sinceUs: Micros;
  /** Log loss in nats the candidate may lose and still be called not worse. */
  readonly margin: number;
}

export interface CompareBy {
  /** Default: on the thread that asks. */
  readonly run?: (input: CompareInput) => Promise<CompareOutput>;
  /** Records of each log to read, the latest; default all. */
  readonly atMost?: number;
}

const defaultAlpha = 0.05;
/** Steps that change who is asked: answers from before them came under another split, and maybe in another kind of week. */
const splitting: readonly RegistryEvent["kind"][] = ["ab-started", "stood-down", "promoted", "rolled-back"];

/**
 * Several comparisons at once find a difference by chance more often than one: each interval is wider, so that all of them together miss
 * as seldom as one alone would (Bonferroni).
 */
export async function compareChallengers(
  registry: Pick<Registry, "listEvents">,
  logFolder: string,
  model: ModelDefinition,
  deployment: Deployment,
  { run = (input) => compare(input, () => undefined), atMost }: CompareBy = {},
): Promise<ChallengerComparison[]> {
  const { champion, challengers, shadows } = deployment;
  const events = await registry.listEvents(model.name);
  const lastOf = (kinds: readonly RegistryEvent["kind"][], version?: number): Micros =>
    events.findLast((event) => kinds.includes(event.kind) && (version === undefined || event.version === version))?.atUs ?? 0;
  const splitUs = lastOf(splitting);
  const candidates = [
    ...challengers.map(({ version, share }) => ({ version, role: "challenger" as const, share, sinceUs: splitUs })),
    ...shadows.map((version) => ({
      version,
      role: "shadow" as const,
      share: undefined,
      sinceUs: Math.max(lastOf(["promoted", "rolled-back"]), lastOf(["shadowed"], version)),
    })),
  ];
  const { gates, serving } = model;
  const shared = { logFolder, model: model.name, champion, from: { predictions: 0, labels: 0 }, stickyBy: serving.stickyBy ?? [] };
  const shares = challengers.map(({ version, share }) => ({ version, share }));
  const found: ChallengerComparison[] = [];
  for (const candidate of candidates) {
    const isShadow = candidate.role === "shadow";
    const margin = isShadow ? gates.shadowMargin : gates.abMargin;
    const compared = await run({
      ...shared,
      candidate: candidate.version,
      phase: isShadow ? "shadow" : "ab",
      fromUs: candidate.sinceUs,
      shares,
      alpha: defaultAlpha / candidates.length,
      margin,
      minMatured: isShadow ? gates.minMaturedShadow : gates.minMaturedAb,
      ...(atMost === undefined ? {} : { atMost }),
    });
    found.push({ ...compared, ...candidate, margin });
  }
  return found;
}
