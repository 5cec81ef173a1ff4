import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { labs } from "../path/labs/catalogue.ts";
import { parseFlags } from "./arguments.ts";
import { path } from "./path.ts";

const right = readFileSync(join(import.meta.dirname, "../../test/labs/lab-25/running.js"), "utf8");

describe("karkhana path lab", () => {
  let folder: string;
  let printed: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "karkhana-path-lab-"));
    printed = "";
    vi.spyOn(console, "log").mockImplementation((text: unknown) => void (printed += `${String(text)}\n`));
    vi.spyOn(console, "error").mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]): Promise<number> => path.run(parseFlags(path.flags, ["lab", ...args, "--project", folder], path.positionals?.length ?? 0));
  const refusal = async (...args: string[]): Promise<string | undefined> => codeOf(await run(...args).catch((error: unknown) => error));

  test("list names every lab under its week block", async () => {
    expect(await run("list")).toBe(0);
    for (const { title } of labs) expect(printed).toContain(title);
    expect(printed).toContain("Weeks 42-47");
  });

  test("show prints the task, its function and its limits", async () => {
    await run("show", "25");
    expect(printed).toContain("crossEntropy (TypeScript, JavaScript), cross_entropy (Python)");
    expect(printed).toContain("4000 ms, 512 MB");
  });

  test("start writes the beginning in the language asked for, and never over work", async () => {
    const file = join(folder, "mine.py");
    expect(await run("start", "25", file)).toBe(0);
    expect(readFileSync(file, "utf8")).toContain("def cross_entropy(");
    expect(await refusal("start", "25", file)).toBe("INVALID_CONFIG");
  });

  test("run says which case is wrong, by how much, and how to see it again; the status is 1", async () => {
    const file = join(folder, "wrong.js");
    writeFileSync(file, right.replace("total / Math.max(count, 1)", "total"));
    expect(await run("run", "25", file)).toBe(1);
    expect(printed).toContain("not passed");
    expect(printed).toMatch(/WRONG {3}a few rows\n {10}loss is off\.\n {10}expected: [\d.]+\n {10}got: +[\d.]+\n {10}off by [\d.]+, allowed 1e-8/);
    const seed = /--seed ([0-9a-f]{16})/.exec(printed)?.[1] ?? "";
    const first = printed;
    printed = "";
    await run("run", "25", file, "--seed", seed);
    const cases = (text: string): string | undefined => /\n\n([\s\S]*?)\n\n {2}node/.exec(text)?.[1];
    expect(cases(printed)).toBe(cases(first));
  });

  test("a right solution passes; with --json the verdict and its hash are printed", async () => {
    const file = join(folder, "right.js");
    writeFileSync(file, right);
    expect(await run("run", "25", file, "--seed", "7", "--json")).toBe(0);
    expect(JSON.parse(printed)).toMatchObject({
      verdict: { passed: true, seed: "7", seedOrigin: "given" },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      kept: [],
    });
  });

  test("unknown labs, languages, files and words are refused", async () => {
    expect(await refusal("show", "99")).toBe("LAB_NOT_FOUND");
    expect(await refusal("run", "25", join(folder, "no.js"))).toBe("INVALID_CONFIG");
    expect(await refusal("run", "25", join(folder, "no.txt"))).toBe("INVALID_CONFIG");
    expect(await refusal("start", "25", "--language", "cobol")).toBe("INVALID_CONFIG");
    expect(await refusal("show")).toBe("INVALID_CONFIG");
    expect(await refusal("cheat", "25")).toBe("INVALID_CONFIG");
  });

  test("control characters that a solution prints do not reach the terminal", async () => {
    const file = join(folder, "loud.js");
    writeFileSync(file, 'export function crossEntropy() { console.log("\\u001b[2J\\u0007hello"); return 1; }');
    await run("run", "25", file);
    expect(printed).toContain("hello");
    expect(printed).not.toContain("\u001b");
    expect(printed).not.toContain("\u0007");
  });
});
