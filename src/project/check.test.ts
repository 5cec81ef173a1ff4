import { describe, expect, test } from "vitest";
import { csv, pushed } from "../data/source.ts";
import { categorical, entity, featureView, numeric, window, type ModelFeature } from "../features/definition.ts";
import { MICROS_PER_DAY } from "../kernel/time.ts";
import { checkProject } from "./check.ts";
import { model, project, type ModelDefinition, type ModelOptions, type ProjectDefinition } from "./definition.ts";
import { logRetentionOf, type LogPolicy } from "./log-retention.ts";

const trips = csv("trips", {
  path: "trips.csv",
  schema: { at: "timestamp", city: "string", km: "float64", late: "boolean" },
  eventTime: "at",
  knownTime: "at + hours(1)",
});
const city = entity("city", { keys: ["city"] });
const past = featureView("past", { entity: city, source: trips, on: { city: "city" }, features: { trips_1d: window("1d").count() } });

function tripModel(change: Partial<ModelOptions> = {}): ModelDefinition {
  return model("late_trip", {
    spine: trips,
    request: ["city", "km"],
    label: "late",
    features: [past.at({ city: "city" }), categorical("city"), numeric("km")],
    trainer: { gbdt: {} },
    training: { from: "2026-01-01", validFrom: "2026-02-01", holdoutFrom: "2026-03-01", to: "2026-04-01" },
    ...change,
  });
}

