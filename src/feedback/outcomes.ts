import type { Micros } from "../kernel/clock.ts";
import type { ScoredLabels } from "./compare.ts";
import type { MaturedPrediction } from "./join.ts";

interface Answered {
  label: 0 | 1;
  champion?: number;
  challenger?: number;
}

/**
 * What two versions answered since a moment, by request, as `compareShadow` and `compareArms` take it. A correction just replaces the label.
 * Versions decide, not roles: a champion rolled back in between is still the same model.
 */
export class ComparedOutcomes {
  readonly #champion: number;
  readonly #challenger: number;
  readonly #fromUs: Micros;
  readonly #answered = new Map<string, Answered>();

  /** @param fromUs questions asked earlier are left out: before the split, the champion's answered another kind of week */
  constructor(parts: { readonly champion: number; readonly challenger: number; readonly fromUs: Micros }) {
    this.#champion = parts.champion;
    this.#challenger = parts.challenger;
    this.#fromUs = parts.fromUs;
  }

  add({ prediction, label }: Omit<MaturedPrediction, "knownUs">): void {
    const arm = prediction.version === this.#champion ? "champion" : prediction.version === this.#challenger ? "challenger" : undefined;
    if (arm === undefined || prediction.askedUs < this.#fromUs) return;
    const answered = this.#answered.get(prediction.id);
    if (answered === undefined) {
      this.#answered.set(prediction.id, { label, [arm]: prediction.score });
      return;
    }
    answered.label = label;
    answered[arm] = prediction.score;
  }

  /** Questions that both answered, shape [n] each. */
  pairs(): { readonly labels: Uint8Array; readonly champion: Float64Array; readonly challenger: Float64Array } {
    const both = [...this.#answered.values()].filter((a) => a.champion !== undefined && a.challenger !== undefined);
    return {
      labels: Uint8Array.from(both, (a) => a.label),
      champion: Float64Array.from(both, (a) => a.champion ?? Number.NaN),
      challenger: Float64Array.from(both, (a) => a.challenger ?? Number.NaN),
    };
  }

  /** Questions that one of them answered and the other did not. */
  arms(): { readonly champion: ScoredLabels; readonly challenger: ScoredLabels } {
    const alone = [...this.#answered.values()].filter((a) => (a.champion === undefined) !== (a.challenger === undefined));
    const of = (arm: "champion" | "challenger"): ScoredLabels => {
      const own = alone.filter((a) => a[arm] !== undefined);
      return { labels: Uint8Array.from(own, (a) => a.label), scores: Float64Array.from(own, (a) => a[arm] ?? Number.NaN) };
    };
    return { champion: of("champion"), challenger: of("challenger") };
  }
}
