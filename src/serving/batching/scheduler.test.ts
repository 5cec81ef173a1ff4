import { describe, expect, it } from "vitest";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import { seededRng } from "../../kernel/rng.ts";
import type { Tensor } from "../formats/model.ts";
import { ManualTime } from "./manual-time.fixture.ts";
import { readBatching, type BatchingPolicy } from "./policy.ts";
import { BatchScheduler, type BatchQuestion } from "./scheduler.ts";

const policyOf = (fields: Record<string, unknown>): BatchingPolicy => readBatching(new TextEncoder().encode(JSON.stringify({ maxBatchSize: 8, ...fields })), 1);
const tensor = (values: readonly number[], width = 1): Tensor => ({
  name: "X",
  datatype: "FP32",
  shape: [values.length, width],
  data: Float32Array.from(values.flatMap((value) => Array.from({ length: width }, () => value))),
});

interface Run {
  readonly atMs: number;
  readonly values: readonly number[];
}

/** A model that doubles each row's first element and takes `runMs`; a row of -1 makes its run fail, one of -2 finds its server gone. */
function world(policy: BatchingPolicy, runMs: (rows: number) => number = () => 10) {
  const time = new ManualTime();
  const runs: Run[] = [];
  const counted: number[] = [];
  let underWay = 0;
  let most = 0;
  const scheduler = new BatchScheduler({
    policy,
    timerMs: time.timerMs,
    after: time.after,
    onRun: (rows) => counted.push(rows),
    predict: async (inputs) => {
      const [{ shape, data }] = inputs as [Tensor];
      const width = shape[1]!;
      const values = Array.from({ length: shape[0]! }, (_, row) => Number(data[row * width]));
      runs.push({ atMs: time.nowMs, values });
      most = Math.max(most, ++underWay);
      await time.sleep(runMs(values.length));
      underWay--;
      if (values.includes(-1)) throw new KarkhanaError("MODEL_RUN_FAILED", { problem: "a row of -1" });
      if (values.includes(-2)) throw new KarkhanaError("REMOTE_UNREACHABLE", { url: "there", model: "m", problem: "gone" });
      return [{ name: "Y", datatype: "FP32", shape: [values.length, 1], data: Float32Array.from(values, (value) => value * 2) }];
    },
  });
  const ask = (inputs: readonly Tensor[], rest: Partial<BatchQuestion> = {}) => {
    const outcome: { answer?: number[]; shape?: readonly number[]; code?: string | undefined; atMs: number; queueMs?: number } = { atMs: Number.NaN };
    scheduler.run({ inputs, outputs: ["Y"], priority: 0, tenant: "", deadlineMs: Infinity, ...rest }).then(
      ({ outputs: [y], queueMs }) => void Object.assign(outcome, { answer: [...(y!.data as Float32Array)], shape: y!.shape, atMs: time.nowMs, queueMs }),
      (error: unknown) => void Object.assign(outcome, { code: codeOf(error), atMs: time.nowMs }),
    );
    return outcome;
  };
  return { time, runs, counted, scheduler, ask, most: () => most };
}

