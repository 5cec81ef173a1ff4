import { canonicalJson, sha256, type Canonical } from "../kernel/hashing.ts";
import type { Proof } from "./port.ts";

/**
 * Details of a proof as JSON can say them: NaN and the infinities become their names (as on MLflow's wire) rather than a silent null,
 * `undefined` members are left out. What is hashed is what is stored.
 */
export function proofDetails(details: Readonly<Record<string, unknown>>): string {
  const plain: Canonical = JSON.parse(
    JSON.stringify(details, (_key, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value)),
  );
  return canonicalJson(plain);
}

/** Identity of a proof's content; the time it was recorded is not part of it, so that a repeated call is recognised. */
export function proofHash(proof: Pick<Proof, "kind" | "passed" | "summary">, details: string): string {
  const { kind, passed, summary } = proof;
  return sha256(`${canonicalJson({ kind, passed, summary })}\n${details}`);
}
