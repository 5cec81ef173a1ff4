import type { Claim, Conflict, Roadmap, Stage } from "./types.ts";

/** One thing wrong with the content, and where. */
export interface ContentProblem {
  readonly place: string;
  readonly problem: string;
}

const idForm = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const inventorySize = 130;

/** Everything wrong with the roadmap, not just the first: whoever edits content gets one list to work through. Empty if it is sound. */
export function contentProblems(roadmap: Roadmap): ContentProblem[] {
  const problems: ContentProblem[] = [];
  const report = (place: string, problem: string): void => void problems.push({ place, problem });
  checkIds(roadmap, report);
  checkTexts(roadmap, report);
  checkReferences(roadmap, report);
  checkPrerequisites(roadmap, report);
  for (const claim of roadmap.claims) checkClaim(claim, report);
  for (const conflict of roadmap.conflicts) checkConflict(roadmap, conflict, report);
  checkCalendar(roadmap.stages, report);
  checkBackgrounds(roadmap, report);
  checkOrders(roadmap, report);
  checkRows(roadmap, report);
  return problems;
}

type Report = (place: string, problem: string) => void;

/** Everything with an id, under the name of its list. */
function named(roadmap: Roadmap): { readonly place: string; readonly id: string; readonly rows: readonly number[] }[] {
  const list = (name: string, items: readonly { readonly id: string; readonly rows?: readonly number[] }[]) =>
    items.map(({ id, rows = [] }) => ({ place: `${name} ${id}`, id, rows }));
  return [
    ...list("source", roadmap.sources),
    ...list("claim", roadmap.claims),
    ...list("conflict", roadmap.conflicts),
    ...list(
      "area",
      roadmap.areas.map(({ id }) => ({ id: `area-${id}` })),
    ),
    ...list("topic", roadmap.topics),
    ...list("stage", roadmap.stages),
    ...list("block", blocksOf(roadmap)),
    ...list(
      "exit",
      roadmap.stages.map((stage) => stage.exit),
    ),
    ...list(
      "attestation",
      roadmap.stages.flatMap((stage) => stage.exit.attestations),
    ),
    ...list("track", roadmap.tracks),
    ...list("background", roadmap.backgrounds),
    ...list("round", roadmap.rounds),
    ...list("pitfall", roadmap.pitfalls),
    ...list("signal", roadmap.signals),
    ...list("role", roadmap.roles),
    ...list("resource", roadmap.resources),
    ...list("employer", roadmap.employers),
    ...list("career", roadmap.careers),
  ];
}

function blocksOf(roadmap: Roadmap) {
  return roadmap.stages.flatMap((stage) => stage.blocks);
}

/** Rows of the inventory that some item makes present. */
export function rowsPresent(roadmap: Roadmap): ReadonlySet<number> {
  return new Set(named(roadmap).flatMap(({ rows }) => rows));
}

function checkIds(roadmap: Roadmap, report: Report): void {
  const seen = new Map<string, string>();
  for (const { place, id } of named(roadmap)) {
    if (!idForm.test(id)) report(place, `id "${id}" is not lower-case words joined by hyphens`);
    const other = seen.get(id);
    if (other !== undefined) report(place, `id is already taken by ${other}`);
    else seen.set(id, place);
    if (roadmap.retiredIds.includes(id)) report(place, "id is retired: evidence may still point at what it meant");
  }
}

function checkTexts(roadmap: Roadmap, report: Report): void {
  const visit = (value: unknown, place: string): void => {
    if (typeof value === "string") {
      if (value.trim() === "" || value !== value.trim()) report(place, value.trim() === "" ? "text is empty" : "text begins or ends with a space");
    } else if (typeof value === "number") {
      if (!Number.isFinite(value)) report(place, "is not a finite number");
    } else if (Array.isArray(value)) {
      value.forEach((item, i) => visit(item, `${place}[${i}]`));
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) visit(item, place === "" ? key : `${place}.${key}`);
    }
  };
  visit(roadmap, "");
}

