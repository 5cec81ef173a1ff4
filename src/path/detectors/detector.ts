import type { FoundRecord } from "../exits/predicate.ts";
import type { PathRecords } from "../exits/records.ts";
import type { Plan } from "../plan.ts";

/** What detectors look at: the platform's records, and the plan in force where there is one. */
export interface Seen {
  readonly records: PathRecords;
  readonly plan?: Plan;
}

export interface PitfallReading {
  readonly pitfallId: string;
  /** `fallen`: the records show it. `clear`: the records show the opposite. `cannot-tell`: they show neither yet. */
  readonly state: "fallen" | "clear" | "cannot-tell";
  readonly says: string;
  readonly found: readonly FoundRecord[];
  /** What would get a person out of it, or would let it be told. */
  readonly command: string | null;
}

export interface SignalReading {
  readonly signalId: string;
  /** `shown`: by records or graders. `part`: some of it. `claimed`: a person's word. `nothing`: none of these. */
  readonly state: "shown" | "part" | "claimed" | "nothing";
  readonly says: string;
  readonly found: readonly FoundRecord[];
}
