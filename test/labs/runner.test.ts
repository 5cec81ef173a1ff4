import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { grade } from "../../src/path/labs/grade.ts";
import { findLauncher } from "../../src/path/labs/guards.ts";
import { HostFunction, type Lab, type Language } from "../../src/path/labs/lab.ts";
import { pca } from "../../src/path/labs/list/lab-06-pca.ts";
import { verdictHash, type Verdict } from "../../src/path/labs/verdict.ts";

const stopwatch = (): number => performance.now();

/** Whatever the solution makes of its argument must come back equal. */
function echo(args: readonly unknown[], expected: unknown): Lab {
  return {
    number: 1,
    version: 3,
    title: "echo",
    blockId: "weeks-1-3",
    minutes: 1,
    statement: "",
    entry: { typescript: "solve", python: "solve" },
    starter: { typescript: "", python: "" },
    cases: () => [
      {
        name: "echo",
        args,
        check: (got) => {
          const equal = (a: unknown, b: unknown): boolean =>
            Array.isArray(a) && Array.isArray(b)
              ? a.length === b.length && a.every((x, i) => equal(x, b[i]))
              : Object.is(a, b) || JSON.stringify(a) === JSON.stringify(b);
          return equal(got, expected) ? undefined : { expected: String(expected), got: JSON.stringify(got), message: "It came back as something else." };
        },
      },
    ],
  };
}

const sources: Readonly<Record<Language, (body: string) => string>> = {
  typescript: (body) => `export function solve(x: unknown): unknown { return ${body}; }`,
  javascript: (body) => `export const solve = (x) => ${body};`,
  python: (body) => `def solve(x):\n    return ${body}\n`,
};

describe.each(["typescript", "javascript", "python"] as const)("grading %s", (language) => {
  const run = async (lab: Lab, body: string): Promise<Verdict> => grade({ lab, language, source: sources[language](body) }, stopwatch);
  const here = async (): Promise<boolean> => (await findLauncher(language === "python" ? "python" : "node")) !== undefined;

  test("numbers of every kind, texts and nested lists pass the pipe unchanged", async (context) => {
    if (!(await here())) context.skip("this machine has no interpreter for it");
    const values = [0, 1, -1.5, 1e308, 5e-324, NaN, Infinity, -Infinity, "", 'ä \u2028 " 日本', true, false, null, [[], [[1]]]];
    expect(await run(echo([values], values), "x")).toMatchObject({ passed: true, outcome: "passed" });
  });

  test("a large argument and a large answer pass", async (context) => {
    if (!(await here())) context.skip("this machine has no interpreter for it");
    const values = Array.from({ length: 100_000 }, (_, i) => i / 3);
    expect(await run(echo([values], values), "x")).toMatchObject({ passed: true });
  });

  test("functions on this side are called from there, and what they throw arrives there", async (context) => {
    if (!(await here())) context.skip("this machine has no interpreter for it");
    const calls: unknown[] = [];
    const double = new HostFunction("double", (x) => {
      calls.push(x);
      if (x === 3) throw new Error("not three");
      return Number(x) * 2;
    });
    expect(await run(echo([double], 8), "x(x(2))")).toMatchObject({ passed: true });
    expect(calls).toEqual([2, 4]);
    const refused = await run(echo([double], 8), "x(3)");
    expect(refused).toMatchObject({ passed: false, outcome: "wrong" });
    expect(refused.cases[0]?.message).toContain("not three");
  });
});

describe("a verdict", () => {
  const source = "export function pca() { return {}; }";

  test("is plain JSON with a hash of its own, and names lab, version, source, seed, limits and guards", async () => {
    const verdict = await grade({ lab: pca, language: "javascript", source }, stopwatch);
    const copy = JSON.parse(JSON.stringify(verdict)) as Verdict;
    expect(copy).toEqual(verdict);
    expect(verdictHash(copy)).toBe(verdictHash(verdict));
    expect(verdictHash({ ...copy, passed: true })).not.toBe(verdictHash(verdict));
    expect(verdict).toMatchObject({ format: 1, lab: "lab-6", labVersion: 1, language: "javascript", passed: false, outcome: "wrong", seedOrigin: "fresh" });
    expect(verdict.seed).toMatch(/^[0-9a-f]{16}$/);
    expect(verdict.guards.map(({ id }) => id)).toContain("answers-elsewhere");
  });

  test("with the seed of an earlier one repeats its cases, and says that the seed was given", async () => {
    const first = await grade({ lab: pca, language: "javascript", source }, stopwatch);
    const again = await grade({ lab: pca, language: "javascript", source, seed: first.seed }, stopwatch);
    expect(again.seedOrigin).toBe("given");
    expect(again.cases).toEqual(first.cases);
    const other = await grade({ lab: pca, language: "javascript", source }, stopwatch);
    expect(other.cases).not.toEqual(first.cases);
  });

  test("gradings at the same time do not meet, and leave no folder behind", async () => {
    const lab = (n: number): Lab => echo([n], n);
    const all = await Promise.all([1, 2, 3, 4].map((n) => grade({ lab: lab(n), language: "javascript", source: sources.javascript("x") }, stopwatch)));
    expect(all.map(({ passed }) => passed)).toEqual([true, true, true, true]);
    expect(all.filter(({ peakMemoryBytes }) => peakMemoryBytes === 0)).toEqual([]);
  });

  test("the process sees no environment and an own folder that is gone afterwards", async (context) => {
    if ((await findLauncher("python")) === undefined) context.skip("this machine has no python3");
    const verdict = await grade(
      {
        lab: echo([1], ""),
        language: "python",
        source: "import os\ndef solve(x):\n    print(os.getcwd())\n    return ''.join(k for k in os.environ if k != 'LC_CTYPE')\n",
      },
      stopwatch,
    );
    expect(verdict).toMatchObject({ passed: true });
    const folder = /karkhana-lab-\w+/.exec(verdict.output)?.[0] ?? "none";
    expect(folder).not.toBe("none");
    expect(readdirSync(tmpdir())).not.toContain(folder);
  });

  test("counts no time against a solution in which the grader stood still, as on a machine that slept", async () => {
    let [looks, sleptMs] = [0, 0];
    const stopwatchAsleep = (): number => {
      if (++looks === 3) sleptMs = 3_600_000;
      return performance.now() + sleptMs;
    };
    const lab = { ...echo([1], 1), limits: { timeMs: 600_000 } };
    const slow = "export const solve = (x) => { for (const end = Date.now() + 300; Date.now() < end; ); return x; };";
    const verdict = await grade({ lab, language: "javascript", source: slow }, stopwatchAsleep);
    expect(looks).toBeGreaterThan(3);
    expect(verdict).toMatchObject({ passed: true, outcome: "passed" });
  });

  test("is that the processor's time is used up, where the machine's clock would give more", async (context) => {
    if ((await findLauncher("node"))?.prlimit !== true) context.skip("there is no prlimit with node here");
    const lab = { ...echo([1], 1), limits: { timeMs: 600_000, processorMs: 1000 } };
    const verdict = await grade({ lab, language: "javascript", source: "export const solve = () => { for (;;); };" }, stopwatch);
    expect(verdict.passed).toBe(false);
    // The second where the grader itself stood still when that happened.
    expect(`${verdict.outcome}: ${verdict.message}`).toMatch(/^time-limit: It used up its processor time|^ended: /);
  });

  test("too long a source and too long a seed are refused before anything runs", async () => {
    await expect(grade({ lab: pca, language: "javascript", source: "x".repeat(300_000) }, stopwatch)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(grade({ lab: pca, language: "javascript", source, seed: "x".repeat(65) }, stopwatch)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
