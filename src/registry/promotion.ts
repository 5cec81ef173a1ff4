import { proofKinds, type Deployment, type ModelVersion, type Proof, type ProofKind, type VersionState } from "./port.ts";

/*
 * Life of a model version. One deployment a model has one champion and at most one challenger and one shadow.
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
export type Traffic = Pick<Deployment, "champion" | "challenger" | "shadow" | "previous" | "abShare">;

export function withShadow(now: Traffic, version: number): Traffic {
  return { ...now, shadow: version };
}

/** A version that enters A/B leaves shadow: it would otherwise be compared with itself. */
export function withChallenger(now: Traffic, version: number, abShare: number): Traffic {
  return { ...without(now, version), challenger: version, abShare };
}

/** The version out of shadow and A/B. With no challenger the share is 0, so that a reader need not look at two fields. */
export function without(now: Traffic, version: number): Traffic {
  const { challenger, shadow, ...rest } = now;
  return {
    ...rest,
    ...(challenger !== undefined && challenger !== version ? { challenger } : { abShare: 0 }),
    ...(shadow !== undefined && shadow !== version ? { shadow } : {}),
  };
}

/** Whoever was compared with the old champion stands down with it: that comparison says nothing about the new one. */
export function withChampion(now: Traffic | undefined, version: number): Traffic {
  return { champion: version, abShare: 0, ...(now === undefined ? {} : { previous: now.champion }) };
}

/** Champion and previous change places, so a rollback can itself be undone. Undefined when there is nothing to go back to. */
export function rolledBack(now: Traffic): Traffic | undefined {
  return now.previous === undefined ? undefined : { champion: now.previous, previous: now.champion, abShare: 0 };
}

/** Versions that hold a challenger or shadow place, once each. */
export function candidatesOf(now: Traffic | undefined): number[] {
  const places = [now?.challenger, now?.shadow].filter((v) => v !== undefined);
  return [...new Set(places)];
}
