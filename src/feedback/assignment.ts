import { hash32 } from "../kernel/rng.ts";

export type Arm = "champion" | "challenger";

/** One experiment's salt. Whoever assigns, and whoever wants to know who will be assigned, takes it from here. */
export function assignmentSalt(model: string, challenger: number): string {
  return `${model}/${challenger}`;
}

/**
 * Which arm answers a request: sticky, since it is a function of the id alone, and independent of every other experiment with another salt.
 * Raising the share moves ids from champion to challenger and none the other way.
 * @param abShare share of ids the challenger answers, 0 to 1
 * @param salt    `assignmentSalt` of the experiment: with one salt for all, the same ids would always be the guinea pigs
 */
export function armOf(id: string, abShare: number, salt: string): Arm {
  return hash32(id, hash32(salt)) < abShare * 4_294_967_296 ? "challenger" : "champion";
}
