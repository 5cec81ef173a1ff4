import { confidenceHalfWidth } from "../feedback/confidence-sequence.ts";
import type { GatePolicy } from "../project/definition.ts";
import { expressionName, type FileShape, type FoundColumn } from "./inspect-file.ts";

/** A text column with more values than this would be a category a row, not a feature. */
const maxCategories = 500;
/** Days after which an undecided candidate is refused are 14; a decision should come well before. */
const decisionDays = 10;

/** The text of `karkhana.project.ts` for a file: features, gates and monitors that fit its size. */
export function projectText(name: string, path: string, shape: FileShape): string {
  const { key, label, format } = shape;
  const read = format === "json" ? "jsonLines" : format;
  const asked = shape.columns.filter((c) => c.name !== shape.time && c.name !== key && !shape.labelColumns.includes(c.name) && c.type !== "timestamp");
  const taken = asked.filter((c) => c.type !== "string" || c.numDistinct <= maxCategories);
  const fields = [key, ...taken.map((c) => c.name)];
  const features = taken.map((c) => `${kindOf(c)}(${text(c.name)})`);
  const used = [...new Set(["entity", "featureView", "model", read, "project", "window", ...taken.map(kindOf)])].sort();
  const left = asked.filter((c) => !taken.includes(c)).map((c) => c.name);
  const [short, long] = windowsFor(shape);
  const measured = asked.filter((c) => c.type === "int64" || c.type === "float64").slice(0, 5);
  const windows = [
    ...[short, long].flatMap((w) => [`count_${w}: window("${w}").count()`, `share_${w}: window("${w}").share(${text(label)})`]),
    ...measured.map((c, i) => `mean_${i + 1}_${long}: window("${long}").mean(${text(expressionName(c.name))})`),
  ];
  const gates = gatesFor(shape);
  const watched = monitorWindow(shape);
  return `import { ${used.join(", ")} } from "karkhana";

const history = ${read}("history", {
  path: ${text(path)},
  schema: {
${shape.columns.map((c) => `    ${text(c.name)}: "${c.type}",`).join("\n")}
  },
  eventTime: ${text(expressionName(shape.time))},
  // When could the outcome have been known? Correct it, for example \`closed_at\` or \`${comment(expressionName(shape.time))} + days(30)\`:
  // a feature never sees an outcome before this time, in training as in serving.
  knownTime: ${text(shape.known)},
  expect: { ${text(shape.time)}: { notNull: true }, ${text(key)}: { notNull: true } },
  // Rows that fail the schema or a rule are set aside and listed, up to this share; more refuse the file.
  policy: { onFailure: "quarantine", maxQuarantinedShare: ${shape.quarantinedShare} },
});

const subject = entity(${text(key)}, { keys: [${text(key)}] });

/** What the past of the same ${comment(key)} says, as far as it was known. */
const past = featureView("past", {
  entity: subject,
  source: history,
  on: { ${text(key)}: ${text(key)} },
  features: {
${windows.map((line) => `    ${line},`).join("\n")}
  },
});

const outcome = model("outcome", {
  spine: history,
  // What a request carries. Take out of here and of the features below whatever is not yet known when the question is asked: it would give the answer away.${left.length === 0 ? "" : `\n  // Left out for having too many values to be a category: ${comment(left.join(", "))}.`}
  request: [${fields.map(text).join(", ")}],
  label: ${text(label)},
  features: [${[`past.at({ ${text(key)}: ${text(key)} })`, ...features].join(", ")}],
  trainer: { gbdt: { ${trainerFor(shape)} } },
  // Train up to validFrom, stop early and calibrate up to holdoutFrom, report on the rest: 50, 12 and 13 percent of the file's rows.
  training: { from: "${shape.cuts[0]}", validFrom: "${shape.cuts[1]}", holdoutFrom: "${shape.cuts[2]}", to: "${shape.cuts[3]}" },
  // What a version must prove, fitted to ${comment(fileSize(shape))}. Few rows prove little:
  // the margins (log loss in nats that a challenger may lose) are as wide as so many answers leave it open. Tighten them as data grows.${gates.abMargin < 0.5 ? "" : "\n  // So few answers a day let A/B stop a disaster only; shadow, which compares on the same questions, is the sharper judge here."}
  gates: { ${Object.entries(gates)
    .map(([gate, value]) => `${gate}: ${value}`)
    .join(", ")} },
  // A window needs a hundred questions before drift is judged, and twenty of each outcome before quality is.
  monitors: { window: "${watched}", consecutive: ${shape.replayDays >= 8 * lengthOf(watched) ? 2 : 1} },
  // On live traffic too: \`on: []\` trains no challenger by itself, \`upTo: "shadow"\` lets none answer without a person.
  retrain: { on: ["drift", "quality"], lookback: "${days(0.75 * shape.spanDays)}", cooldown: "${days(shape.replayDays / 4)}" },
});

