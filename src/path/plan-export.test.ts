import { describe, expect, test } from "vitest";
import { parseIso } from "../kernel/time.ts";
import { roadmap } from "./content/roadmap.ts";
import { planToCalendar, planToJson, planToMarkdown } from "./plan-export.ts";
import { createPlan } from "./plan.ts";

const startUs = parseIso("2027-01-04");
const plan = createPlan(roadmap, { backgroundId: "software-engineer", trackId: "track-d", startUs, hoursPerWeek: 10 });

describe("a plan as Markdown", () => {
  const text = planToMarkdown(roadmap, plan);

  test("has a row for every item and says what it assumes", () => {
    expect(text.split("\n").filter((line) => line.startsWith("| ")).length).toBe(plan.items.length + 2);
    expect(text).toContain("No source says how many hours a week of the roadmap holds; this plan counts 15.");
    expect(text).toContain("track D, MLOps and platforms");
  });

  test("shows both figures where the source disagrees with itself, and no figure between them", () => {
    expect(text).toContain("12 to 16 months (Source A (roadmap, May 2026), lateral entry)");
    expect(text).toContain("18 to 24 months (Source A (roadmap, May 2026), page header)");
    expect(text).not.toMatch(/average|midpoint|1[57] to|14 to 20/);
  });

  test("says of each skip that it is unproven", () => {
    expect(text.match(/skipped, unproven \|/g)).toHaveLength(2);
  });
});

describe("a plan as JSON", () => {
  test("comes back as the plan it was", () => {
    expect(JSON.parse(planToJson(plan))).toEqual(plan);
  });
});

describe("a plan as iCalendar", () => {
  const text = planToCalendar(plan, parseIso("2026-11-22T05:00:00Z"));
  const lines = text.split("\r\n");

  test("has one all-day event for every item with an end, ending on the day after its last", () => {
    const dated = plan.items.filter((item) => item.toUs !== undefined);
    expect(lines.filter((line) => line === "BEGIN:VEVENT")).toHaveLength(dated.length);
    expect(dated.length).toBeGreaterThan(5);
    expect(lines).toContain("DTSTART;VALUE=DATE:20270104");
    expect(lines).toContain("DTEND;VALUE=DATE:20270215");
    expect(lines).toContain("DTSTAMP:20261122T050000Z");
  });

  test("keeps to RFC 5545: CRLF, 75 octets a line, escaped text, uids of their own", () => {
    expect(text.endsWith("END:VCALENDAR\r\n")).toBe(true);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(lines.filter((line) => new TextEncoder().encode(line).length > 75)).toEqual([]);
    expect(text.replaceAll("\r\n ", "")).toContain("SUMMARY:Weeks 4-7: Mathematics\\, to the depth that is asked");
    const uids = lines.filter((line) => line.startsWith("UID:"));
    expect(new Set(uids).size).toBe(uids.length);
  });

  test("an item keeps its uid when the dates move, so that a newer plan replaces an older one", () => {
    const uids = (of: string): string[] => of.split("\r\n").filter((line) => line.startsWith("UID:"));
    const moved = createPlan(roadmap, { backgroundId: "software-engineer", startUs: parseIso("2028-01-03"), hoursPerWeek: 5 });
    expect(uids(planToCalendar(moved, 0))).toEqual(uids(text));
  });

  test("a character of several octets is never cut at a fold", () => {
    const long = { ...plan, items: plan.items.map((item) => ({ ...item, title: "शिष्य".repeat(40) })) };
    const folded = planToCalendar(long, 0);
    expect(folded.split("\r\n").filter((line) => new TextEncoder().encode(line).length > 75)).toEqual([]);
    expect(folded.replaceAll("\r\n ", "")).toContain("शिष्य".repeat(40));
  });
});
