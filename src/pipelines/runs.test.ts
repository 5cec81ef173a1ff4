import { describe, expect, it } from "vitest";
import { expectEffects, finish, freshFolder, outputOf, startProgram } from "../../test/failure/pipeline-kill.ts";
import { ownIdentity } from "../storage/process-identity.ts";
import { tables } from "../storage/sql/tables.ts";
import { busy, counted, fresh, pipelineWorld, workflow } from "./test-world.ts";
import type { PipelineTables } from "./tables.ts";

const world = pipelineWorld();

describe("a run", () => {
  it("gives its output, and the same id gives it again without running anything", async () => {
    const step = counted(() => 7);
    const flow = workflow(async (context, input) => ({ input, seven: await context.step("seven", {}, step.work) }));
    const id = fresh();
    const first = await world.newPipelines().start(flow, { a: 1 }, id);
    expect(first).toEqual({ input: { a: 1 }, seven: 7 });
    expect(await world.newPipelines().start(flow, { a: 1 }, id)).toEqual(first);
    expect(step.times).toBe(1);
  });

  it("started twice at once in one process runs once, and both get its output", async () => {
    const step = counted(() => "x");
    const flow = workflow((context) => context.step("s", {}, step.work));
    const pipelines = world.newPipelines();
    const id = fresh();
    expect(await Promise.all([pipelines.start(flow, null, id), pipelines.start(flow, null, id)])).toEqual(["x", "x"]);
    expect(step.times).toBe(1);
  });

  it("is found as the last of its workflow and of ids that begin so, and a name's own characters are no wildcards", async () => {
    const pipelines = world.newPipelines();
    const daily = { ...workflow(async () => null), name: "daily" };
    for (const id of ["d:m_1:2025-03-02", "d:m_1:2025-03-10", "d:m_1:2025-03-09", "d:mx1:2025-04-01", "d:m_1x:2025-05-01"])
      await pipelines.start(daily, null, id);
    await pipelines.start({ ...daily, name: "other" }, null, "d:m_1:2025-06-01");
    expect((await pipelines.lastRun("daily", "d:m_1:"))?.runId).toBe("d:m_1:2025-03-10");
    expect(await pipelines.lastRun("daily", "d:m%")).toBeUndefined();
  });

  it("of another owner that is alive is refused", async () => {
    const gate = Promise.withResolvers<string>();
    const flow = workflow((context) => context.step("s", {}, () => gate.promise));
    const id = fresh();
    const running = world.newPipelines().start(flow, null, id);
    await expect(world.newPipelines().start(flow, null, id)).rejects.toMatchObject({ code: "PIPELINE_RUN_OWNED", details: { pid: process.pid } });
    gate.resolve("done");
    expect(await running).toBe("done");
  });

  it("asked for with another input or another workflow is refused, running or over; the order of keys makes no other input", async () => {
    const gate = Promise.withResolvers<string>();
    const flow = workflow((context) => context.step("s", {}, () => gate.promise));
    const pipelines = world.newPipelines();
    const id = fresh();
    const running = pipelines.start(flow, { a: 1, b: 2 }, id);
    const refusal = { code: "PIPELINE_INPUT_CHANGED" };
    await expect(pipelines.start(flow, { a: 2, b: 2 }, id)).rejects.toMatchObject(refusal);
    gate.resolve("done");
    await running;
    await expect(pipelines.start(flow, { a: 2, b: 2 }, id)).rejects.toMatchObject(refusal);
    await expect(
      pipelines.start(
        workflow(async () => null),
        { a: 1, b: 2 },
        id,
      ),
    ).rejects.toMatchObject(refusal);
    expect(await pipelines.start(flow, { b: 2, a: 1 }, id)).toBe("done");
  });

  it("tells its state, input, output, times and steps", async () => {
    const flow = workflow(async (context) => {
      world.clock.advanceBy(5);
      await context.step("one", {}, async () => {
        world.clock.advanceBy(10);
        return 1;
      });
      return "end";
    });
    const pipelines = world.newPipelines();
    const id = fresh();
    world.clock.advanceBy(1);
    const startedUs = world.clock.nowUs();
    await pipelines.start(flow, [1], id);
    expect(await pipelines.getRun(id)).toEqual({
      runId: id,
      workflow: flow.name,
      state: "succeeded",
      input: [1],
      output: "end",
      startedUs,
      endedUs: startedUs + 15,
      steps: [{ stepId: "one", state: "succeeded", attempt: 1, cached: false, startedUs: startedUs + 5, endedUs: startedUs + 15, output: 1 }],
    });
    expect((await pipelines.listRuns(1)).map((run) => run.runId)).toEqual([id]);
    await expect(pipelines.getRun("none")).rejects.toMatchObject({ code: "PIPELINE_RUN_NOT_FOUND" });
  });
});

