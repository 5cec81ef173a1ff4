import { categorical, entity, featureView, model, numeric, parquet, project, requestFeatures, window } from "karkhana";

// Three million US flights, January to June 2001 (US Bureau of Transportation Statistics, shipped by the npm package vega-datasets).
// A flight's delay can be known only when it has landed: half an hour on the ground, 7.5 miles a minute in the air, and the delay itself.
// A few dozen short hops are reported to have landed before they left; their outcome is taken as known a minute after departure.
const landed = "greatest(date + minutes(30 + distance / 7.5 + delay), date + minutes(1))";
const columns = { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" } as const;
const contract = {
  date: { notNull: true },
  delay: { notNull: true, min: -60, max: 1440 },
  distance: { notNull: true, min: 10, max: 6000 },
  origin: { notNull: true, pattern: "[A-Z]{3}" },
  destination: { notNull: true, pattern: "[A-Z]{3}" },
} as const;
// 150 of the 3,000,000 rows carry a delay that cannot be (18 hours early, more than a day late): set aside and listed, not trained on.
const policy = { onFailure: "quarantine", maxQuarantinedShare: 0.001 } as const;

// A default run takes the flights among the twelve busiest airports; KARKHANA_FULL=1, or --full, takes all.
const busiest = ["ORD", "DFW", "ATL", "LAX", "PHX", "STL", "DTW", "MSP", "LAS", "DEN", "BOS", "IAH"];
const among = `(${busiest.map((code) => `'${code}'`).join(", ")})`;
const sample = process.env["KARKHANA_FULL"] === "1" ? {} : { where: `origin in ${among} and destination in ${among}` };

const path = "../../node_modules/vega-datasets/data/flights-3m.parquet";
const flights = parquet("flights", { path, schema: columns, expect: contract, policy, eventTime: "date", knownTime: landed, ...sample });
/** The same rows on the time line of landings: what a tower sees coming in. */
const landings = parquet("landings", { path, schema: columns, expect: contract, policy, eventTime: landed, knownTime: landed, ...sample });

const airport = entity("airport", { keys: ["airport"] });
const route = entity("route", { keys: ["origin", "destination"] });

const windows = {
  late_share_1h: window("1h").share("delay >= 15"),
  late_share_2h: window("2h").share("delay >= 15"),
  late_share_6h: window("6h").share("delay >= 15"),
  late_share_1d: window("1d").share("delay >= 15"),
  late_share_7d: window("7d").share("delay >= 15"),
  mean_delay_1h: window("1h").mean("delay"),
  mean_delay_2h: window("2h").mean("delay"),
  mean_delay_6h: window("6h").mean("delay"),
  mean_delay_1d: window("1d").mean("delay"),
  mean_delay_7d: window("7d").mean("delay"),
  flights_1h: window("1h").count(),
  flights_6h: window("6h").count(),
};

const fromAirport = featureView("from_airport", { entity: airport, source: landings, on: { airport: "origin" }, features: windows });
const intoAirport = featureView("into_airport", { entity: airport, source: landings, on: { airport: "destination" }, features: windows });
const onRoute = featureView("on_route", { entity: route, source: landings, on: { origin: "origin", destination: "destination" }, features: windows });
/** By scheduled departure: of the flights that should have left in the last hours, those whose outcome is already known. */
const scheduled = featureView("scheduled", {
  entity: airport,
  source: flights,
  on: { airport: "origin" },
  features: { late_share_6h: window("6h").share("delay >= 15"), known_6h: window("6h").count() },
});

const calendar = requestFeatures("calendar", {
  outputs: ["hour", "minute_of_day", "day_of_week"],
  compute: (timeUs) => {
    const minutes = Math.floor(timeUs / 60_000_000);
    const days = Math.floor(minutes / 1440);
    return { hour: Math.floor((minutes % 1440) / 60), minute_of_day: minutes % 1440, day_of_week: (days + 4) % 7 };
  },
});

const lateArrival = model("late_arrival", {
  spine: flights,
  request: ["origin", "destination", "distance"],
  label: "delay >= 15",
  features: [
    calendar,
    numeric("distance"),
    categorical("origin"),
    categorical("destination"),
    fromAirport.at({ airport: "origin" }, "from_origin"),
    intoAirport.at({ airport: "origin" }, "into_origin"),
    intoAirport.at({ airport: "destination" }, "into_destination"),
    onRoute.at({ origin: "origin", destination: "destination" }, "route"),
    scheduled.at({ airport: "origin" }, "scheduled"),
  ],
  trainer: { gbdt: { numIterations: 200, learningRate: 0.1, numLeaves: 63, earlyStoppingRounds: 20 } },
  training: { from: "2001-01-01", validFrom: "2001-03-01", holdoutFrom: "2001-03-08", to: "2001-04-01" },
  slices: ["origin"],
  gates: { minAuc: 0.65, maxEce: 0.05 },
  monitors: { window: "1d" },
  retrain: { on: ["drift", "quality"], lookback: "90d", cooldown: "21d" },
});

export default project("flights", { models: [lateArrival], replay: { model: "late_arrival", from: "2001-04-01", to: "2001-07-01" } });
