/** What `/api/v1/path` answers; the console imports these types and nothing else of the Path. Times are integer microseconds UTC by the machine's clock. */
import type { Roadmap } from "../path/content/types.ts";
import type { PitfallReading, SignalReading } from "../path/detectors/detector.ts";
import type { Grade, Question, Signal, StoredSheet } from "../path/drills/sheet.ts";
import type { EvidenceKind, Producer } from "../path/evidence/entry.ts";
import type { FoundRecord } from "../path/exits/predicate.ts";
import type { LoggedEvent } from "../path/incident-report.ts";
import type { LabDescription } from "../path/labs/catalogue.ts";
import type { Verdict } from "../path/labs/verdict.ts";
import type { Next } from "../path/next.ts";
import type { Plan, PlanItem } from "../path/plan.ts";
import type { SavedRequest } from "../path/plans.ts";

export type {
  FoundRecord,
  Grade,
  LabDescription,
  LoggedEvent,
  Next,
  PitfallReading,
  Plan,
  PlanItem,
  Question,
  Roadmap,
  SavedRequest,
  Signal,
  SignalReading,
  StoredSheet,
  Verdict,
};

export interface PathCondition {
  readonly predicateId: string;
  readonly version: number;
  readonly says: string;
  readonly proved: boolean;
  readonly found: readonly FoundRecord[];
  readonly missing: string | null;
  readonly command: string | null;
  /** Place on the chain, where it is kept. */
  readonly entry: number | null;
}

export interface PathStage {
  readonly stageId: string;
  readonly state: "proved" | "open" | "attested-only";
  readonly conditions: readonly PathCondition[];
  readonly attestations: readonly {
    readonly id: string;
    readonly text: string;
    readonly said: readonly { readonly byName: string; readonly statement: string; readonly entry: number }[];
  }[];
}

/** `proved`: all its labs passed. `waived`: skipped, and placement labs showed it. `claimed`: skipped, and nothing shows it. */
export type BlockState = "proved" | "waived" | "claimed" | "here" | "planned";

export interface PathBlock {
  readonly id: string;
  readonly state: BlockState;
  readonly isHere: boolean;
  readonly labs: readonly PathLab[];
  readonly placement: readonly number[];
}

export interface PathLab {
  readonly number: number;
  readonly title: string;
  readonly blockId: string;
  readonly minutes: number;
  readonly passed: boolean;
}

export interface EvidenceLine {
  readonly sequence: number;
  readonly atUs: number;
  readonly kind: EvidenceKind;
  readonly subject: string;
  readonly producedBy: Producer;
  readonly says: string;
  readonly hash: string;
}

export interface PathPlan {
  readonly createdUs: number;
  readonly request: SavedRequest;
  readonly plan: Plan;
  readonly progress: { readonly done: number; readonly planned: number; readonly waived: number; readonly unproven: number };
  readonly currentId: string | null;
}

export interface PathOverview {
  readonly nowUs: number;
  readonly roadmapVersion: string;
  readonly stages: readonly PathStage[];
  readonly blocks: readonly PathBlock[];
  readonly plan: PathPlan | null;
  readonly next: Next;
  readonly pitfalls: readonly PitfallReading[];
  readonly signals: readonly SignalReading[];
  /** Newest first. */
  readonly evidence: readonly EvidenceLine[];
  readonly chain: { readonly entries: number; readonly head: string; readonly problems: readonly { readonly sequence: number; readonly problem: string }[] };
  /** Conditions that hold and are not on the chain yet. */
  readonly unkept: number;
  readonly attestable: readonly { readonly id: string; readonly text: string }[];
}

export interface LabPage extends LabDescription {
  readonly passed: boolean;
  /** Place of the pass on the chain. */
  readonly kept: number | null;
}

export interface GradedLab {
  readonly verdict: Verdict;
  readonly added: readonly EvidenceLine[];
}

export interface AnsweredSheet {
  readonly sheet: StoredSheet;
  readonly entry: EvidenceLine;
}