describe("transact", () => {
  const effects = async (name: string): Promise<number> =>
    (await tables<{ effects: { name: string } }>(world.database.db).selectFrom("effects").selectAll().where("name", "=", name).execute()).length;

  it("commits its effect and its record together: a resumed run does not repeat it, a failed one leaves nothing", async () => {
    const [kept, lost] = [fresh(), fresh()];
    let fail = true;
    const flow = workflow(async (context) => {
      const insert = (id: string, name: string, after: () => void): Promise<string> =>
        context.transact(id, async (trx, { requestId }) => {
          await tables<{ effects: { name: string } }>(trx).insertInto("effects").values({ name }).execute();
          after();
          return requestId;
        });
      const first = await insert("first", kept, () => {});
      const second = await insert("second", lost, () => {
        if (fail) throw busy();
      });
      return [first, second];
    });
    const pipelines = world.newPipelines();
    const id = fresh();
    await expect(pipelines.start(flow, null, id)).rejects.toMatchObject({ code: "STORAGE_BUSY" });
    expect([await effects(kept), await effects(lost)]).toEqual([1, 0]);
    expect((await pipelines.getRun(id)).steps[1]).toMatchObject({ stepId: "second", state: "failed", attempt: 1, error: { code: "STORAGE_BUSY" } });
    fail = false;
    expect(await pipelines.start(flow, null, id)).toEqual([`${id}/first`, `${id}/second`]);
    expect([await effects(kept), await effects(lost)]).toEqual([1, 1]);
    expect((await pipelines.getRun(id)).steps[1]).toMatchObject({ state: "succeeded", attempt: 2 });
  });

  it("does nothing once the run is cancelled", async () => {
    const name = fresh();
    const pipelines = world.newPipelines();
    const id = fresh();
    const flow = workflow(async (context) => {
      await pipelines.cancel(id);
      return context.transact("t", async (trx) => {
        await tables<{ effects: { name: string } }>(trx).insertInto("effects").values({ name }).execute();
        return null;
      });
    });
    await expect(pipelines.start(flow, null, id)).rejects.toMatchObject({ code: "PIPELINE_CANCELLED" });
    expect(await effects(name)).toBe(0);
  });
});