// The last quarter of the file is replayed as live traffic, so that monitoring, retraining and promotion can be seen at work.
export default project(${text(name)}, { models: [outcome], replay: { model: "outcome", from: "${shape.cuts[3]}", to: "${shape.cuts[4]}" } });
`;
}

const text = (value: string): string => JSON.stringify(value);

/** Nothing in a file's names may end a comment. */
function comment(value: string): string {
  return value.replaceAll(/[\n\r\u2028\u2029]/g, " ").replaceAll("*/", "* /");
}

function kindOf(column: FoundColumn): "categorical" | "numeric" {
  return column.type === "string" ? "categorical" : "numeric";
}

function days(count: number): string {
  return `${Math.max(1, Math.round(count))}d`;
}

function fileSize({ rows, spanDays }: FileShape): string {
  return `${rows.toLocaleString("en")} rows over ${Math.max(1, Math.round(spanDays)).toLocaleString("en")} days`;
}

const lengths: readonly (readonly [string, number])[] = [
  ["1h", 1 / 24],
  ["6h", 1 / 4],
  ["1d", 1],
  ["7d", 7],
  ["30d", 30],
  ["90d", 90],
  ["365d", 365],
];

/** A short window in which a key has a row or two, and a long one in which it has ten, neither beyond half of the training time. */
function windowsFor({ rows, spanDays, numKeys }: FileShape): readonly [string, string] {
  const perDay = rows / Math.max(1, numKeys) / Math.max(spanDays, 1 / 24);
  const within = lengths.filter(([, length]) => length <= spanDays / 4);
  const pick = (wanted: number): number => {
    const index = within.findIndex(([, length]) => perDay * length >= wanted);
    return index < 0 ? Math.max(0, within.length - 1) : index;
  };
  const short = Math.min(pick(1.5), Math.max(0, within.length - 2));
  const long = Math.max(short + 1, pick(10));
  return [lengths[short]?.[0] ?? "1h", lengths[long]?.[0] ?? "6h"];
}

function lengthOf(window: string): number {
  return lengths.find(([name]) => name === window)?.[1] ?? 1;
}

function monitorWindow({ rows, spanDays, positiveShare }: FileShape): string {
  const rare = Math.min(positiveShare, 1 - positiveShare);
  const needed = Math.max(150, 30 / Math.max(rare, 0.01));
  const perDay = rows / Math.max(spanDays, 1 / 24);
  return lengths.slice(0, 5).find(([, length]) => perDay * length >= needed)?.[0] ?? "30d";
}

function trainerFor({ rows }: FileShape): string {
  if (rows < 10_000) return "numIterations: 200, learningRate: 0.05, numLeaves: 7, minDataInLeaf: 20, earlyStoppingRounds: 20";
  return rows < 200_000 ? "numIterations: 200, numLeaves: 15, earlyStoppingRounds: 20" : "numIterations: 200, numLeaves: 63, earlyStoppingRounds: 20";
}

function gatesFor(shape: FileShape): GatePolicy {
  const { partRows, replayDays, positiveShare } = shape;
  const [, , holdout = 1, replayed = 1] = partRows;
  // Enough of them come in the days a candidate has, and both trials fit into the replay.
  const matured = Math.floor(Math.min(2000, (replayed / Math.max(1, replayDays)) * decisionDays, replayed / 4));
  const pairs = Math.max(20, matured);
  const arm = Math.max(20, Math.floor(0.4 * matured));
  const spread = Math.sqrt(positiveShare * (1 - positiveShare));
  const width = (se: number, n: number): number => confidenceHalfWidth(se, n, 0.05, 5000);
  // Twenty bins of so many rows stay off the diagonal by chance alone.
  const noise = spread * Math.sqrt((2 * 20) / (Math.PI * holdout));
  return {
    minAuc: 0.55,
    maxEce: up(Math.max(0.05, 0.04 + 1.3 * noise)),
    maxAucLoss: up(Math.max(0.005, 0.5 / Math.sqrt(holdout))),
    minMaturedShadow: pairs,
    minMaturedAb: arm,
    abShare: 0.5,
    // Paired losses differ by about 0.25 nats from row to row, losses of two arms by about 0.6.
    shadowMargin: up(Math.max(0.005, width(0.25 / Math.sqrt(pairs), pairs))),
    abMargin: up(Math.max(0.05, width(0.6 * Math.sqrt(2 / arm), 2 * arm))),
  };
}

/** Two digits, rounded up. */
function up(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / unit) * unit).toPrecision(2));
}