function checkReferences(roadmap: Roadmap, report: Report): void {
  const ids = (items: readonly { readonly id: string }[]): ReadonlySet<string> => new Set(items.map(({ id }) => id));
  const known = {
    source: ids(roadmap.sources),
    claim: ids(roadmap.claims),
    conflict: ids(roadmap.conflicts),
    area: ids(roadmap.areas),
    topic: ids(roadmap.topics),
    block: ids(blocksOf(roadmap)),
    track: ids(roadmap.tracks),
    employer: ids(roadmap.employers),
  };
  const need = (kind: keyof typeof known, place: string, wanted: readonly (string | undefined)[]): void => {
    for (const id of wanted) if (id !== undefined && !known[kind].has(id)) report(place, `names ${kind} "${id}", which does not exist`);
  };
  for (const claim of roadmap.claims) need("source", `claim ${claim.id}`, [claim.source]);
  for (const conflict of roadmap.conflicts) need("claim", `conflict ${conflict.id}`, conflict.claimIds);
  for (const topic of roadmap.topics) {
    need("area", `topic ${topic.id}`, [topic.area]);
    need("topic", `topic ${topic.id}`, topic.after ?? []);
    for (const lab of topic.labs ?? [])
      if (!Number.isInteger(lab) || lab < 1 || lab > 46) report(`topic ${topic.id}`, `names lab ${lab}; the list has 1 to 46`);
    if (topic.places.some((place) => place.kind === "reading") && !topic.treatment.includes("explained"))
      report(`topic ${topic.id}`, "can only be read about, yet is not marked as explained");
  }
  for (const stage of roadmap.stages) {
    need("topic", `stage ${stage.id}`, stage.topicIds);
    need("claim", `stage ${stage.id}`, stage.unlockClaimIds);
    for (const block of stage.blocks) need("topic", `block ${block.id}`, block.topicIds);
  }
  for (const track of roadmap.tracks) {
    need("topic", `track ${track.id}`, track.topicIds);
    need("employer", `track ${track.id}`, track.employers);
    need("claim", `track ${track.id}`, track.bandClaimIds);
  }
  for (const background of roadmap.backgrounds) {
    const place = `background ${background.id}`;
    need("claim", place, [...background.timelineClaimIds, background.before?.claimId, ...background.rules.map((rule) => rule.claimId)]);
    need("conflict", place, [...background.conflictIds, ...background.rules.map((rule) => rule.conflictId)]);
    need(
      "block",
      place,
      background.rules.map((rule) => rule.blockId),
    );
  }
  for (const round of roadmap.rounds) need("topic", `round ${round.id}`, round.topicIds);
  for (const resource of roadmap.resources) need("block", `resource ${resource.id}`, resource.blockIds);
  for (const employer of roadmap.employers) {
    need("source", `employer ${employer.id}`, employer.sources);
    need("track", `employer ${employer.id}`, employer.trackIds);
    for (const track of roadmap.tracks)
      if (track.employers.includes(employer.id) !== employer.trackIds.includes(track.id))
        report(`employer ${employer.id}`, `and track ${track.id} disagree on whether they belong together`);
  }
  for (const career of roadmap.careers) need("source", `career ${career.id}`, [career.source]);
  const used = new Set([
    ...roadmap.stages.flatMap((s) => [...s.topicIds, ...s.blocks.flatMap((b) => b.topicIds)]),
    ...roadmap.tracks.flatMap((t) => t.topicIds),
  ]);
  for (const topic of roadmap.topics) if (!used.has(topic.id)) report(`topic ${topic.id}`, "belongs to no stage, block or track, so nobody would meet it");
}

function checkPrerequisites(roadmap: Roadmap, report: Report): void {
  const after = new Map(roadmap.topics.map((topic) => [topic.id, topic.after ?? []]));
  const state = new Map<string, "open" | "done">();
  const visit = (id: string, path: readonly string[]): void => {
    if (state.get(id) === "open") return report(`topic ${id}`, `comes after itself: ${[...path.slice(path.indexOf(id)), id].join(" after ")}`);
    if (state.has(id)) return;
    state.set(id, "open");
    for (const next of after.get(id) ?? []) visit(next, [...path, id]);
    state.set(id, "done");
  };
  for (const id of after.keys()) visit(id, []);
}

const unitsOf: Readonly<Record<Claim["kind"], readonly Claim["unit"][]>> = {
  "pay-band": ["lakh-inr-a-year"],
  "pay-note": ["lakh-inr-a-year", "none"],
  demand: ["roles", "percent-a-year", "percent"],
  timeline: ["months"],
  figure: ["milliseconds", "requests-a-second", "share", "count"],
  statement: ["none"],
};

function checkClaim(claim: Claim, report: Report): void {
  const place = `claim ${claim.id}`;
  if (!unitsOf[claim.kind].includes(claim.unit)) report(place, `a ${claim.kind} cannot be in ${claim.unit}`);
  const { low, high } = claim;
  if (claim.unit === "none" && (low !== undefined || high !== undefined)) report(place, "has a figure without a unit");
  if (claim.unit !== "none" && low === undefined && high === undefined) report(place, "has a unit without a figure");
  if (low !== undefined && high !== undefined && low > high) report(place, `ends at ${high}, below its start ${low}`);
  if (high === undefined && low !== undefined && claim.openEnded !== true) report(place, "has no upper end, yet is not marked as open");
  if (claim.years?.to !== undefined && claim.years.to <= claim.years.from) report(place, "covers no years");
}

