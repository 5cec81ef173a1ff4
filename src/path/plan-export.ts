import type { Micros } from "../kernel/clock.ts";
import { canonicalJson, type Canonical } from "../kernel/hashing.ts";
import { formatIso, MICROS_PER_DAY } from "../kernel/time.ts";
import type { Claim, Roadmap } from "./content/types.ts";
import { planProgress, type Plan, type PlanItem } from "./plan.ts";

const day = (us: Micros): string => formatIso(us).slice(0, 10);

/** "12 to 16 months", with where it stands. Figures are printed as claimed. */
function describeClaim(roadmap: Roadmap, claim: Claim): string {
  const source = roadmap.sources.find(({ id }) => id === claim.source)?.name ?? claim.source;
  const units: Readonly<Record<Claim["unit"], string>> = {
    "lakh-inr-a-year": " lakh a year",
    months: " months",
    roles: " roles",
    "percent-a-year": "% a year",
    percent: "%",
    milliseconds: " ms",
    "requests-a-second": " requests a second",
    share: "",
    count: "",
    none: "",
  };
  const range =
    claim.low === claim.high || claim.high === undefined
      ? `${claim.low ?? ""}`
      : claim.low === undefined
        ? `below ${claim.high}`
        : `${claim.low} to ${claim.high}`;
  const figure = claim.unit === "none" ? "" : `: ${range}${claim.openEnded === true ? "+" : ""}${units[claim.unit]}`;
  return `${claim.subject}${figure} (${source}, ${claim.place})`;
}

/** Everything that a plan rests on in words: its rules' claims, the timelines, the conflicts. */
export function planToMarkdown(roadmap: Roadmap, plan: Plan): string {
  const claims = new Map(roadmap.claims.map((claim) => [claim.id, claim]));
  const claimText = (id: string): string => {
    const claim = claims.get(id);
    return claim === undefined ? id : describeClaim(roadmap, claim);
  };
  const background = roadmap.backgrounds.find(({ id }) => id === plan.backgroundId);
  const progress = planProgress(plan);
  const lines = [
    `# Plan: ${background?.name ?? plan.backgroundId}`,
    "",
    `From ${day(plan.startUs)}, ${plan.hoursPerWeek} hours a week. No source says how many hours a week of the roadmap holds; this plan counts ${plan.hoursPerRoadmapWeek}.`,
    `Weeks and ownership end on ${day(plan.endUs - MICROS_PER_DAY)}. Blocks: ${progress.done} done, ${progress.planned} planned, ${progress.waived} waived with evidence, ${progress.unproven} skipped and unproven, which count neither way.`,
    "",
    "| From | To | What | How | Status |",
    "| --- | --- | --- | --- | --- |",
    ...plan.items.map(
      (item) =>
        `| ${item.fromUs === undefined ? "" : day(item.fromUs)} | ${item.toUs === undefined ? "" : day(item.toUs - MICROS_PER_DAY)} | ${cell(`${weeksOf(item)}${item.title}`)} | ${howOf(item)} | ${item.status} |`,
    ),
    "",
    "## Why",
    "",
  ];
  for (const item of plan.items) {
    const reasons = [
      item.claimId === undefined ? undefined : claimText(item.claimId),
      item.note,
      item.status === "skipped, unproven" ? "A skip is a claim: it stays unproven until its placement labs are passed." : undefined,
    ].filter((reason) => reason !== undefined);
    if (reasons.length > 0) lines.push(`* ${weeksOf(item)}${item.title}: ${reasons.join(" ")}`);
  }
  lines.push(
    "",
    "## How long the source says it takes",
    "",
    ...plan.timelineClaimIds.map((id) => `* ${claimText(id)}`),
    "",
    "## Where the source disagrees with itself",
    "",
  );
  const named = new Set([...plan.conflictIds, ...plan.items.flatMap((item) => item.conflictId ?? [])]);
  for (const conflict of roadmap.conflicts.filter(({ id }) => named.has(id)))
    lines.push(`* ${conflict.topic}: ${conflict.claimIds.map(claimText).join(" / ")}. ${conflict.note}`);
  return `${lines.join("\n")}\n`;
}

/** The plan with keys in a fixed order: the same plan is the same text. */
export function planToJson(plan: Plan): string {
  // A plan holds JSON values only; optional members are left out by the writer.
  return `${JSON.stringify(JSON.parse(canonicalJson(plan as unknown as Canonical)), null, 2)}\n`;
}

/**
 * All-day events, one an item with an end. Uids are the item's own, so that importing a newer plan moves events instead of doubling them.
 * @see RFC 5545: lines end in CRLF and fold at 75 octets; DTEND of a day is exclusive
 */
export function planToCalendar(plan: Plan, stampUs: Micros): string {
  const basic = (us: Micros): string => day(us).replaceAll("-", "");
  const stamp = formatIso(Math.floor(stampUs / 1_000_000) * 1_000_000).replaceAll(/[-:]/g, "");
  const events = plan.items.flatMap((item) =>
    item.fromUs === undefined || item.toUs === undefined
      ? []
      : [
          "BEGIN:VEVENT",
          `UID:${plan.backgroundId}-${item.id}@path.karkhana`,
          `DTSTAMP:${stamp}`,
          `DTSTART;VALUE=DATE:${basic(item.fromUs)}`,
          `DTEND;VALUE=DATE:${basic(item.toUs)}`,
          `SUMMARY:${escape(`${weeksOf(item)}${item.title}`)}`,
          `DESCRIPTION:${escape([howOf(item), item.status, item.note ?? ""].filter((part) => part !== "").join("; "))}`,
          "TRANSP:TRANSPARENT",
          "END:VEVENT",
        ],
  );
  return `${["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//karkhana//path//EN", "CALSCALE:GREGORIAN", ...events, "END:VCALENDAR"].map(fold).join("\r\n")}\r\n`;
}

function weeksOf(item: PlanItem): string {
  const weeks = /^weeks-(\d+)-(\d+)$/.exec(item.id);
  return item.kind !== "block" || weeks === null ? "" : `Weeks ${weeks[1]}-${weeks[2]}: `;
}

function howOf(item: PlanItem): string {
  if (item.kind === "ownership") return "own it";
  if (item.kind === "before") return "another role first";
  const offered = item.placementOffered && item.status !== "waived" && item.status !== "done" ? ", to be shown by a placement" : "";
  const hours = item.hours > 0 ? `, ${Math.round(item.hours)} h` : "";
  return `${item.action}${hours}${offered}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(";", "\\;").replaceAll(",", "\\,").replaceAll("\n", "\\n");
}

/** Folds at 75 octets without cutting a character in two. */
function fold(line: string): string {
  const parts: string[] = [];
  let part = "";
  let octets = 0;
  for (const character of line) {
    const size = new TextEncoder().encode(character).length;
    if (octets + size > 75) {
      parts.push(part);
      part = " ";
      octets = 1;
    }
    part += character;
    octets += size;
  }
  return [...parts, part].join("\r\n");
}
