import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { predicates } from "../exits/predicates.ts";
import { labs } from "../labs/catalogue.ts";
import { roadmap } from "./roadmap.ts";
import type { Claim, Roadmap, Topic } from "./types.ts";
import { contentProblems, rowsPresent } from "./validate.ts";

const root = join(import.meta.dirname, "../../..");
const inventory = JSON.parse(readFileSync(join(import.meta.dirname, "inventory.json"), "utf8")) as { row: number; title: string }[];

describe("the roadmap's content", () => {
  test("has no problem", () => {
    expect(contentProblems(roadmap)).toEqual([]);
  });

  test("every one of the 130 inventory rows is present or left out with a reason", () => {
    expect(inventory.map(({ row }) => row)).toEqual(Array.from({ length: 130 }, (_, i) => i + 1));
    const present = rowsPresent(roadmap);
    const leftOut = new Map(roadmap.leftOut.map(({ row, reason }) => [row, reason]));
    expect(inventory.filter(({ row }) => !present.has(row) && (leftOut.get(row) ?? "") === "").map(({ row, title }) => `${row} ${title}`)).toEqual([]);
  });

  test("every name in the inventory is named in the content, in that form or a longer one", () => {
    // What the inventory shortens and the content writes out.
    const writtenOut: Readonly<Record<string, string>> = {
      DSA: "algorithms",
      MSR: "Microsoft Research",
      DS: "data scientist",
      CI: "CI/CD",
      SWE: "software engineer",
      ML: "machine learning",
    };
    const words = /^(?:Diagnose|Source|Complete|Full|Blogs|Communities|Video|Employers|R[1-5]|Build|Each)$/;
    const content = JSON.stringify(roadmap).toLowerCase();
    const names = inventory.flatMap(({ row, title }) =>
      (title.match(/[A-Z][A-Za-z0-9&.]*[A-Z0-9][A-Za-z0-9]*|[A-Z][a-zé]{2,}/g) ?? []).filter((name) => !words.test(name)).map((name) => ({ row, name })),
    );
    expect(names.length).toBeGreaterThan(200);
    expect(names.filter(({ name }) => !content.includes((writtenOut[name] ?? name).toLowerCase())).map(({ row, name }) => `${row} ${name}`)).toEqual([]);
  });

  test("holds what the stages, weeks, tracks, rounds, pitfalls and signals count to", () => {
    expect(roadmap.stages.map(({ months }) => [months.from, months.to])).toEqual([
      [0, 4],
      [4, 10],
      [10, 18],
      [12, 36],
      [36, undefined],
    ]);
    expect(roadmap.stages.flatMap(({ blocks }) => blocks.map((b) => `${b.fromWeek}-${b.toWeek}`))).toEqual([
      "1-3",
      "4-7",
      "8-11",
      "12-16",
      "17-20",
      "21-26",
      "27-31",
      "32-36",
      "37-41",
      "42-47",
    ]);
    expect([
      roadmap.tracks.length,
      roadmap.roles.length,
      roadmap.rounds.length,
      roadmap.pitfalls.length,
      roadmap.signals.length,
      roadmap.backgrounds.length,
    ]).toEqual([4, 4, 5, 8, 7, 6]);
    expect(
      Object.fromEntries(
        ["book", "course", "blog", "channel", "repository", "community"].map((kind) => [kind, roadmap.resources.filter((r) => r.kind === kind).length]),
      ),
    ).toEqual({ book: 5, course: 5, blog: 5, channel: 4, repository: 5, community: 4 });
    expect(roadmap.rounds[2]!.steps).toHaveLength(8);
  });

  test("every disagreement found in the sources is there as a conflict", () => {
    expect(roadmap.conflicts.map(({ id }) => id.replace("conflict-", "")).sort()).toEqual(
      [
        [
          "entry-pay",
          "middle-pay",
          "senior-pay",
          "pay-header",
          "senior-unlock",
          "specialist-floor",
          "pay-direction",
          "demand",
          "degree",
          "frameworks",
          "reading-list",
        ],
        ["engineer-time", "engineer-skips", "scientist-order", "scientist-time", "ai-engineer-time", "non-tech-time", "non-tech-steps"],
        ["weeks-and-months", "stage-4-start", "first-rejection"],
      ]
        .flat()
        .sort(),
    );
  });

  test("every command, page and file that a topic sends people to exists", () => {
    const commands = readFileSync(join(root, "src/cli/main.ts"), "utf8");
    const routes = readFileSync(join(root, "console/src/router.tsx"), "utf8");
    const wrong = roadmap.topics.flatMap((topic) =>
      topic.places
        .filter((place) => {
          if (place.kind === "command") {
            const [program, name] = place.command.split(" ");
            return program !== "karkhana" || !(name === "help" || commands.includes(`\n  ${name}: async`));
          }
          if (place.kind === "page") return !routes.includes(`path: "${place.page}"`);
          if (place.kind === "lab") return !labs.some(({ number }) => number === place.lab);
          return place.kind === "file" && !existsSync(join(root, place.file));
        })
        .map((place) => `${topic.id}: ${JSON.stringify(place)}`),
    );
    expect(wrong).toEqual([]);
  });

  test("every predicate that an exit names is there, and every predicate belongs to an exit", () => {
    expect(roadmap.stages.flatMap(({ exit }) => exit.predicateIds).sort()).toEqual(predicates.map(({ id }) => id).sort());
  });

  test("pay of the two sources keeps its own source, and no claim is an average of others", () => {
    const bands = roadmap.claims.filter((c) => c.kind === "pay-band");
    expect(new Set(bands.map((c) => c.source))).toEqual(new Set(["source-a", "source-b"]));
    expect(roadmap.claims.filter((c) => c.source === "karkhana")).toEqual([]);
    const entry = roadmap.conflicts.find(({ id }) => id === "conflict-entry-pay")!;
    const of = (source: string): unknown[] =>
      entry.claimIds
        .map((id) => roadmap.claims.find((c) => c.id === id)!)
        .filter((c) => c.source === source)
        .map((c) => [c.low, c.high]);
    expect(of("source-a")).toEqual([
      [10, 18],
      [18, 28],
    ]);
    expect(of("source-b")).toEqual([[15, 40]]);
  });
});

