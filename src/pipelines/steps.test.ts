import { describe, expect, it } from "vitest";
import { KarkhanaError } from "../kernel/error.ts";
import type { Json, StepContext, Workflow } from "./port.ts";
import { busy, counted, fresh, pipelineWorld, workflow } from "./test-world.ts";

const world = pipelineWorld();

describe("a step", () => {
  it("that fails fails the run with its code and message; the same id goes on from it, and finished steps keep their outputs", async () => {
    const before = counted(() => Math.random());
    let broken = true;
    const failing = counted(() => {
      if (broken) throw new KarkhanaError("INVALID_ARGUMENT", { field: "x", problem: "wrong", value: 1 });
      return "mended";
    });
    const flow = workflow(async (context) => [await context.step("before", {}, before.work), await context.step("failing", { retries: 5 }, failing.work)]);
    const pipelines = world.newPipelines();
    const id = fresh();
    await expect(pipelines.start(flow, null, id)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const failed = await pipelines.getRun(id);
    expect(failed).toMatchObject({ state: "failed", error: { code: "INVALID_ARGUMENT", message: "x: wrong (got 1)" } });
    expect(failed.steps[1]).toMatchObject({ state: "failed", attempt: 1, error: { code: "INVALID_ARGUMENT" } });
    // Not retryable: the five retries were not used.
    expect(failing.times).toBe(1);
    broken = false;
    const [kept, mended] = (await pipelines.start(flow, null, id)) as [number, string];
    expect(mended).toBe("mended");
    const done = await pipelines.getRun(id);
    expect(done.steps[0]?.output).toBe(kept);
    expect(done.steps[1]).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(done).not.toHaveProperty("error");
    expect(done.steps[1]).not.toHaveProperty("error");
    expect(before.times).toBe(1);
  });

  it("that fails with a retryable error is tried again after growing world.pauses, as often as it may be", async () => {
    world.pauses.length = 0;
    const step = counted(({ attempt }) => {
      if (attempt < 4) throw busy();
      return attempt;
    });
    const flow = workflow((context) => context.step("s", { retries: 3 }, step.work));
    expect(await world.newPipelines().start(flow, null, fresh())).toBe(4);
    expect(world.pauses).toEqual([200, 400, 800]);
    const hopeless = counted((): string => {
      throw busy();
    });
    const other = workflow((context) => context.step("s", { retries: 2 }, hopeless.work));
    await expect(world.newPipelines().start(other, null, fresh())).rejects.toMatchObject({ code: "STORAGE_BUSY" });
    expect(hopeless.times).toBe(3);
  });

  it("knows its run and attempt, and keeps its request id over attempts", async () => {
    const seen: string[] = [];
    const flow = workflow((context) =>
      context.step("s", { retries: 1 }, async (step) => {
        seen.push(`${step.runId} ${step.requestId} ${step.attempt}`);
        if (step.attempt === 1) throw busy();
        return null;
      }),
    );
    const id = fresh();
    await world.newPipelines().start(flow, null, id);
    expect(seen).toEqual([`${id} ${id}/s 1`, `${id} ${id}/s 2`]);
  });

  it("whose id was used before in the run is refused, transacted or not", async () => {
    const again = workflow(async (context) => {
      await context.step("s", {}, async () => 1);
      return context.transact("s", async () => 2);
    });
    await expect(world.newPipelines().start(again, null, fresh())).rejects.toMatchObject({ code: "STEP_REPEATED", details: { step: "s" } });
  });

  it.each([
    ["NaN", { a: [1, Number.NaN] }, "a[1]: it is NaN"],
    ["a date", { at: new Date(0) }, "at: it is a Date"],
    ["typed numbers", { x: Float64Array.of(1) }, "x: it is a Float64Array"],
    ["a bigint", { n: 1n }, "n: it is a bigint"],
  ])("that returns %s is refused: the record would differ from it", async (_title, output, problem) => {
    const flow = workflow((context) => context.step("s", {}, async () => output as unknown as Json));
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toMatchObject({
      code: "STEP_OUTPUT_NOT_JSON",
      message: expect.stringContaining(problem),
    });
  });

  it("gives at once what a replay would give: members that are undefined are absent", async () => {
    const flow = workflow(async (context) => Object.keys((await context.step("s", {}, async () => ({ a: 1, b: undefined }) as unknown as Json)) as object));
    expect(await world.newPipelines().start(flow, null, fresh())).toEqual(["a"]);
  });

  it("that takes longer than its timeout fails and is told by its signal", async () => {
    const told = Promise.withResolvers<string>();
    const flow = workflow((context) =>
      context.step("slow", { timeoutMs: 1 }, (step) => {
        step.signal.addEventListener("abort", () => told.resolve("told"));
        return new Promise<never>(() => {});
      }),
    );
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toMatchObject({ code: "STEP_TIMED_OUT" });
    expect(await told.promise).toBe("told");
  });

  it("shows its progress while it runs, and no longer", async () => {
    const [shown, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<null>()];
    const flow = workflow((context) =>
      context.step("s", {}, (step) => {
        step.progress(3, 10, "rows");
        shown.resolve();
        return gate.promise;
      }),
    );
    const pipelines = world.newPipelines();
    const id = fresh();
    const running = pipelines.start(flow, null, id);
    await shown.promise;
    expect((await pipelines.getRun(id)).steps[0]).toMatchObject({ state: "running", progress: { done: 3, total: 10, unit: "rows" } });
    gate.resolve(null);
    await running;
    expect((await pipelines.getRun(id)).steps[0]).not.toHaveProperty("progress");
  });

  it("beside one that fails is stopped before the run ends, so that a resumed run does not meet it", async () => {
    let stopped = false;
    const flow = workflow(async (context) => {
      const beside = context.step("beside", {}, (step) => {
        step.signal.addEventListener("abort", () => {
          stopped = true;
        });
        return new Promise<never>(() => {});
      });
      await Promise.all([
        beside,
        context.step("failing", {}, async () => {
          throw new Error("broke");
        }),
      ]);
      return null;
    });
    const pipelines = world.newPipelines();
    const id = fresh();
    await expect(pipelines.start(flow, null, id)).rejects.toThrow("broke");
    expect(stopped).toBe(true);
    const run = await pipelines.getRun(id);
    expect(run).toMatchObject({ state: "failed", error: { code: "INTERNAL" } });
    expect(run.steps.map((step) => step.state)).toEqual(["failed", "failed"]);
  });
});

describe("a cacheable step", () => {
  const cachedFlow = (work: (step: StepContext) => Promise<Json>, codeVersion = "1", cacheKey: Json = { seed: 1, of: fresh() }): Workflow<Json, Json> =>
    workflow((context) => context.step("made", { cacheKey, codeVersion }, work));

  it("is not run again for an equal key, in any run and any workflow, whatever the order of its members", async () => {
    const step = counted(() => ({ made: true }));
    const of = fresh();
    await world.newPipelines().start(cachedFlow(step.work, "1", { a: 1, of }), null, fresh());
    const id = fresh();
    const pipelines = world.newPipelines();
    expect(await pipelines.start(cachedFlow(step.work, "1", { of, a: 1 }), null, id)).toEqual({ made: true });
    expect(step.times).toBe(1);
    expect((await pipelines.getRun(id)).steps[0]).toMatchObject({ state: "succeeded", cached: true, output: { made: true } });
  });

  it("is run again for another key, code version or step id", async () => {
    const step = counted(() => 1);
    const of = fresh();
    const run = (flow: Workflow<Json, Json>): Promise<Json> => world.newPipelines().start(flow, null, fresh());
    await run(cachedFlow(step.work, "1", { of }));
    await run(cachedFlow(step.work, "2", { of }));
    await run(cachedFlow(step.work, "1", { of, more: 1 }));
    await run(workflow((context) => context.step("other", { cacheKey: { of }, codeVersion: "1" }, step.work)));
    expect(step.times).toBe(4);
  });

  it.each(["gone", "changed", "of another size"])("is run again when a blob it kept is %s; so is a finished step of a resumed run", async (harm) => {
    const blob = `kept/${fresh()}`;
    const step = counted(async (context) => {
      const { sha256 } = await world.blobs.put(blob, Buffer.from("content"));
      context.keep({ path: blob, sha256: sha256! });
      return blob;
    });
    const damage = async (): Promise<void> => {
      if (harm === "gone") await world.blobs.delete(blob);
      else await world.blobs.put(blob, Buffer.from(harm === "changed" ? "CONTENT" : "content!"));
    };
    let fail = true;
    const flow = workflow(async (context) => {
      const made = await context.step("made", { cacheKey: { blob } }, step.work);
      if (fail) throw new Error("stop");
      return made;
    });
    const id = fresh();
    await expect(world.newPipelines().start(flow, null, id)).rejects.toThrow("stop");
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toThrow("stop");
    expect(step.times).toBe(1);
    await damage();
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toThrow("stop");
    expect(step.times).toBe(2);
    await damage();
    fail = false;
    expect(await world.newPipelines().start(flow, null, id)).toBe(blob);
    expect(step.times).toBe(3);
    expect(Buffer.from(await world.blobs.get(blob)).toString()).toBe("content");
  });

  it("is run again when what its output names outside the blobs no longer holds; so is a finished step of a resumed run", async () => {
    const holding = new Set<string>();
    const step = counted(() => {
      const name = fresh();
      holding.add(name);
      return name;
    });
    const cacheKey = { of: fresh() };
    let fail = true;
    const flow = workflow(async (context) => {
      const made = await context.step("made", { cacheKey, stillHolds: async (name) => holding.has(name) }, step.work);
      if (fail) throw new Error("stop");
      return made;
    });
    const id = fresh();
    await expect(world.newPipelines().start(flow, null, id)).rejects.toThrow("stop");
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toThrow("stop");
    expect(step.times).toBe(1);
    holding.clear();
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toThrow("stop");
    expect(step.times).toBe(2);
    holding.clear();
    fail = false;
    expect(holding).toContain(await world.newPipelines().start(flow, null, id));
    expect(step.times).toBe(3);
  });

  it("wanted by many runs at once is run once; if it fails, by the next of them, still one at a time", async () => {
    let atWork = 0;
    let most = 0;
    const step = counted(async () => {
      most = Math.max(most, ++atWork);
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
      atWork--;
      if (step.times < 3) throw new Error("not yet");
      return "made";
    });
    const flow = cachedFlow(step.work);
    const pipelines = world.newPipelines();
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => pipelines.start(flow, null, fresh())));
    expect(ends.map((end) => end.status).filter((status) => status === "rejected")).toHaveLength(2);
    expect(step.times).toBe(3);
    expect(most).toBe(1);
  });

  it("that failed is not remembered", async () => {
    const step = counted(() => {
      if (step.times === 1) throw new Error("once");
      return 1;
    });
    const flow = cachedFlow(step.work);
    await expect(world.newPipelines().start(flow, null, fresh())).rejects.toThrow("once");
    expect(await world.newPipelines().start(flow, null, fresh())).toBe(1);
  });
});
