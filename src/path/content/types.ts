/**
 * The roadmap as data. Every id is kebab-case and never changes once published: evidence points at ids, so a title, an order or a text may be
 * edited and what a person has proved stays theirs. An id that goes out of use is listed in `retiredIds` and never given to anything else.
 */

/** Who says it. The two documents behind the Path are named by kind and date; `karkhana` marks what this project adds or had to decide. */
export type SourceId = "source-a" | "source-b" | "karkhana";

export interface Source {
  readonly id: SourceId;
  readonly name: string;
  /** As precise as the source itself is. */
  readonly asOf: string;
  readonly note: string;
}

/** What a claim is about, which is also its unit: figures of different kinds are never set against each other. */
export type ClaimKind = "pay-band" | "pay-note" | "demand" | "timeline" | "figure" | "statement";
export type ClaimUnit =
  | "lakh-inr-a-year"
  | "months"
  | "roles"
  | "percent-a-year"
  | "percent"
  | "milliseconds"
  | "requests-a-second"
  | "share"
  | "count"
  | "none";

/** One figure or statement of one source, as it stands there. Low and high are the ends of what is claimed; nothing is averaged. */
export interface Claim {
  readonly id: string;
  readonly source: SourceId;
  readonly kind: ClaimKind;
  readonly subject: string;
  readonly unit: ClaimUnit;
  readonly low?: number;
  readonly high?: number;
  /** "or more": the source names no upper end. */
  readonly openEnded?: boolean;
  /** Years of experience the claim covers, where it gives them. */
  readonly years?: { readonly from: number; readonly to?: number };
  /** Where in the source. */
  readonly place: string;
  readonly note?: string;
  readonly rows: readonly number[];
}

/** Claims that do not agree, shown together. */
export interface Conflict {
  readonly id: string;
  readonly topic: string;
  readonly claimIds: readonly string[];
  readonly note: string;
  /** Where figures are between sources, or within one of them. */
  readonly kind: "between-sources" | "within-source";
}

/** How Karkhana treats a topic: built into it, driven or exchanged with from it, simulated as a lab, or explained only. */
export type Treatment = "built" | "driven" | "simulated" | "explained";

/** Where a topic is worked on. `planned` is honest: nothing in the program does it yet. */
export type Place =
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "page"; readonly page: string }
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "lab"; readonly lab: number }
  | { readonly kind: "planned" }
  | { readonly kind: "reading" };

export interface Topic {
  readonly id: string;
  readonly title: string;
  readonly area: string;
  readonly treatment: readonly [Treatment, ...Treatment[]];
  /** Where it is done today, first the best. `planned` and `reading` stand alone. */
  readonly places: readonly [Place, ...Place[]];
  /** One sentence: what must be true before a person may say they can do it. */
  readonly depth: string;
  /** Tools, models and methods that a source names under it and the title does not. */
  readonly names?: readonly string[];
  /** Topics to know first. */
  readonly after?: readonly string[];
  /** Labs of the lab list (1 to 46) that exercise it, whether or not they can be run yet. */
  readonly labs?: readonly number[];
  readonly rows: readonly number[];
}

export interface Area {
  readonly id: string;
  readonly title: string;
}

export type Provable = "full" | "partial" | "none";

export interface ExitCondition {
  readonly id: string;
  readonly text: string;
  readonly provable: Provable;
  /** Ids of predicates in `path/exits`; all must hold. */
  readonly predicateIds: readonly string[];
  /** What only a person can say. Shown grey. */
  readonly attestations: readonly { readonly id: string; readonly text: string }[];
}

export interface Stage {
  readonly id: string;
  readonly ordinal: number;
  readonly title: string;
  readonly purpose: string;
  /** Months of the roadmap's calendar, from the start; no end means open. */
  readonly months: { readonly from: number; readonly to?: number };
  readonly calendar: string;
  readonly blocks: readonly WeekBlock[];
  /** Topics of a stage that the source gives no weeks. */
  readonly topicIds: readonly string[];
  readonly exit: ExitCondition;
  readonly portfolio: readonly string[];
  readonly skills: readonly string[];
  readonly unlock: string;
  readonly unlockClaimIds: readonly string[];
  readonly rows: readonly number[];
}