describe("the validator", () => {
  const base = roadmap;
  const topic = base.topics[0]!;
  const claim = base.claims[0]!;
  const change = (part: Partial<Roadmap>): string[] => contentProblems({ ...base, ...part }).map(({ place, problem }) => `${place}: ${problem}`);
  const withTopic = (part: Partial<Topic>): string[] => change({ topics: [{ ...topic, ...part }, ...base.topics.slice(1)] });
  const withClaim = (part: Partial<Claim>): string[] => change({ claims: [{ ...claim, ...part }, ...base.claims.slice(1)] });

  test.each([
    ["an id used twice", () => change({ signals: base.signals.map((s, i) => (i === 1 ? { ...s, id: base.signals[0]!.id } : s)) }), /already taken by signal/],
    ["an id not in kebab case", () => change({ pitfalls: [{ ...base.pitfalls[0]!, id: "Bad Id" }, ...base.pitfalls.slice(1)] }), /not lower-case words/],
    ["a retired id", () => change({ retiredIds: [topic.id] }), /is retired/],
    ["a missing prerequisite", () => withTopic({ after: ["nowhere"] }), /names topic "nowhere"/],
    ["a topic that comes after itself", () => withTopic({ after: [topic.id] }), /comes after itself/],
    ["an empty text", () => withTopic({ depth: " " }), /text is empty/],
    ["a lab that is not on the list", () => withTopic({ labs: [47] }), /names lab 47/],
    ["a row that does not exist", () => withTopic({ rows: [1, 131] }), /names inventory row 131/],
    ["a row gone missing", () => withTopic({ rows: [] }), /inventory row 1: is neither/],
    ["a row both present and left out", () => change({ leftOut: [{ row: 1, reason: "not wanted here, for a reason of some length" }] }), /present after all/],
    ["a band upside down", () => withClaim({ low: 20, high: 10 }), /below its start/],
    ["a pay band in months", () => withClaim({ unit: "months" }), /cannot be in months/],
    [
      "an open end that is not marked",
      () =>
        change({
          claims: [
            { id: claim.id, source: claim.source, kind: claim.kind, subject: claim.subject, unit: claim.unit, low: 10, place: claim.place, rows: [] },
            ...base.claims.slice(1),
          ],
        }),
      /not marked as open/,
    ],
    [
      "a conflict of one claim",
      () => change({ conflicts: [{ ...base.conflicts[0]!, claimIds: ["pay-a-mid"] }, ...base.conflicts.slice(1)] }),
      /needs two claims/,
    ],
    [
      "a conflict between sources within one",
      () => change({ conflicts: [{ ...base.conflicts[0]!, claimIds: ["pay-a-mid", "pay-a-senior"] }, ...base.conflicts.slice(1)] }),
      /all its claims are of one/,
    ],
    [
      "a skip nobody says",
      () =>
        change({
          backgrounds: base.backgrounds.map((b, i) =>
            i === 5 ? { ...b, rules: [{ blockId: "weeks-1-3", action: "skip" as const }, ...b.rules.slice(1)] } : b,
          ),
        }),
      /a source must say it/,
    ],
    [
      "a block without a rule",
      () => change({ backgrounds: base.backgrounds.map((b, i) => (i === 0 ? { ...b, rules: b.rules.slice(1) } : b)) }),
      /no rule for weeks-1-3/,
    ],
    ["a gap between weeks", () => change({ stages: base.stages.map((s, i) => (i === 0 ? { ...s, blocks: s.blocks.slice(1) } : s)) }), /week 1 is next/],
    ["a rank out of order", () => change({ signals: [...base.signals].reverse() }), /not from 1 without gaps/],
    [
      "an employer that its track does not name",
      () => change({ employers: base.employers.map((e) => (e.id === "google" ? { ...e, trackIds: ["track-a"] } : e)) }),
      /disagree/,
    ],
  ])("finds %s", (_what, problems, expected) => {
    expect(problems().join("\n")).toMatch(expected);
  });

  test("reports every problem at once", () => {
    const found = withTopic({ depth: "", after: ["nowhere"], labs: [99] });
    expect(found.filter((p) => p.includes(topic.id) || p.includes("topics[0]"))).toHaveLength(3);
  });
});
