import { categorical, entity, featureView, model, numeric, parquet, project, requestFeatures, window } from "karkhana";

// The flights among four airports, four months: a few thousand questions, enough for the loop to turn in seconds.
const landed = "greatest(date + minutes(30 + distance / 7.5 + delay), date + minutes(1))";
const among = "('ORD', 'LGA', 'ATL', 'DFW')";
const shared = {
  path: "../../../node_modules/vega-datasets/data/flights-3m.parquet",
  schema: { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" },
  where: `origin in ${among} and destination in ${among} and date < timestamp '2001-05-01T00:00:00Z'`,
  expect: { delay: { min: -60, max: 1440 } },
  policy: { onFailure: "quarantine", maxQuarantinedShare: 0.001 },
} as const;
const flights = parquet("flights", { ...shared, eventTime: "date", knownTime: landed });
const landings = parquet("landings", { ...shared, eventTime: landed, knownTime: landed });

const airport = entity("airport", { keys: ["airport"] });
const windows = {
  late_share_2h: window("2h").share("delay >= 15"),
  mean_delay_6h: window("6h").mean("delay"),
  mean_delay_7d: window("7d").mean("delay"),
  flights_2h: window("2h").count(),
};
const fromAirport = featureView("from_airport", { entity: airport, source: landings, on: { airport: "origin" }, features: windows });
const intoAirport = featureView("into_airport", { entity: airport, source: landings, on: { airport: "destination" }, features: windows });
const scheduled = featureView("scheduled", {
  entity: airport,
  source: flights,
  on: { airport: "origin" },
  features: { late_share_6h: window("6h").share("delay >= 15") },
});
const calendar = requestFeatures("calendar", { outputs: ["minute_of_day"], compute: (timeUs) => ({ minute_of_day: Math.floor(timeUs / 60_000_000) % 1440 }) });

const late = model("late", {
  spine: flights,
  request: ["origin", "destination", "distance"],
  label: "delay >= 15",
  features: [
    calendar,
    numeric("distance"),
    categorical("origin"),
    fromAirport.at({ airport: "origin" }, "from_origin"),
    intoAirport.at({ airport: "origin" }, "into_origin"),
    intoAirport.at({ airport: "destination" }, "into_destination"),
    scheduled.at({ airport: "origin" }),
  ],
  trainer: { gbdt: { numIterations: 40, numLeaves: 15, earlyStoppingRounds: 10 } },
  training: { from: "2001-01-01", validFrom: "2001-02-01", holdoutFrom: "2001-02-10", to: "2001-03-01" },
  slices: ["origin"],
  // Thresholds so tight that an alert, a challenger and a decision are certain within the month.
  gates: { minAuc: 0.55, maxEce: 0.2, maxAucLoss: 0.1, minMaturedShadow: 300, minMaturedAb: 100, abShare: 0.5, shadowMargin: 0.2, abMargin: 0.5 },
  monitors: { window: "1d", psiBand: 0.02, consecutive: 2 },
  retrain: { on: ["drift", "quality"], lookback: "40d", cooldown: "7d" },
});

export default project("small", { models: [late], replay: { model: "late", from: "2001-03-01", to: "2001-04-01" } });
