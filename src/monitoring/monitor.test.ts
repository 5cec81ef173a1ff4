import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { seededRng, type Rng } from "../kernel/rng.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../kernel/time.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import { defaultMonitors, type MonitorPolicy } from "../project/definition.ts";
import type { Alert } from "./alert.ts";
import type { DriftWindow } from "./drift.ts";
import { createMonitor, type Monitor, type MonitorEvent, type MonitorOptions } from "./monitor.ts";
import { buildReferenceProfile, type ReferenceProfile } from "./profile.ts";
import type { QualityWindow } from "./quality.ts";

const day = MICROS_PER_DAY;
const uniforms = (rng: Rng, n: number): Float64Array => Float64Array.from({ length: n }, () => rng.next());

function profileOf(numSlots: number, rows = 20_000, holdoutAuc = 0.83): ReferenceProfile {
  const rng = seededRng(`profile/${numSlots}`);
  const estimate = { value: holdoutAuc, low: holdoutAuc - 0.01, high: holdoutAuc + 0.01 };
  return buildReferenceProfile({
    slots: Array.from({ length: numSlots }, (_, s) => ({ name: `slot${s}`, type: "numeric" })),
    columns: Array.from({ length: numSlots }, () => uniforms(rng, rows)),
    scores: uniforms(rng, rows),
    holdout: { rows, auc: estimate, logLoss: estimate, brier: estimate },
  });
}

const profile = profileOf(4);
const monitorOf = (policy: Partial<MonitorPolicy> = {}, more: Partial<MonitorOptions> = {}): Monitor =>
  createMonitor({ model: "m", policy: { ...defaultMonitors, ...policy }, profile: () => profile, ...more });

interface Day {
  readonly rows: number;
  readonly version?: number;
  readonly role?: PredictionRecord["role"];
  readonly tamper?: (vector: Float64Array, i: number) => void;
  /** Outcomes ignore the scores. */
  readonly isBlind?: boolean;
  readonly numSlots?: number;
}

/** Observes days of traffic, outcomes an hour after each question. */
class Traffic {
  readonly rng: Rng;
  readonly monitor: Monitor;
  offset = 0;

  constructor(monitor: Monitor, seed: string) {
    this.monitor = monitor;
    this.rng = seededRng(seed);
  }

  observe(index: number, { rows, version = 1, role = "champion", tamper, isBlind = false, numSlots = 4 }: Day): void {
    for (let i = 0; i < rows; i++) {
      const askedUs = index * day + Math.floor((i / rows) * day);
      const vector = uniforms(this.rng, numSlots);
      tamper?.(vector, i);
      const score = this.rng.next();
      const prediction: PredictionRecord = {
        id: `${this.offset}`,
        model: "m",
        version,
        role,
        askedUs,
        servedUs: askedUs,
        score,
        vector,
        serviceHash: "s",
        fields: {},
        latencyUs: 250,
      };
      this.monitor.observePrediction(prediction, this.offset);
      this.monitor.observeMatured({ prediction, label: this.rng.next() < (isBlind ? 0.5 : score) ? 1 : 0, knownUs: askedUs + MICROS_PER_HOUR }, this.offset);
      this.offset++;
    }
  }
}

function watch(monitor: Monitor, seed: string, days: readonly (Day | readonly Day[])[]): MonitorEvent[] {
  const traffic = new Traffic(monitor, seed);
  const events: MonitorEvent[] = [];
  for (const [index, parts] of days.entries()) {
    for (const part of Array.isArray(parts) ? (parts as readonly Day[]) : [parts as Day]) traffic.observe(index, part);
    events.push(...monitor.advance((index + 1) * day));
  }
  return [...events, ...monitor.advance((days.length + 1) * day - 1)];
}

const raised = (events: readonly MonitorEvent[]): Alert[] => events.flatMap((event) => (event.kind === "alert-raised" ? [event.alert] : []));
const resolved = (events: readonly MonitorEvent[]): Alert[] => events.flatMap((event) => (event.kind === "alert-resolved" ? [event.alert] : []));
const driftOf = (events: readonly MonitorEvent[]): DriftWindow[] =>
  events.flatMap((event) => (event.kind === "window" && event.window.kind === "drift" ? [event.window] : []));
