import { beforeAll, describe, expect, it } from "vitest";
import { seededRng } from "../../src/kernel/rng.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { expectEffects, finish, freshFolder, outputOf, startProgram } from "./pipeline-kill.ts";

const seeds = Number(process.env["KARKHANA_TEST_SEEDS"] ?? 25);

describe("a pipeline run whose process is killed", () => {
  const scratch = scratchFolder();
  let points: string[] = [];
  let uninterrupted = "";
  beforeAll(async () => {
    const said = await finish(freshFolder(scratch), "start");
    points = said.filter((line) => !line.startsWith("output "));
    uninterrupted = outputOf(said) ?? "";
  });

  it("was uninterrupted once, to compare with", () => {
    expect(points.length).toBeGreaterThan(40);
    expect(JSON.parse(uninterrupted)).toMatchObject({ parts: ["aaa", "bbb", "ccc"], flaky: "in the end" });
  });

  it("at any point it passes: it completes with the same output, transacted effects once, step effects at most once more", async () => {
    for (const point of points) {
      const folder = freshFolder(scratch);
      const killed = await startProgram(folder, "start", point).exit();
      expect([point, killed.signal]).toEqual([point, "SIGKILL"]);
      const said = await finish(folder, "recover");
      expect([point, outputOf(said)]).toEqual([point, uninterrupted]);
      await expectEffects(folder, [killed.said]);
    }
  });

  it(`at random moments, once to three times (${seeds} seeds): the same`, async () => {
    for (let seed = 0; seed < seeds; seed++) {
      const rng = seededRng(seed, "pipelines-kill");
      const folder = freshFolder(scratch);
      const killed: string[][] = [];
      for (let kill = 0; kill <= rng.int(3); kill++) {
        const child = startProgram(folder, killed.length === 0 ? "start" : "recover");
        await child.lines(1 + rng.int(points.length));
        // Also between the lines it says: the signal arrives wherever the child has come meanwhile.
        for (let spin = rng.int(40_000); spin > 0; spin--) Math.sqrt(spin);
        killed.push(await child.kill());
      }
      const said = await finish(folder, "start");
      expect([seed, outputOf(said)]).toEqual([seed, uninterrupted]);
      await expectEffects(folder, killed);
    }
  });

  it("two processes that recover at once: one of them runs it, the other leaves it alone", async () => {
    for (let round = 0; round < 5; round++) {
      const folder = freshFolder(scratch);
      const killed = await startProgram(folder, "start", "in train/0, after its effect").exit();
      const both = await Promise.all([finish(folder, "recover"), finish(folder, "recover")]);
      const recovered = both.map((said) => said.find((line) => line.startsWith("recovered ")));
      expect(new Set(recovered)).toEqual(new Set(["recovered []", 'recovered ["run-1"]']));
      expect(both.map(outputOf).filter((output) => output !== undefined)).toEqual([uninterrupted]);
      await expectEffects(folder, [killed.said]);
    }
  });
});
