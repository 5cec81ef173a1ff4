import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codeOf } from "../../src/kernel/error.ts";
import { roadmap } from "../../src/path/content/roadmap.ts";
import { describeLab, findLab, labs } from "../../src/path/labs/catalogue.ts";
import { labId } from "../../src/path/labs/lab.ts";

const blocks = roadmap.stages.flatMap((stage) => stage.blocks.map(({ id }) => id));

describe("the list of labs", () => {
  test("has at least twenty, each number once, in order, and every week block has one", () => {
    const numbers = labs.map(({ number }) => number);
    expect(numbers.length).toBeGreaterThanOrEqual(20);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(new Set(labs.map(({ blockId }) => blockId))).toEqual(new Set(blocks));
  });

  test("every lab belongs to a topic of the roadmap and says what its function is called", () => {
    for (const lab of labs) {
      const { topicIds, statement, starter, entry } = describeLab(lab);
      expect(topicIds, labId(lab)).not.toEqual([]);
      expect(statement.length, labId(lab)).toBeGreaterThan(500);
      expect(starter.typescript, labId(lab)).toContain(`export function ${entry.typescript}(`);
      expect(starter.python, labId(lab)).toContain(`def ${entry.python}(`);
    }
  });

  test("a description is plain JSON", () => {
    for (const lab of labs) expect(JSON.parse(JSON.stringify(describeLab(lab)))).toEqual(describeLab(lab));
  });

  test("every folder of solutions belongs to a lab, and every block's labs pass a gate", () => {
    const folders = readdirSync(import.meta.dirname).filter((name) => /^lab-\d\d$/.test(name));
    expect(folders.sort()).toEqual(labs.map(({ number }) => `lab-${String(number).padStart(2, "0")}`));
    const gates = readdirSync(import.meta.dirname).filter((name) => /^gate-.*\.test\.ts$/.test(name));
    const gated = gates.flatMap((name) => [...readFileSync(join(import.meta.dirname, name), "utf8").matchAll(/"(weeks-[\d-]+)"/g)].map((m) => m[1]));
    expect(gated.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual(blocks.toSorted((a, b) => a.localeCompare(b)));
  });

  test("a lab is found by number or id; another name is refused", () => {
    expect(findLab("6")).toBe(findLab("lab-6"));
    for (const name of ["", "lab-0", "999", "lab-06", "__proto__"]) {
      const found = (): unknown => findLab(name);
      expect(found).toThrow(expect.objectContaining({ code: codeOf({ code: "LAB_NOT_FOUND" }) }));
    }
  });
});