const qualityOf = (events: readonly MonitorEvent[]): QualityWindow[] =>
  events.flatMap((event) => (event.kind === "window" && event.window.kind === "quality" ? [event.window] : []));
const healthy: Day = { rows: 400 };
const repeat = (n: number, part: Day): Day[] => Array.from({ length: n }, () => part);
const shiftSlot2 = (vector: Float64Array): void => void (vector[2] = 0.5 + vector[2]! / 2);

describe("without drift", () => {
  // Band 0: only the sampling floor stands between noise and an alarm. 55 slots and the score, quantile 0.99 for all of them together.
  it.each([100, 200, 500, 1000])("windows of %i rows go over in about one of a hundred, as promised", (rows) => {
    const wide = profileOf(55);
    const monitor = createMonitor({ model: "m", policy: { ...defaultMonitors, psiBand: 0, consecutive: 1 }, profile: () => wide });
    const windows = Math.round(40_000 / rows) + 40;
    const drift = driftOf(watch(monitor, `quiet/${rows}`, repeat(windows, { rows, numSlots: 55 })));
    expect(drift).toHaveLength(windows);
    expect(drift.every((window) => window.slots.length === 55 && window.slots.every((slot) => slot.psi > 0 && slot.floor > 0))).toBe(true);
    const over = drift.filter((window) => window.slotsOver.length > 0).length;
    // Four standard deviations above one in a hundred.
    expect(over).toBeLessThanOrEqual(0.01 * windows + 4 * Math.sqrt(0.01 * windows));
  });

  it("the policy band alone, without the floor, would cry at 100 rows: the floor is what keeps quiet", () => {
    const monitor = monitorOf({ psiBand: 0.1 });
    const drift = driftOf(watch(monitor, "band", repeat(100, { rows: 100 })));
    expect(drift.filter((window) => window.slots.some((slot) => slot.psi > 0.1)).length).toBeGreaterThan(40);
    expect(drift.filter((window) => window.slotsOver.length > 0).length).toBeLessThan(6);
  });

  it("no alert of any kind is raised in 60 days", () => {
    expect(raised(watch(monitorOf({ consecutive: 1 }), "calm", repeat(60, healthy)))).toEqual([]);
  });
});

describe("drift", () => {
  it("is raised after `consecutive` windows, once, with slot, figure and threshold; resolved after as many clean ones", () => {
    const events = watch(monitorOf(), "shift", [...repeat(3, healthy), ...repeat(6, { rows: 400, tamper: shiftSlot2 }), ...repeat(4, healthy)]);
    const alerts = raised(events);
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ id: `m/drift/${6 * day}`, kind: "drift", version: 1, status: "open", sinceUs: 3 * day, raisedUs: 6 * day });
    expect(alerts[0]!.findings.map((finding) => finding.subject)).toEqual(["slot2"]);
    expect(alerts[0]!.findings[0]!.value).toBeGreaterThan(alerts[0]!.findings[0]!.threshold);
    expect(alerts[0]!.summary).toMatch(/^slot2: PSI \d+\.\d+ above 0\.250, 3 windows in a row$/);
    expect(resolved(events)).toEqual([{ ...alerts[0], status: "resolved", resolvedUs: 12 * day }]);
  });

  it("is not raised when another slot is over in each window: that is weather", () => {
    const wandering = Array.from({ length: 9 }, (_, index): Day => ({ rows: 400, tamper: (vector) => void (vector[index % 3] = vector[index % 3]! / 2) }));
    const events = watch(monitorOf(), "weather", wandering);
    expect(driftOf(events).every((window) => window.slotsOver.length === 1)).toBe(true);
    expect(raised(events)).toEqual([]);
  });

  it("is not raised for a slot that strays no further than the reference's own windows did", () => {
    const seasoned: ReferenceProfile = { ...profile, slots: profile.slots.map((slot) => ({ ...slot, windowPsi: 8 })) };
    const days = repeat(6, { rows: 400, tamper: shiftSlot2 });
    expect(raised(watch(monitorOf({}, { profile: () => seasoned }), "season", days))).toEqual([]);
    expect(raised(watch(monitorOf(), "season", days))).toHaveLength(1);
  });

  it("of the score is found like a slot's", () => {
    const shifted: ReferenceProfile = { ...profile, score: { ...profile.score, counts: profile.score.counts.map((n, i) => (i < 5 ? n * 20 : n)) } };
    expect(raised(watch(monitorOf({}, { profile: () => shifted }), "score", repeat(4, healthy)))[0]!.findings[0]!.subject).toBe("score");
  });

  it("is not judged on fewer rows than the stated minimum", () => {
    const events = watch(monitorOf({ consecutive: 1 }), "few", repeat(10, { rows: 99, tamper: shiftSlot2 }));
    expect(driftOf(events).every((window) => window.notJudged === "too-few-predictions" && window.predictions === 99)).toBe(true);
    expect(raised(events)).toEqual([]);
  });

  it("of shadow and challenger is measured but raises nothing", () => {
    const shadow: Day = { rows: 400, version: 2, role: "shadow", tamper: shiftSlot2 };
    const events = watch(
      monitorOf(),
      "shadow",
      Array.from({ length: 6 }, () => [healthy, shadow]),
    );
    expect(driftOf(events).filter((window) => window.role === "shadow" && window.slotsOver.includes("slot2"))).toHaveLength(6);
    expect(raised(events)).toEqual([]);
  });

  it("starts its count again with a new version, while an open alert stays until that version is clean", () => {
    const old: Day = { rows: 400, tamper: shiftSlot2 };
    const events = watch(monitorOf(), "promotion", [...repeat(3, old), ...repeat(2, { ...old, version: 2 }), ...repeat(3, { ...healthy, version: 2 })]);
    expect(raised(events).map((alert) => alert.version)).toEqual([1]);
    expect(resolved(events).map((alert) => alert.resolvedUs)).toEqual([8 * day]);
  });
});