function problemOf(definition: ProjectDefinition): string {
  try {
    checkProject(definition);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test("a whole project has no problem", () => {
  expect(problemOf(project("trips", { models: [tripModel()], replay: { model: "late_trip", from: "2026-04-01", to: "2026-05-01" } }))).toBe("");
});

describe("a mistake in a model is named with its place and its value", () => {
  const features = (...list: ModelFeature[]): Partial<ModelOptions> => ({ features: list });
  const nowhere = csv("nowhere", { path: "x.csv", schema: { at: "timestamp" }, eventTime: "att" });
  const cases: readonly (readonly [what: string, change: Partial<ModelOptions>, problem: RegExp])[] = [
    ["a label that is no condition", { label: "km" }, /label of model late_trip: expected a boolean, this gives a number/],
    ["a source whose event time is no column", { spine: nowhere, request: [], label: "at is null" }, /source nowhere, eventTime: there is no column att/],
    [
      "a request field that is no column",
      { request: ["city", "km", "miles"] },
      /model late_trip, request: names a column that source trips does not have \(got miles\)/,
    ],
    ["a request field twice", { request: ["city", "km", "km"] }, /request: the same name twice \(got km\)/],
    ["no feature", features(), /features: names no feature/],
    ["a feature twice", features(numeric("km"), numeric("km")), /features: the same name twice \(got km\)/],
    [
      "a key bound to a field that requests do not carry",
      { request: ["km"], features: [past.at({ city: "city" }), numeric("km")] },
      /read a field that requests do not carry; they carry km \(got city\)/,
    ],
    ["a slice that is no request field", { slices: ["late"] }, /slices: must be fields of the request: city, km \(got late\)/],
    [
      "a time that is none",
      { training: { from: "soon", validFrom: "2026-02-01", holdoutFrom: "2026-03-01", to: "2026-04-01" } },
      /training\.from: expected an ISO 8601/,
    ],
    [
      "times out of order",
      { training: { from: "2026-01-01", validFrom: "2026-03-02", holdoutFrom: "2026-03-01", to: "2026-04-01" } },
      /training\.holdoutFrom: must be after validFrom/,
    ],
    ["a trainer's parameter out of range", { trainer: { gbdt: { numLeaves: 1 } } }, /numLeaves/],
    ["a window that is no duration", { monitors: { window: "a day" } }, /monitors\.window/],
    ["a share above one half", { gates: { abShare: 0.6 } }, /gates\.abShare: expected a share from 0 to 0\.5 \(got 0\.6\)/],
    ["a gate that is no number", { gates: { minAuc: Number.NaN } }, /gates\.minAuc: expected a number/],
  ];
  test.each(cases)("%s", (_what, change, problem) => {
    expect(problemOf(project("trips", { models: [tripModel(change)] }))).toMatch(problem);
  });
});

test("a retention shorter than what features look back, or declared under features that look at everything, is refused", () => {
  const kept = (retention: string, view: "1d" | "lifetime"): string => {
    const visits = pushed("visits", { schema: { at: "timestamp", city: "string" }, eventTime: "at", retention });
    const seen = featureView("seen", { entity: city, source: visits, on: { city: "city" }, features: { visits: window(view).count() } });
    return problemOf(project("trips", { models: [tripModel({ features: [seen.at({ city: "city" }), numeric("km")] })] }));
  };
  expect(kept("3d", "1d")).toBe("");
  expect(kept("2d", "1d")).toMatch(/source visits, retention: view seen looks back further: at least 3d \(got 2d\)/);
  expect(kept("900d", "lifetime")).toMatch(/looks at all rows there ever were/);
  expect(kept("soon", "1d")).toMatch(/source visits, retention/);
});

test("logs kept for less than what is still read of them, or in too few bytes, are refused; the default reaches as far as the longest reader", () => {
  const declared = (logs: LogPolicy, window = "1d"): ProjectDefinition => project("trips", { models: [tripModel({ monitors: { window } })], logs });
  expect(problemOf(declared({ retention: "15d" }))).toBe("");
  expect(problemOf(declared({ retention: "14d" }))).toMatch(
    /logs\.retention: a candidate of model late_trip is compared with the champion for up to 14 days and looks further back: at least 15d, or leave it out for 90d \(got 14d\)/,
  );
  expect(problemOf(declared({ retention: "30d" }, "30d"))).toMatch(/logs\.retention: the monitors of model late_trip .*: at least 32d.* \(got 30d\)/);
  expect(problemOf(declared({ retention: "soon" }))).toMatch(/logs\.retention/);
  expect(problemOf(declared({ maxBytes: 1000 }))).toMatch(/logs\.maxBytes: .* at least 134217728 .* \(got 1000\)/);
  expect(problemOf(declared({ maxBytes: Number.NaN }))).toMatch(/logs\.maxBytes/);
  expect(logRetentionOf(declared({}))).toEqual({ keptUs: 90 * MICROS_PER_DAY, maxBytes: 50_000_000_000, neededUs: 15 * MICROS_PER_DAY });
  expect(logRetentionOf(declared({}, "120d"))).toMatchObject({ keptUs: 122 * MICROS_PER_DAY, neededUs: 122 * MICROS_PER_DAY });
});

test("a project without models, with two of one name, or a replay that ends before it begins, is refused", () => {
  expect(problemOf(project("trips", { models: [] }))).toMatch(/models: declares no model/);
  expect(problemOf(project("trips", { models: [tripModel(), tripModel()] }))).toMatch(/models: the same name twice \(got late_trip\)/);
  expect(problemOf(project("trips", { models: [tripModel()], replay: { model: "late_trip", from: "2026-05-01", to: "2026-04-01" } }))).toMatch(
    /replay\.to: must be after from/,
  );
});

test("how far a challenger goes by itself is no part of what a model is; what starts one, and what it learns from, is", () => {
  const hashOf = (retrain: ModelOptions["retrain"]): string => tripModel(retrain === undefined ? {} : { retrain }).hash;
  expect(hashOf({ upTo: "shadow" })).toBe(hashOf(undefined));
  expect(hashOf({ on: [] })).not.toBe(hashOf(undefined));
  expect(tripModel().retrain.upTo).toBe("champion");
});

test("a retraining policy that cannot be meant is refused", () => {
  const told = (retrain: object): string => problemOf(project("trips", { models: [{ ...tripModel(), retrain: { ...tripModel().retrain, ...retrain } }] }));
  expect(told({ upTo: "ab" })).toMatch(/retrain\.upTo: expected shadow or champion.*ab/);
  expect(told({ on: ["parity"] })).toMatch(/retrain\.on: expected a list of drift and quality.*parity/);
});
