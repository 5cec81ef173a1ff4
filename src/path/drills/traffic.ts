import { seededRng, type Rng } from "../../kernel/rng.ts";

/** Answered and labelled questions of one stable stretch: what incidents are put into. */
export interface DrillTraffic {
  /** Where the rows are from, told on the sheet. */
  readonly origin: string;
  readonly names: readonly string[];
  /** shape [rows][names] */
  readonly rows: readonly (readonly number[])[];
  readonly scores: readonly number[];
  readonly labels: readonly (0 | 1)[];
}

/** Fewer rows than this say too little about a distribution. */
const minTrafficRows = 1500;

/** An answered prediction with its outcome, as the project's own log holds it. */
export interface LoggedAnswer {
  readonly vector: ArrayLike<number>;
  readonly score: number;
  readonly label: 0 | 1;
}

/**
 * The person's own replay as drill traffic: the most varied numeric slots of logged answers. Undefined if the log holds too little.
 * @param slots names in the order of the vectors
 */
export function trafficOfLog(model: string, slots: readonly string[], answers: readonly LoggedAnswer[]): DrillTraffic | undefined {
  const whole = answers.filter(({ vector, score }) => vector.length === slots.length && Number.isFinite(score));
  if (whole.length < minTrafficRows) return undefined;
  const kept = slots
    .map((name, index) => ({
      name,
      index,
      distinct: new Set(whole.map(({ vector }) => vector[index])).size,
      nulls: whole.filter(({ vector }) => Number.isNaN(vector[index])).length,
    }))
    .filter(({ distinct, nulls }) => distinct > 20 && nulls < whole.length * 0.02)
    .sort((a, b) => b.distinct - a.distinct || a.index - b.index)
    .slice(0, 6)
    .sort((a, b) => a.index - b.index);
  const rows = whole.filter(({ vector }) => kept.every(({ index }) => Number.isFinite(vector[index])));
  const positives = rows.filter(({ label }) => label === 1).length;
  if (kept.length < 4 || rows.length < minTrafficRows || positives < 50 || rows.length - positives < 50) return undefined;
  return {
    origin: `${rows.length.toLocaleString("en")} answered questions of ${model}, from this project's own prediction log`,
    names: kept.map(({ name }) => name),
    rows: rows.map(({ vector }) => kept.map(({ index }) => vector[index]!)),
    scores: rows.map(({ score }) => score),
    labels: rows.map(({ label }) => label),
  };
}

/** A small airline for those whose log is still empty: two groups of related features, and a score that sees the risk behind them. */
export function madeTraffic(): DrillTraffic {
  const rng = seededRng("path-drill-traffic");
  const rows: number[][] = [];
  const scores: number[] = [];
  const labels: (0 | 1)[] = [];
  for (let i = 0; i < 6000; i++) {
    const [weather, crowd] = [normal(rng), normal(rng)];
    const row = [
      15 + 6 * weather + 2 * normal(rng),
      12 + 5 * weather + 2 * normal(rng),
      30 + 8 * crowd + 3 * normal(rng),
      210 + 40 * crowd + 15 * normal(rng),
      Math.exp(6.4 + 0.5 * normal(rng)),
      8 * 60 + 14 * 60 * rng.next(),
    ];
    const risk = -1.4 + 0.9 * weather + 0.5 * crowd + 0.3 * (Math.log(row[4]!) - 6.4) + 0.0008 * (row[5]! - 900);
    rows.push(row);
    scores.push(1 / (1 + Math.exp(-risk)));
    labels.push(rng.next() < 1 / (1 + Math.exp(-risk)) ? 1 : 0);
  }
  return {
    origin: "a made-up airline: this project's prediction log holds too few labelled answers yet",
    names: ["mean_delay_6h", "mean_delay_1d", "departures_1h", "departures_1d", "distance", "minute_of_day"],
    rows,
    scores,
    labels,
  };
}

export function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
