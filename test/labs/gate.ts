import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../src/kernel/rng.ts";
import { labs } from "../../src/path/labs/catalogue.ts";
import { grade } from "../../src/path/labs/grade.ts";
import { findLauncher } from "../../src/path/labs/guards.ts";
import { judgeCase } from "../../src/path/labs/judge.ts";
import { defaultLimits, HostFunction, labId, type Lab, type Language, type Scale } from "../../src/path/labs/lab.ts";
import type { Reply } from "../../src/path/labs/learner.ts";
import { decode, encode } from "../../src/path/labs/values.ts";
import type { CaseVerdict, Verdict } from "../../src/path/labs/verdict.ts";
import type { Mutant } from "./fixture.ts";

/*
 * The gate every lab passes before anybody is graded by it. Variants (right solutions by different methods) must pass and mutants must fail,
 * each on every seed, the mutant by the case it names. The seeds run in this process; the protocol is walked once for each solution.
 */

const seeds = Number(process.env["LAB_SEEDS"] ?? 200);
/** Seeds at full size of a lab whose cases have two sizes, for right solutions. */
const fullSeeds = 1;

type Solve = (...args: unknown[]) => unknown;

const folderName = (lab: Lab): string => `lab-${String(lab.number).padStart(2, "0")}`;

function fixturesOf(lab: Lab): { folder: string; variants: string[]; pythons: string[] } {
  const folder = join(import.meta.dirname, folderName(lab));
  const files = readdirSync(folder);
  return { folder, variants: files.filter((file) => file.endsWith(".js")), pythons: files.filter((file) => file.endsWith(".py")) };
}

function mutated(folder: string, mutant: Mutant): string {
  const source = readFileSync(join(folder, mutant.of), "utf8");
  expect(source.split(mutant.from).length - 1, `${mutant.name}: the text to replace occurs once in ${mutant.of}`).toBe(1);
  return source.replace(mutant.from, () => mutant.to);
}

/** The function of a solution's text, in this process: for texts of ours only. */
function load(source: string, entry: string): Solve {
  // oxlint-disable-next-line typescript/no-implied-eval
  return new Function(`"use strict";${source.replaceAll(/^export /gm, "")}\nreturn ${entry};`)() as Solve;
}

function gradeHere(lab: Lab, solve: Solve, seed: string, scale: Scale): CaseVerdict[] {
  return lab.cases(seededRng(seed, labId(lab)), scale).map((item) => {
    const args = item.args.map((arg) =>
      arg instanceof HostFunction ? (...given: unknown[]) => decode(encode(arg.call(...(decode(encode(given)) as unknown[])))) : decode(encode(arg)),
    );
    let reply: Reply;
    try {
      reply = { kind: "answer", value: decode(encode(solve(...args))) };
    } catch (error) {
      reply = { kind: "thrown", message: String(error) };
    }
    return judgeCase(item, reply);
  });
}

/**
 * With much more time than the lab gives, for a machine that is busy with other things, and no more of the processor's than it gives, which those do
 * not take.
 */
function gradePatiently(lab: Lab, language: Language, source: string): Promise<Verdict> {
  const { timeMs } = { ...defaultLimits, ...lab.limits };
  const limits = { ...lab.limits, timeMs: 20 * timeMs, processorMs: timeMs };
  return grade({ lab: { ...lab, limits }, language, source, seed: "protocol" }, () => performance.now());
}

const failures = (cases: readonly CaseVerdict[]): CaseVerdict[] => cases.filter(({ status }) => status !== "passed");

function everySeed(lab: Lab, full: number): { seed: string; scale: Scale }[] {
  const small = Array.from({ length: seeds }, (_, i) => ({ seed: `gate-${i}`, scale: "small" as const }));
  return [...small, ...Array.from({ length: lab.sizes === true ? full : 0 }, (_, i) => ({ seed: `gate-${i}`, scale: "full" as const }))];
}

/** The gate for the labs of these week blocks. */
export async function gateBlocks(blockIds: readonly string[]): Promise<void> {
  for (const lab of labs.filter(({ blockId }) => blockIds.includes(blockId))) {
    const { mutants } = (await import(`./${folderName(lab)}/mutants.ts`)) as { mutants: readonly Mutant[] };
    gate(lab, mutants);
  }
}

function gate(lab: Lab, mutants: readonly Mutant[]): void {
  const { folder, variants, pythons } = fixturesOf(lab);
  describe(`${labId(lab)}, ${lab.title}`, () => {
    test("ships at least 3 right solutions, 1 of them more in Python, and 5 wrong ones", () => {
      expect(variants.length).toBeGreaterThanOrEqual(3);
      expect(pythons.length).toBeGreaterThanOrEqual(1);
      expect(mutants.length).toBeGreaterThanOrEqual(5);
      expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
      const names = lab.cases(seededRng("gate-0", labId(lab)), "small").map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const { killedBy } of mutants) expect(names).toContain(killedBy);
    });

    test.each(variants)(`%s is right on ${seeds} seeds`, (file) => {
      const solve = load(readFileSync(join(folder, file), "utf8"), lab.entry.typescript);
      for (const { seed, scale } of everySeed(lab, fullSeeds)) expect(failures(gradeHere(lab, solve, seed, scale)), `seed ${seed}, ${scale}`).toEqual([]);
    });

    test.each(mutants)(`"$name" is noticed by "$killedBy" on ${seeds} seeds`, (mutant) => {
      const solve = load(mutated(folder, mutant), lab.entry.typescript);
      for (const { seed, scale } of everySeed(lab, 0))
        expect(
          failures(gradeHere(lab, solve, seed, scale)).map(({ name }) => name),
          `seed ${seed}, ${scale}`,
        ).toContain(mutant.killedBy);
    });

    test("through the learner's process: right ones pass, wrong ones fail by the named case, the starters fail plainly", async () => {
      for (const file of variants) {
        const verdict = await gradePatiently(lab, "javascript", readFileSync(join(folder, file), "utf8"));
        expect(verdict, file).toMatchObject({ passed: true, outcome: "passed" });
      }
      for (const mutant of lab.sizes === true ? mutants.slice(0, 2) : mutants) {
        const verdict = await gradePatiently(lab, "javascript", mutated(folder, mutant));
        expect(
          failures(verdict.cases).map(({ name }) => name),
          mutant.name,
        ).toContain(mutant.killedBy);
      }
      const starter = await gradePatiently(lab, "typescript", lab.starter.typescript);
      expect(starter).toMatchObject({ passed: false, outcome: "wrong" });
      expect(starter.message).toContain("write me");
    });

    test("in Python: right ones pass, the starter fails plainly", async (context) => {
      if ((await findLauncher("python")) === undefined) context.skip("there is no python3 on this machine");
      for (const file of pythons) {
        const verdict = await gradePatiently(lab, "python", readFileSync(join(folder, file), "utf8"));
        expect(verdict, file).toMatchObject({ passed: true, outcome: "passed" });
      }
      const starter = await gradePatiently(lab, "python", lab.starter.python);
      expect(starter).toMatchObject({ passed: false, outcome: "wrong" });
      expect(starter.message).toContain("write me");
    });
  });
}