describe("quality", () => {
  it("is judged when labels have matured, and raised when the whole interval lies below holdout less the allowed drop", () => {
    const events = watch(monitorOf(), "blind", [...repeat(2, healthy), ...repeat(3, { rows: 400, isBlind: true }), ...repeat(4, healthy)]);
    const windows = qualityOf(events);
    expect(windows.map((window) => window.isBreach)).toEqual([false, false, true, true, true, false, false, false]);
    expect(windows.every((window) => window.threshold === 0.83 - 0.02 && window.matured === 400)).toBe(true);
    const alerts = raised(events);
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ kind: "quality", sinceUs: 2 * day, raisedUs: 6 * day });
    expect(resolved(events)[0]!.resolvedUs).toBe(9 * day);
  });

  it("leaves out labels that became known after the horizon, however early they were read", () => {
    const monitor = monitorOf();
    const prediction: PredictionRecord = {
      id: "1",
      model: "m",
      version: 1,
      role: "champion",
      askedUs: 0,
      servedUs: 0,
      score: 0.5,
      vector: new Float64Array(4),
      serviceHash: "s",
      fields: {},
      latencyUs: 1,
    };
    monitor.observePrediction(prediction, 0);
    monitor.observeMatured({ prediction, label: 1, knownUs: 2 * day + 1 }, 0);
    expect(qualityOf(monitor.advance(2 * day))[0]).toMatchObject({ predictions: 1, matured: 0, notJudged: "too-few-labels" });
  });

  it("counts a corrected label once, with its last value", () => {
    const monitor = monitorOf();
    const prediction: PredictionRecord = {
      id: "1",
      model: "m",
      version: 1,
      role: "champion",
      askedUs: 0,
      servedUs: 0,
      score: 0.5,
      vector: new Float64Array(4),
      serviceHash: "s",
      fields: {},
      latencyUs: 1,
    };
    monitor.observePrediction(prediction, 0);
    monitor.observeMatured({ prediction, label: 1, knownUs: 1 }, 0);
    monitor.observeMatured({ prediction, label: 0, knownUs: 2, replaces: 1 }, 1);
    expect(qualityOf(monitor.advance(2 * day))[0]).toMatchObject({ matured: 1, labelRate: 0 });
  });
});