export interface WeekBlock {
  readonly id: string;
  readonly fromWeek: number;
  readonly toWeek: number;
  readonly title: string;
  readonly topicIds: readonly string[];
  readonly rows: readonly number[];
}

export interface Track {
  readonly id: string;
  readonly letter: "A" | "B" | "C" | "D";
  readonly title: string;
  readonly bestFor: string;
  readonly employers: readonly string[];
  readonly goDeep: readonly string[];
  readonly topicIds: readonly string[];
  readonly bandClaimIds: readonly string[];
  readonly rows: readonly number[];
}

/** `skip`: the source says to leave it out. `partial`: a part that it does not name. */
export type RuleAction = "do" | "focus" | "partial" | "skip";

export interface PlanRule {
  readonly blockId: string;
  readonly action: RuleAction;
  /** The statement it comes from; none for `do`, which is what the roadmap says to everybody. */
  readonly claimId?: string;
  readonly conflictId?: string;
  /** Offered although no source says "skip": the person's strength lies here, and a placement lab may show it. */
  readonly offerPlacement?: boolean;
  readonly note?: string;
}

export interface Background {
  readonly id: string;
  readonly name: string;
  readonly experience: string;
  readonly strengths: string;
  readonly gaps: string;
  /** Careers that come before the first week, and how long a source gives them. */
  readonly before?: { readonly title: string; readonly claimId: string };
  readonly timelineClaimIds: readonly string[];
  readonly conflictIds: readonly string[];
  /** One for each week block, in the order in which they are to be worked. */
  readonly rules: readonly PlanRule[];
  readonly rows: readonly number[];
}

export interface InterviewRound {
  readonly id: string;
  readonly ordinal: number;
  readonly title: string;
  readonly minutes?: { readonly from: number; readonly to: number };
  readonly asks: readonly string[];
  readonly steps: readonly string[];
  readonly disqualifiers: readonly string[];
  readonly topicIds: readonly string[];
  readonly rows: readonly number[];
}

export interface Pitfall {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** What in a person's own records would show it. */
  readonly sign: string;
  readonly rows: readonly number[];
}

export interface EmployerSignal {
  readonly id: string;
  readonly rank: number;
  readonly title: string;
  readonly rows: readonly number[];
}

export interface Role {
  readonly id: string;
  readonly title: string;
  readonly asks: string;
  readonly delivers: string;
  readonly difference: string;
  readonly rows: readonly number[];
}

export interface Resource {
  readonly id: string;
  readonly kind: "book" | "course" | "blog" | "channel" | "repository" | "community";
  readonly title: string;
  readonly by: string;
  readonly mandatory: boolean;
  /** Order the source gives within the kind. */
  readonly rank: number;
  readonly note?: string;
  readonly blockIds: readonly string[];
  readonly rows: readonly number[];
}

export interface Employer {
  readonly id: string;
  readonly name: string;
  readonly sources: readonly SourceId[];
  readonly trackIds: readonly string[];
  readonly rows: readonly number[];
}

/** Degrees, routes, ladder, related careers, exams, what speaks for and against. */
export interface CareerNote {
  readonly id: string;
  readonly kind: "route" | "degree" | "ladder" | "related-career" | "exam" | "pro" | "con";
  readonly title: string;
  readonly source: SourceId;
  readonly note?: string;
  readonly rows: readonly number[];
}

export interface LeftOut {
  readonly row: number;
  readonly reason: string;
}

export interface Roadmap {
  readonly version: string;
  readonly sources: readonly Source[];
  readonly claims: readonly Claim[];
  readonly conflicts: readonly Conflict[];
  readonly areas: readonly Area[];
  readonly topics: readonly Topic[];
  readonly stages: readonly Stage[];
  readonly tracks: readonly Track[];
  readonly backgrounds: readonly Background[];
  readonly rounds: readonly InterviewRound[];
  readonly pitfalls: readonly Pitfall[];
  readonly signals: readonly EmployerSignal[];
  readonly roles: readonly Role[];
  readonly resources: readonly Resource[];
  readonly employers: readonly Employer[];
  readonly careers: readonly CareerNote[];
  readonly leftOut: readonly LeftOut[];
  /** Ids once published and no longer used, which nothing may take again. */
  readonly retiredIds: readonly string[];
}
