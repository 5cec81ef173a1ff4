import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { proofKinds, versionStates, type Proof, type ProofKind } from "./port.ts";
import {
  candidatesOf,
  missingProofs,
  rolledBack,
  stateAfter,
  withChallengers,
  withChampion,
  without,
  withShadow,
  type PromotionStep,
  type Traffic,
} from "./promotion.ts";
import { countBuckets } from "../math/buckets.ts";
import { withShares } from "./traffic.ts";

function proof(kind: ProofKind, passed: boolean, summary = "figures"): Proof {
  return { kind, passed, summary, details: {}, recordedUs: 1, hash: "h" };
}

/** Every record a kind can have: what was recorded of it, in order, and whether it is waived. */
const histories: readonly (readonly boolean[])[] = [[], [true], [false], [false, true], [true, false]];
const cases = histories.flatMap((history) => [false, true].map((waived) => ({ history, waived })));

describe("proofs a version owes", () => {
  it("each of the 100,000 ways five kinds can be recorded and waived: a kind is missing unless waived or last recorded as passed", () => {
    const wrong: string[] = [];
    let seen = 0;
    for (let code = 0; code < cases.length ** proofKinds.length; code++) {
      let rest = code;
      const chosen = proofKinds.map((kind) => {
        const found = cases[rest % cases.length]!;
        rest = Math.floor(rest / cases.length);
        return { kind, ...found };
      });
      const version = {
        proofs: chosen.flatMap(({ kind, history }) => history.map((passed) => proof(kind, passed))),
        waivers: Object.fromEntries(chosen.filter((c) => c.waived).map((c) => [c.kind, "reason"])),
      };
      const missing = missingProofs(version).map((m) => m.kind);
      const owed = chosen.filter((c) => !c.waived && c.history.at(-1) !== true).map((c) => c.kind);
      if (missing.join() !== owed.join()) wrong.push(`${JSON.stringify(chosen)} gives ${missing.join()}`);
      seen++;
    }
    expect(wrong).toEqual([]);
    expect(seen).toBe(100_000);
  });

  it("say whether each is absent or failed, with the figures, and what would supply it", () => {
    const missing = missingProofs({ proofs: [proof("ab", false, "log loss 0.51 against 0.49")], waivers: { monitors: "none yet" } });
    expect(missing.map((m) => m.kind)).toEqual(["offline-evaluation", "shadow", "ab", "rollback"]);
    const why = Object.fromEntries(missing.map((m) => [m.kind, m.why]));
    expect(why["ab"]).toMatch(/^failed \(log loss 0\.51 against 0\.49\): let it answer a share of live requests/);
    for (const kind of ["offline-evaluation", "shadow", "rollback"]) expect(why[kind]).toMatch(/^not recorded: \w+/);
    expect(new Set(missing.map((m) => m.why)).size).toBe(4);
  });

  it("can be asked of some kinds only", () => {
    expect(missingProofs({ proofs: [proof("shadow", true)], waivers: {} }, ["shadow"])).toEqual([]);
    expect(missingProofs({ proofs: [], waivers: {} }, ["shadow"]).map((m) => m.kind)).toEqual(["shadow"]);
  });
});

describe("states of a version", () => {
  it("are left only by the steps drawn", () => {
    const steps: readonly PromotionStep[] = ["startShadow", "startAb", "standDown", "promote", "refuse"];
    const table = Object.fromEntries(versionStates.map((state) => [state, Object.fromEntries(steps.map((step) => [step, stateAfter(state, step) ?? "-"]))]));
    expect(table).toEqual({
      registered: { startShadow: "shadow", startAb: "ab", standDown: "registered", promote: "champion", refuse: "refused" },
      shadow: { startShadow: "shadow", startAb: "ab", standDown: "registered", promote: "champion", refuse: "refused" },
      ab: { startShadow: "-", startAb: "ab", standDown: "registered", promote: "champion", refuse: "refused" },
      champion: { startShadow: "-", startAb: "-", standDown: "-", promote: "champion", refuse: "-" },
      retired: { startShadow: "-", startAb: "-", standDown: "-", promote: "champion", refuse: "-" },
      refused: { startShadow: "-", startAb: "-", standDown: "-", promote: "-", refuse: "refused" },
    });
  });
});

describe("traffic", () => {
  it("never holds one version in two places, nor a share without a challenger, whatever steps follow one another", () => {
    const version = fc.integer({ min: 1, max: 6 });
    const step = fc.oneof(
      fc.record({ step: fc.constantFrom("shadow", "challenger", "without", "champion") as fc.Arbitrary<string>, version }),
      fc.constant({ step: "rollback", version: 0 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let now: Traffic = { champion: 1, challengers: [], shadows: [], salt: "m/1" };
        for (const s of steps) {
          // The store lets no version that is in traffic, or was champion last, enter another place; the state machine sees to that.
          const used = [now.champion, now.previous, ...candidatesOf(now)];
          if (s.step === "shadow" && !used.includes(s.version)) now = withShadow(now, s.version);
          if (s.step === "challenger" && (!used.includes(s.version) || now.shadows.includes(s.version)))
            now = withChallengers(now, withShares(now.challengers, [...now.challengers, { version: s.version, share: 0.1 }], now.salt));
          if (s.step === "without") now = without(now, s.version);
          if (s.step === "champion" && s.version !== now.champion) now = withChampion("m", now, s.version);
          if (s.step === "rollback") now = rolledBack("m", now) ?? now;
          const candidates = [...now.challengers.map(({ version }) => version), ...now.shadows];
          const places = [now.champion, now.previous, ...candidates].filter((v) => v !== undefined);
          expect(new Set(places).size).toBe(places.length);
          expect(now.challengers.every(({ share, buckets }) => share === 0.1 && countBuckets(buckets) === 1000)).toBe(true);
          expect(candidatesOf(now)).toEqual(candidates);
          expect(now.salt).toBe(`m/${now.champion}`);
        }
      }),
    );
  });

  it("goes back to the champion before, twice being where it was", () => {
    const now: Traffic = { champion: 3, previous: 2, challengers: [{ version: 4, share: 0.2, buckets: [[0, 2000]] }], shadows: [5], salt: "m/3" };
    const alone = { challengers: [], shadows: [] };
    expect(rolledBack("m", now)).toEqual({ champion: 2, previous: 3, ...alone, salt: "m/2" });
    expect(rolledBack("m", rolledBack("m", now)!)).toEqual({ champion: 3, previous: 2, ...alone, salt: "m/3" });
    expect(rolledBack("m", { champion: 3, ...alone, salt: "m/3" })).toBeUndefined();
  });
});
