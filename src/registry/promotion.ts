import { proofKinds, type Challenger, type Deployment, type ModelVersion, type Proof, type ProofKind, type VersionState } from "./port.ts";

/*
 * Life of a model version. A deployment has one champion, and challengers and shadows beside it.
 *
 *            registerVersion
 *   (none) ------------------> registered <-------------+
 *                               |  |   ^                | standDown, or the champion changes
 *                   startShadow |  |   |                |
 *                               v  |   |                |
 *                            shadow|---+----------------+
 *                               |  | startAb            |
 *                       startAb v  v  (shadow proved    |
 *                              ab     or waived) -------+
 *                               |
 *                   promote     |  (from registered, shadow, ab or retired; all five proofs passed or waived)
 *                               v
 *                           champion <------ rollback ------> retired
 *
 *   refuse: registered, shadow, ab --> refused, which is final.
 *
 * A step that is already done is not an error but changes nothing, so that every call can be repeated after a lost reply.
 */

export type PromotionStep = "startShadow" | "startAb" | "standDown" | "promote" | "refuse";

const legal: Readonly<Record<PromotionStep, Readonly<Partial<Record<VersionState, VersionState>>>>> = {
  startShadow: { registered: "shadow", shadow: "shadow" },
  startAb: { registered: "ab", shadow: "ab", ab: "ab" },
  standDown: { registered: "registered", shadow: "registered", ab: "registered" },
  promote: { registered: "champion", shadow: "champion", ab: "champion", retired: "champion", champion: "champion" },
  refuse: { registered: "refused", shadow: "refused", ab: "refused", refused: "refused" },
};

/** State after the step, or undefined where the step is not allowed. */
export function stateAfter(state: VersionState, step: PromotionStep): VersionState | undefined {
  return legal[step][state];
}

/** What would supply a proof: the last words of PROOF_MISSING. */
const suppliedBy: Readonly<Record<ProofKind, string>> = {
  "offline-evaluation": "evaluate the version on held-out rows and record the result against the gates",
  shadow: "run it in shadow on live requests until enough labels have matured, then record the comparison",
  ab: "let it answer a share of live requests until enough labels have matured, then record the comparison",
  monitors: "freeze its reference profile and attach drift and quality monitors",
  rollback: "rehearse the way back to the previous champion and record that it worked",
};

export interface MissingProof {
  readonly kind: ProofKind;
  /** One clause for a person: what is wrong and what would supply it. */
  readonly why: string;
}

/** The proof of a kind that counts: the last one recorded. A failed rehearsal is cured by a later one that passes, and the other way round. */
export function decidingProof(version: Pick<ModelVersion, "proofs">, kind: ProofKind): Proof | undefined {
  return version.proofs.findLast((proof) => proof.kind === kind);
}

/** Kinds that are neither waived nor last recorded as passed, in the order of `proofKinds`; empty when the version may go live. */
export function missingProofs(version: Pick<ModelVersion, "proofs" | "waivers">, kinds: readonly ProofKind[] = proofKinds): MissingProof[] {
  const missing: MissingProof[] = [];
  for (const kind of kinds) {
    if (version.waivers[kind] !== undefined) continue;
    const proof = decidingProof(version, kind);
    if (proof?.passed === true) continue;
    missing.push({ kind, why: proof === undefined ? `not recorded: ${suppliedBy[kind]}` : `failed (${proof.summary}): ${suppliedBy[kind]}` });
  }
  return missing;
}

/** Where a deployment's traffic goes, before it is written: revision, reason and time are the store's. */
export type Traffic = Pick<Deployment, "champion" | "challengers" | "shadows" | "previous" | "salt">;

export function withShadow(now: Traffic, version: number): Traffic {
  return { ...now, shadows: [...now.shadows, version] };
}

/** Versions that answer live requests leave shadow: they would otherwise be compared with themselves. */
export function withChallengers(now: Traffic, challengers: readonly Challenger[]): Traffic {
  return { ...now, challengers, shadows: now.shadows.filter((shadow) => !challengers.some(({ version }) => version === shadow)) };
}

/** The version out of shadow and A/B. */
export function without(now: Traffic, version: number): Traffic {
  return {
    ...now,
    challengers: now.challengers.filter((challenger) => challenger.version !== version),
    shadows: now.shadows.filter((shadow) => shadow !== version),
  };
}

/** Whoever was compared with the old champion stands down with it: that comparison says nothing about the new one. */
export function withChampion(model: string, now: Traffic | undefined, version: number): Traffic {
  return alone(model, version, now?.champion);
}

/** Champion and previous change places, so a rollback can itself be undone. Undefined when there is nothing to go back to. */
export function rolledBack(model: string, now: Traffic): Traffic | undefined {
  return now.previous === undefined ? undefined : alone(model, now.previous, now.champion);
}

function alone(model: string, champion: number, previous: number | undefined): Traffic {
  return { champion, challengers: [], shadows: [], salt: `${model}/${champion}`, ...(previous === undefined ? {} : { previous }) };
}

/** Versions that hold a challenger or shadow place, once each. */
export function candidatesOf(now: Traffic | undefined): number[] {
  return now === undefined ? [] : [...new Set([...now.challengers.map(({ version }) => version), ...now.shadows])];
}
