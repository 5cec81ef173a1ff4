import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { openStores } from "../server/compose.ts";
import { parseFlags } from "./arguments.ts";
import { path } from "./path.ts";

const small = join(import.meta.dirname, "../../test/e2e/small");

describe("karkhana path", () => {
  let folder: string;
  let printed: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "karkhana-path-"));
    printed = "";
    const print = (text: unknown): boolean => ((printed += String(text)), true);
    vi.spyOn(process.stdout, "write").mockImplementation(print);
    vi.spyOn(console, "log").mockImplementation((text: unknown) => void print(`${String(text)}\n`));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]): Promise<number> => path.run(parseFlags(path.flags, args, path.positionals?.length ?? 0));
  const refusal = async (...args: string[]): Promise<string | undefined> => codeOf(await run(...args).catch((error: unknown) => error));

  test("plan prints a plan with dates, in each format", async () => {
    const plan = ["plan", "--background", "software-engineer", "--hours-per-week", "10", "--start", "2027-01-04"];
    expect(await run(...plan)).toBe(0);
    expect(printed).toContain("| 2027-01-04 | 2027-02-14 | Weeks 4-7");
    printed = "";
    await run(...plan, "--format", "ical");
    expect(printed).toMatch(/^BEGIN:VCALENDAR\r\n/);
    printed = "";
    await run(...plan, "--json");
    expect(JSON.parse(printed)).toMatchObject({ backgroundId: "software-engineer", hoursPerWeek: 10, hoursPerRoadmapWeek: 15 });
  });

  test("plan names what is missing or wrong", async () => {
    expect(await refusal("plan", "--hours-per-week", "10")).toBe("INVALID_CONFIG");
    expect(await refusal("plan", "--background", "software-engineer")).toBe("INVALID_CONFIG");
    expect(await refusal("plan", "--background", "wizard", "--hours-per-week", "10")).toBe("INVALID_ARGUMENT");
    expect(await refusal("plan", "--background", "beginner", "--hours-per-week", "10", "--format", "pdf")).toBe("INVALID_CONFIG");
    expect(await refusal("plan", "--background", "beginner", "--hours-per-week", "10", "--start", "2027-02-30")).toBe("INVALID_ARGUMENT");
    expect(await refusal("somewhere")).toBe("INVALID_CONFIG");
    expect(printed).toBe("");
  });

  test("a folder that holds no data is refused and not made", async () => {
    expect(await refusal("--project", small, "--data", join(folder, "none"))).toBe("DATA_DIR_NOT_FOUND");
    expect(await refusal("next", "--project", small, "--data", join(folder, "none"))).toBe("DATA_DIR_NOT_FOUND");
  });

  test("a fresh data folder proves nothing: every stage is shown, and next is one command", async () => {
    const data = join(folder, "data");
    await (await openStores(data, {})).close();
    expect(await run("--project", small, "--data", data)).toBe(0);
    expect(printed).not.toContain("[x]");
    expect(printed.match(/^Stage \d/gm)).toHaveLength(5);
    expect(printed).toContain("Stage 5, Senior, staff, principal (year 3 and after): no machine can show it");
    printed = "";
    await run("next", "--project", small, "--data", data);
    expect(printed).toContain("do: karkhana run\n");
    printed = "";
    await run("next", "--json", "--project", small, "--data", data);
    expect(JSON.parse(printed)).toMatchObject({ next: { kind: "run", stageId: "stage-1", command: "karkhana run" } });
  });

  test("a plan is saved in a project's data folder, changed in part, and shown again", async () => {
    const at = ["--project", small, "--data", join(folder, "data")];
    await run("plan", "--background", "software-engineer", "--hours-per-week", "10", "--start", "2027-01-04", ...at);
    printed = "";
    await run("plan", "--track", "track-b", "--json", ...at);
    expect(JSON.parse(printed)).toMatchObject({ backgroundId: "software-engineer", trackId: "track-b", hoursPerWeek: 10 });
    printed = "";
    await run("plan", ...at);
    expect(printed).toContain("| 2027-01-04 | 2027-02-14 | Weeks 4-7");
    expect(await refusal("plan", "--project", small, "--data", join(folder, "none"))).toBe("DATA_DIR_NOT_FOUND");
  });

  test("evidence is exported as one file that verifies, and a changed one is refused with a status of 1", async () => {
    const at = ["--project", small, "--data", join(folder, "data")];
    await (await openStores(join(folder, "data"), {})).close();
    await run("attest", "attest-real-traffic", "--by", "N. N.", "--says", "They plan by it.", ...at);
    expect(await refusal("attest", "lineage-complete", "--by", "N. N.", "--says", "trust me", ...at)).toBe("INVALID_ARGUMENT");
    const file = join(folder, "report.json");
    expect(await run("export", file, ...at)).toBe(0);
    expect(await refusal("export", file, ...at)).toBe("INVALID_CONFIG");
    expect(await run("verify", ...at)).toBe(0);
    expect(await run("verify", file)).toBe(0);
    expect(printed).toContain("1 attestation (a person's word)");
    writeFileSync(file, readFileSync(file, "utf8").replace("They plan", "They plAn"));
    printed = "";
    expect(await run("verify", file)).toBe(1);
    expect(printed).toContain("entry 1: its body does not give its hash");
  });

  test("a drill is started with an answers file, answered from it once, and listed", async () => {
    const at = ["--project", small, "--data", join(folder, "data")];
    await (await openStores(join(folder, "data"), {})).close();
    await run("drill", "start", "design", "fraud", "--json", ...at);
    const { id, seed, sheet } = JSON.parse(printed) as { id: string; seed: string; sheet: { sections: readonly unknown[] } };
    expect(seed).toBe("");
    expect(sheet.sections).toHaveLength(8);
    const answers = join(folder, "answers.json");
    writeFileSync(answers, JSON.stringify({ "mean-qps": 12 }));
    printed = "";
    expect(await run("drill", "answer", id, answers, ...at)).toBe(1);
    expect(printed).toContain("Kept as evidence, entry 1.");
    expect(await refusal("drill", "answer", id, answers, ...at)).toBe("SHEET_ANSWERED");
    expect(await refusal("drill", "start", "riddle", ...at)).toBe("INVALID_CONFIG");
    expect(await refusal("drill", "start", "design", "toothpaste", ...at)).toBe("INVALID_CONFIG");
    expect(await refusal("interview", "5", ...at)).toBe("INVALID_ARGUMENT");
    printed = "";
    await run("drill", "list", ...at);
    expect(printed).toContain("not passed  design-fraud");
  });

  test("a second run that is not there is refused by its folder", async () => {
    const data = join(folder, "data");
    await (await openStores(data, {})).close();
    expect(await refusal("--project", small, "--data", data, "--rerun", join(folder, "none"))).toBe("DATA_DIR_NOT_FOUND");
  });
});