describe("cancel", () => {
  it("ends the step at work, keeps the run cancelled, and the same id goes on", async () => {
    const atWork = Promise.withResolvers<void>();
    let stay = true;
    const first = counted(() => 1);
    const flow = workflow(async (context) => {
      await context.step("first", {}, first.work);
      return context.step("second", { retries: 9 }, () => {
        atWork.resolve();
        return stay ? new Promise<never>(() => {}) : Promise.resolve("end");
      });
    });
    const pipelines = world.newPipelines();
    const id = fresh();
    const running = pipelines.start(flow, null, id);
    await atWork.promise;
    await pipelines.cancel(id);
    await expect(running).rejects.toMatchObject({ code: "PIPELINE_CANCELLED" });
    expect((await pipelines.getRun(id)).state).toBe("cancelled");
    stay = false;
    expect(await pipelines.start(flow, null, id)).toBe("end");
    expect(first.times).toBe(1);
  });

  it("from another process stops the run at its next step; a run that ended stays what it is; an unknown one is told", async () => {
    const [atWork, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<number>()];
    const flow = workflow(async (context) => {
      await context.step("first", {}, () => {
        atWork.resolve();
        return gate.promise;
      });
      return context.step("second", {}, async () => 2);
    });
    const id = fresh();
    const pipelines = world.newPipelines();
    const running = pipelines.start(flow, null, id);
    await atWork.promise;
    await world.newPipelines().cancel(id);
    gate.resolve(1);
    await expect(running).rejects.toMatchObject({ code: "PIPELINE_CANCELLED" });
    expect((await pipelines.getRun(id)).steps.map((step) => [step.stepId, step.state])).toEqual([["first", "succeeded"]]);
    await pipelines.start(flow, null, id);
    await pipelines.cancel(id);
    expect((await pipelines.getRun(id)).state).toBe("succeeded");
    await expect(pipelines.cancel("none")).rejects.toMatchObject({ code: "PIPELINE_RUN_NOT_FOUND" });
  });

  it("after the last step is not overtaken by success", async () => {
    const pipelines = world.newPipelines();
    const id = fresh();
    const flow = workflow(async () => {
      await pipelines.cancel(id);
      return "end";
    });
    await expect(pipelines.start(flow, null, id)).rejects.toMatchObject({ code: "PIPELINE_CANCELLED" });
    expect((await pipelines.getRun(id)).state).toBe("cancelled");
  });
});

describe("recovery", () => {
  /** Leaves a run as a process that died in it would. */
  async function orphan(name: string): Promise<string> {
    const id = fresh();
    const owner = JSON.stringify({ ...ownIdentity(), started: "before this process" });
    const row = { run_id: id, workflow: name, state: "running" as const, input: "5", output: null, error: null, owner, started_us: 1, ended_us: null };
    await tables<PipelineTables>(world.database.db).insertInto("pipeline_runs").values(row).execute();
    return id;
  }

  it("resumes what a dead process left, of registered workflows only, and each run in one recoverer", async () => {
    const step = counted(() => 1);
    const flow = workflow(async (context, input) => [input, await context.step("s", {}, step.work)]);
    const [known, unknown] = [await orphan(flow.name), await orphan(fresh())];
    const [one, two] = [world.newPipelines(), world.newPipelines()];
    one.register(flow);
    two.register(flow);
    const recovered = await Promise.all([one.recover(), two.recover()]);
    expect(recovered.flat()).toEqual([known]);
    const winner = recovered[0].length === 1 ? one : two;
    expect(await winner.start(flow, 5, known)).toEqual([5, 1]);
    expect(step.times).toBe(1);
    expect((await one.getRun(unknown)).state).toBe("running");
    expect(await one.recover()).toEqual([]);
  });

  it("leaves a run of a live process, or of another machine, alone", async () => {
    const flow = workflow(async () => "x");
    const gate = Promise.withResolvers<string>();
    const live = workflow((context) => context.step("s", {}, () => gate.promise));
    const running = world.newPipelines().start(live, null, fresh());
    const elsewhere = await orphan(flow.name);
    const owner = JSON.stringify({ machine: "elsewhere/boot", pid: 1, started: "1" });
    await tables<PipelineTables>(world.database.db).updateTable("pipeline_runs").set({ owner }).where("run_id", "=", elsewhere).execute();
    const pipelines = world.newPipelines();
    pipelines.register(flow);
    pipelines.register(live);
    expect(await pipelines.recover()).toEqual([]);
    gate.resolve("end");
    expect(await running).toBe("end");
  });

  it.each([
    "before read",
    "in read, before its effect",
    "in read, after its effect",
    "after read",
    "in part/b, after its effect",
    "in register, before its effect",
    "in register, before its commit",
    "after register",
    "before the end",
  ])("after kill -9 at the point '%s' the run completes, transacted effects once, the step in flight at most once more", async (point) => {
    const folder = freshFolder(world.scratch);
    const killed = await startProgram(folder, "start", point).exit();
    expect(killed.signal).toBe("SIGKILL");
    const said = await finish(folder, "recover");
    expect(JSON.parse(outputOf(said) ?? "null")).toMatchObject({ parts: ["aaa", "bbb", "ccc"], registered: "register", flaky: "in the end" });
    await expectEffects(folder, [killed.said]);
  });
});