describe("requests of a model that runs elsewhere", () => {
  it("are put together while the model is busy, and each gets its own rows", async () => {
    const { time, runs, ask, counted } = world(policyOf({}));
    const first = ask([tensor([1])]);
    await time.step();
    const others = [ask([tensor([2, 3])]), ask([tensor([4])]), ask([tensor([5, 6, 7])])];
    await time.run();
    expect(runs.map(({ values }) => values)).toEqual([[1], [2, 3, 4, 5, 6, 7]]);
    expect([first, ...others].map(({ answer }) => answer)).toEqual([[2], [4, 6], [8], [10, 12, 14]]);
    expect(others[2]).toMatchObject({ shape: [3, 1], queueMs: 10 });
    expect(counted).toEqual([1, 6]);
  });

  it("wait for others no longer than maxDelayMs, and not at all once a batch or a preferred size is full", async () => {
    const { time, runs, ask } = world(policyOf({ maxDelayMs: 5, preferredBatchSizes: [4], runs: 10 }));
    ask([tensor([1])]);
    await time.run();
    expect(runs.at(-1)).toEqual({ atMs: 5, values: [1] });
    const from = time.nowMs;
    ask([tensor([1, 2])]);
    ask([tensor([3, 4])]);
    ask([tensor([5])]);
    await time.run();
    expect(runs.slice(1)).toEqual([
      { atMs: from, values: [1, 2, 3, 4] },
      { atMs: from + 5, values: [5] },
    ]);
    const then = time.nowMs;
    for (let i = 0; i < 9; i++) ask([tensor([i])]);
    await time.run();
    expect(runs.slice(3).map(({ atMs, values }) => [atMs - then, values.length])).toEqual([
      [0, 8],
      [5, 1],
    ]);
  });

  it("of other shapes or types never run together", async () => {
    const { time, runs, ask } = world(policyOf({}));
    ask([tensor([0])]);
    await time.step();
    const asked = [ask([tensor([1])]), ask([tensor([2], 2)]), ask([tensor([3])]), ask([tensor([4], 2)]), ask([{ ...tensor([5]), datatype: "FP64" }])];
    await time.run();
    expect(runs.slice(1).map(({ values }) => values)).toEqual([[1, 3], [2, 4], [5]]);
    expect(asked.map(({ answer }) => answer)).toEqual([[2], [4], [6], [8], [10]]);
  });

  it("whose time is over are not run, and told so before the model is free", async () => {
    const { time, runs, ask } = world(policyOf({ queueTimeoutMs: 0 }), () => 100);
    ask([tensor([1])]);
    await time.step();
    const late = ask([tensor([2])], { deadlineMs: 30 });
    const patient = ask([tensor([3])], { deadlineMs: 300 });
    await time.run();
    expect(late).toMatchObject({ code: "DEADLINE_PASSED", atMs: 30 });
    expect(patient.answer).toEqual([6]);
    expect(runs.flatMap(({ values }) => values)).toEqual([1, 3]);
  });

  it("of a higher priority go first; a level has a limit and a timeout of its own", async () => {
    const { time, runs, ask } = world(policyOf({ maxBatchSize: 2, priorityLevels: 3, defaultPriority: 2, levels: { 3: { maxQueue: 1, queueTimeoutMs: 15 } } }));
    ask([tensor([0])]);
    await time.step();
    const low = ask([tensor([31])], { priority: 3 });
    expect([low.code]).toEqual([undefined]);
    const over = ask([tensor([32])], { priority: 3 });
    ask([tensor([21])]);
    ask([tensor([22])], { priority: 99 });
    ask([tensor([11])], { priority: 1 });
    ask([tensor([12])], { priority: 1 });
    await time.run();
    expect(runs.map(({ values }) => values)).toEqual([[0], [11, 12], [21, 22]]);
    expect(over.code).toBe("MODEL_QUEUE_FULL");
    expect(low).toMatchObject({ code: "DEADLINE_PASSED", atMs: 15 });
  });

  it("of a tenant who floods the model wait behind themselves", async () => {
    const { time, runs, ask } = world(policyOf({ maxBatchSize: 2, maxQueue: 100 }));
    for (let i = 0; i < 20; i++) ask([tensor([i])], { tenant: "flood" });
    await time.step();
    ask([tensor([100])], { tenant: "quiet" });
    ask([tensor([101])], { tenant: "quiet" });
    await time.run();
    const order = runs.flatMap(({ values }) => values);
    expect(order.indexOf(100)).toBeLessThan(5);
    expect(order.indexOf(101)).toBeLessThan(7);
    expect(order).toHaveLength(22);
  });

  it("over a tenant's share of the line are refused while others find a place", async () => {
    const { time, ask } = world(policyOf({ maxBatchSize: 2, maxQueue: 10 }));
    const quiet = ask([tensor([1])], { tenant: "quiet" });
    const flood = Array.from({ length: 9 }, (_, i) => ask([tensor([i])], { tenant: "flood" }));
    const more = ask([tensor([2])], { tenant: "quiet" });
    await time.run();
    expect(flood.filter(({ code }) => code === "SHARE_EXCEEDED")).toHaveLength(4);
    expect([quiet.answer, more.answer]).toEqual([[2], [4]]);
  });

  it("that fail fail alone: the others are answered", async () => {
    const { time, ask, counted } = world(policyOf({}));
    ask([tensor([0])]);
    await time.step();
    const asked = [1, 2, -1, 4, 5].map((value) => ask([tensor([value])]));
    await time.run();
    expect(asked.map(({ answer, code }) => answer ?? code)).toEqual([[2], [4], "MODEL_RUN_FAILED", [8], [10]]);
    expect(counted.reduce((a, b) => a + b, 0)).toBe(5);
  });

  it("are not asked again one by one of a server that is away", async () => {
    const { time, ask, runs } = world(policyOf({}));
    ask([tensor([0])]);
    await time.step();
    const asked = [1, -2, 3].map((value) => ask([tensor([value])]));
    await time.run();
    expect(asked.map(({ code }) => code)).toEqual(["REMOTE_UNREACHABLE", "REMOTE_UNREACHABLE", "REMOTE_UNREACHABLE"]);
    expect(runs).toHaveLength(2);
  });

  it("larger than a run takes are refused by name", async () => {
    const { ask, time } = world(policyOf({}));
    const asked = ask([tensor(Array.from({ length: 9 }, () => 1))]);
    await time.run();
    expect(asked.code).toBe("INFER_REFUSED");
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))("each get exactly their own rows' answers, whatever comes when (%i)", async (seed) => {
    const rng = seededRng(seed, "arrivals");
    const policy = policyOf({
      maxBatchSize: 1 + rng.int(12),
      maxDelayMs: rng.int(2) * rng.int(20),
      runs: 1 + rng.int(3),
      maxQueue: 5 + rng.int(60),
      preferredBatchSizes: rng.int(2) === 0 ? [] : [1],
      priorityLevels: 3,
      levels: { 1: { queueTimeoutMs: rng.int(2) * 25 } },
    });
    const { time, ask, runs, most, scheduler, counted } = world(policy, (rows) => 1 + rows + rng.int(30));
    const asked: { outcome: ReturnType<typeof ask>; values: number[]; deadlineMs: number }[] = [];
    let next = 0;
    const numRequests = 150;
    for (let i = 0; i < numRequests; i++)
      time.after(rng.int(600), () => {
        const isBad = rng.int(15) === 0;
        const values = Array.from({ length: 1 + rng.int(Math.min(4, policy.maxBatchSize)) }, () => (isBad ? -1 : ++next));
        const deadlineMs = rng.int(3) === 0 ? time.nowMs + 1 + rng.int(80) : Infinity;
        const outcome = ask([tensor(values, 1 + rng.int(2))], { priority: rng.int(5), tenant: `t${rng.int(3)}`, deadlineMs });
        asked.push({ outcome, values, deadlineMs });
      });
    await time.run();
    expect(asked).toHaveLength(numRequests);
    const answeredOnes = asked.filter(({ outcome }) => outcome.answer !== undefined);
    for (const { outcome, values } of answeredOnes) expect(outcome.answer).toEqual(values.map((value) => value * 2));
    const allowed = (values: readonly number[]) => [values.includes(-1) ? "MODEL_RUN_FAILED" : "", "DEADLINE_PASSED", "MODEL_QUEUE_FULL", "SHARE_EXCEEDED"];
    for (const { outcome, values } of asked) expect([undefined, ...allowed(values)]).toContain(outcome.code);
    // Nothing is begun for a request whose time is over.
    const begun = asked.flatMap(({ values, deadlineMs }) =>
      runs.filter((run) => values[0] !== -1 && run.values.includes(values[0]!)).map((run) => run.atMs < deadlineMs),
    );
    expect(begun).not.toContain(false);
    expect(answeredOnes.length).toBeGreaterThan(10);
    expect(Math.max(...runs.map(({ values }) => values.length))).toBeLessThanOrEqual(policy.maxBatchSize);
    expect(most()).toBeLessThanOrEqual(policy.runs);
    expect(scheduler.waiting).toBe(0);
    const answered = answeredOnes.flatMap(({ values }) => values);
    expect(counted.reduce((a, b) => a + b, 0)).toBe(answered.length);
  });
});

describe("batching.json", () => {
  it.each([
    [{ maxBatchSize: 0 }, /maxBatchSize/],
    [{ maxDelayMs: -1 }, /maxDelayMs/],
    [{ preferredBatchSizes: [9] }, /preferredBatchSizes/],
    [{ priorityLevels: 2, defaultPriority: 3 }, /defaultPriority/],
    [{ levels: { 1: {} } }, /levels.1/],
    [{ maxLatency: 3 }, /maxLatency.*is not one of/],
  ])("%j is refused by the name of its field", (fields, message) => {
    expect(() => policyOf(fields)).toThrow(message);
  });
});