describe("pipeline faults", () => {
  it("nulls in a third of a slot are raised at the end of that window, naming the slot", () => {
    const events = watch(monitorOf(), "nulls", [
      ...repeat(2, healthy),
      { rows: 400, tamper: (vector, i) => void (i % 3 === 0 && (vector[1] = Number.NaN)) },
      ...repeat(3, healthy),
    ]);
    const alerts = raised(events);
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ kind: "pipeline", raisedUs: 3 * day, findings: [{ subject: "slot1", measure: "null-share" }] });
    expect(resolved(events)[0]!.resolvedUs).toBe(6 * day);
  });

  it("traffic that breaks off is raised once; an outage is waited out and ends after clean windows", () => {
    const events = watch(monitorOf(), "outage", [...repeat(8, healthy), ...repeat(20, { rows: 0 }), ...repeat(3, healthy)]);
    expect(raised(events).map((alert) => [alert.kind, alert.findings[0]!.subject, alert.raisedUs])).toEqual([["pipeline", "volume", 9 * day]]);
    expect(resolved(events).map((alert) => alert.resolvedUs)).toEqual([31 * day]);
  });

  it("less than half of the usual traffic is raised, a weekend is not", () => {
    expect(raised(watch(monitorOf(), "half", [...repeat(8, healthy), { rows: 190 }]))[0]!.findings[0]).toMatchObject({
      subject: "volume",
      value: 190,
      threshold: 200,
    });
    expect(raised(watch(monitorOf(), "weekend", [...repeat(8, healthy), ...repeat(2, { rows: 250 }), healthy])).length).toBe(0);
  });

  it("vectors of another length than the reference's are counted and raised, never binned", () => {
    const events = watch(monitorOf(), "shape", repeat(3, { rows: 400, numSlots: 5 }));
    expect(driftOf(events)[0]).toMatchObject({ misshapen: 400, notJudged: "misshapen-vectors", slots: [] });
    expect(raised(events).map((alert) => [alert.kind, alert.findings[0]!.subject])).toEqual([["pipeline", "vector"]]);
  });
});

describe("the watermark", () => {
  const story = [
    ...repeat(8, healthy),
    ...repeat(3, { rows: 150, tamper: shiftSlot2, isBlind: true }),
    ...repeat(2, { rows: 0 }),
    [healthy, { ...healthy, version: 2 }],
    ...repeat(4, { ...healthy, version: 2 }),
  ];

  it("in one jump gives the same events as in any number of steps", () => {
    const all = (steps: readonly number[]): MonitorEvent[] => {
      const monitor = monitorOf();
      const traffic = new Traffic(monitor, "steps");
      for (const [index, parts] of story.entries()) for (const part of Array.isArray(parts) ? parts : [parts]) traffic.observe(index, part);
      return steps.flatMap((step) => monitor.advance(step));
    };
    const end = 25 * day;
    const expected = all([end]);
    expect(raised(expected).map((alert) => alert.kind)).toEqual(expect.arrayContaining(["drift", "quality", "pipeline"]));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: end }), { maxLength: 30 }), (steps) => {
        expect(all([...steps.sort((a, b) => a - b), end])).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it("a year of silence costs no walk through its windows", () => {
    const monitor = monitorOf({ window: "1m" });
    watch(monitor, "silence", [{ rows: 20_000 }]);
    expect(monitor.advance(400 * day).length).toBeLessThan(10);
  });

  it("that goes back closes nothing twice", () => {
    const monitor = monitorOf();
    const events = watch(monitor, "back", repeat(3, healthy));
    expect(driftOf(events)).toHaveLength(3);
    expect(monitor.advance(day)).toEqual([]);
  });
});

it("a version without a profile is counted and not judged", () => {
  const events = watch(monitorOf({}, { profile: () => undefined }), "unknown", repeat(2, healthy));
  expect(driftOf(events).map((window) => [window.predictions, window.notJudged])).toEqual([
    [400, "no-profile"],
    [400, "no-profile"],
  ]);
  expect(qualityOf(events)[0]).toMatchObject({ matured: 400, notJudged: "no-profile" });
  expect(qualityOf(events)[0]!.auc).toBeGreaterThan(0.7);
});

it.each([
  [{ window: "1 day" }, "monitors.window"],
  [{ psiBand: -1 }, "monitors.psiBand"],
  [{ psiQuantile: 1 }, "monitors.psiQuantile"],
  [{ maxAucDrop: Number.NaN }, "monitors.maxAucDrop"],
  [{ consecutive: 0 }, "monitors.consecutive"],
])("a policy of %j is refused, naming %s", (policy, field) => {
  expect(() => monitorOf(policy)).toThrow(expect.toSatisfy((error) => codeOf(error) === "INVALID_ARGUMENT" && String(error).includes(field)));
});
