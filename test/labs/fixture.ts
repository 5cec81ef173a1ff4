/** A wrong solution: a right one with one text replaced, and the case that must notice on every seed. */
export interface Mutant {
  readonly name: string;
  /** File of the right solution. */
  readonly of: string;
  readonly from: string;
  readonly to: string;
  readonly killedBy: string;
}