function checkConflict(roadmap: Roadmap, conflict: Conflict, report: Report): void {
  const place = `conflict ${conflict.id}`;
  if (new Set(conflict.claimIds).size < 2) report(place, "needs two claims that disagree");
  const sources = new Set(roadmap.claims.filter((claim) => conflict.claimIds.includes(claim.id)).map((claim) => claim.source));
  if (conflict.kind === "between-sources" && sources.size < 2) report(place, "is said to be between sources, yet all its claims are of one");
  if (conflict.kind === "within-source" && sources.size > 1) report(place, "is said to be within one source, yet its claims are of several");
}

function checkCalendar(stages: readonly Stage[], report: Report): void {
  let week = 0;
  stages.forEach((stage, i) => {
    if (stage.ordinal !== i + 1) report(`stage ${stage.id}`, `has number ${stage.ordinal} in place ${i + 1}`);
    if (stage.months.to !== undefined && stage.months.to <= stage.months.from) report(`stage ${stage.id}`, "ends before it begins");
    for (const block of stage.blocks) {
      if (block.fromWeek !== week + 1) report(`block ${block.id}`, `begins with week ${block.fromWeek}; week ${week + 1} is next`);
      if (block.toWeek < block.fromWeek) report(`block ${block.id}`, "ends before it begins");
      if (block.id !== `weeks-${block.fromWeek}-${block.toWeek}`) report(`block ${block.id}`, "does not bear its weeks in its id");
      week = block.toWeek;
    }
    if (stage.exit.provable !== "none" && stage.exit.predicateIds.length + stage.exit.attestations.length === 0)
      report(`stage ${stage.id}`, "has an exit that nothing shows");
    if (stage.exit.provable === "full" && stage.exit.predicateIds.length === 0) report(`stage ${stage.id}`, "is said to be provable, yet has no predicate");
    if (stage.exit.provable === "none" && stage.exit.predicateIds.length > 0) report(`stage ${stage.id}`, "is said not to be provable, yet has predicates");
  });
}

function checkBackgrounds(roadmap: Roadmap, report: Report): void {
  const blocks = blocksOf(roadmap).map(({ id }) => id);
  for (const background of roadmap.backgrounds) {
    const place = `background ${background.id}`;
    for (const block of blocks) {
      const count = background.rules.filter((rule) => rule.blockId === block).length;
      if (count !== 1) report(place, `has ${count === 0 ? "no rule" : `${count} rules`} for ${block}`);
    }
    for (const rule of background.rules) {
      if (rule.action !== "do" && rule.claimId === undefined) report(place, `${rule.action} of ${rule.blockId} names no claim: a source must say it`);
      if (rule.offerPlacement === true && rule.action !== "do") report(place, `offers a placement for ${rule.blockId}, which a source already judges`);
    }
  }
}

function checkOrders(roadmap: Roadmap, report: Report): void {
  const dense = (name: string, numbers: readonly number[]): void => {
    if (numbers.some((n, i) => n !== i + 1)) report(name, `are numbered ${numbers.join(", ")}, not from 1 without gaps`);
  };
  dense(
    "rounds",
    roadmap.rounds.map((round) => round.ordinal),
  );
  dense(
    "signals",
    roadmap.signals.map((signal) => signal.rank),
  );
  for (const kind of new Set(roadmap.resources.map((r) => r.kind)))
    dense(
      `resources of kind ${kind}`,
      roadmap.resources.filter((r) => r.kind === kind).map((r) => r.rank),
    );
}

function checkRows(roadmap: Roadmap, report: Report): void {
  for (const { place, rows } of named(roadmap))
    for (const row of rows)
      if (!Number.isInteger(row) || row < 1 || row > inventorySize) report(place, `names inventory row ${row}; there are 1 to ${inventorySize}`);
  const present = rowsPresent(roadmap);
  for (const { row, reason } of roadmap.leftOut) {
    if (present.has(row)) report(`left out ${row}`, "is present after all");
    if (reason.length < 20) report(`left out ${row}`, "gives no reason worth the name");
  }
  const leftOut = new Set(roadmap.leftOut.map(({ row }) => row));
  for (let row = 1; row <= inventorySize; row++)
    if (!present.has(row) && !leftOut.has(row)) report(`inventory row ${row}`, "is neither present nor left out with a reason");
}
