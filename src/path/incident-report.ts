import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso, MICROS_PER_MINUTE, parseIso } from "../kernel/time.ts";
import { causes, type Cause } from "./drills/incident.ts";
import { words } from "./drills/sheet.ts";
import type { FoundRecord } from "./exits/predicate.ts";
import type { PathRecords } from "./exits/records.ts";

/**
 * What a person writes after an incident of their own model. Its times are read off the machine's event log by whoever writes it, and are
 * held against that log: a report from memory does not match.
 */
export interface IncidentReport {
  readonly model: string;
  /** Id of the alert it is about. */
  readonly alert: string;
  readonly beganUs: Micros;
  readonly detectedUs: Micros;
  /** When the version that mended it went live. */
  readonly mitigatedUs: Micros;
  readonly cause: Cause;
  readonly happened: string;
  readonly done: string;
  /** What is different since. */
  readonly changed: readonly string[];
}

const slackUs = MICROS_PER_MINUTE;
const minWords = 20;

/** A report as written in a file: times as ISO 8601. @throws INVALID_ARGUMENT naming the field */
export function parseIncidentReport(value: unknown): IncidentReport {
  const refuse = (field: string, problem: string, got: unknown): never => {
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `report.${field}`,
      problem,
      value: typeof got === "string" ? got.slice(0, 100) : (JSON.stringify(got) ?? "nothing").slice(0, 100),
    });
  };
  const report = (typeof value === "object" && value !== null ? value : refuse("", "expected an object", value)) as Readonly<Record<string, unknown>>;
  const text = (field: string, max = 4000): string => {
    const found = report[field];
    if (typeof found !== "string" || found.trim() === "" || found.length > max) return refuse(field, `expected a text of at most ${max} characters`, found);
    return found.trim();
  };
  const prose = (field: string): string => {
    const found = text(field);
    return words(found) < minWords ? refuse(field, `expected at least ${minWords} words`, found) : found;
  };
  const cause = causes.find((c) => c === report["cause"]) ?? refuse("cause", `expected one of ${causes.join(", ")}`, report["cause"]);
  const changed: unknown = report["changed"];
  if (
    !Array.isArray(changed) ||
    changed.length === 0 ||
    changed.length > 50 ||
    changed.some((item) => typeof item !== "string" || item.trim() === "" || item.length > 500)
  )
    return refuse("changed", "expected a list of what is different since, with at least one item", changed);
  return {
    model: text("model", 200),
    alert: text("alert", 300),
    beganUs: parseIso(text("began", 40), "report.began"),
    detectedUs: parseIso(text("detected", 40), "report.detected"),
    mitigatedUs: parseIso(text("mitigated", 40), "report.mitigated"),
    cause,
    happened: prose("happened"),
    done: prose("done"),
    changed: changed.map(String),
  };
}

export interface ReportMatch {
  readonly found: readonly FoundRecord[];
  /** What does not agree with the log, naming both times; empty if all does. */
  readonly problems: readonly string[];
}

/** Holds a report's times against the event log: the alert, and what was done about it. */
export function matchReport(report: IncidentReport, { models, trainings }: Pick<PathRecords, "models" | "trainings">): ReportMatch {
  const model = models.find((m) => m.model === report.model);
  const alert = model?.alerts.find(({ id }) => id === report.alert);
  if (model === undefined || alert === undefined) return { found: [], problems: [`the log holds no alert ${report.alert} of ${report.model}`] };
  const problems: string[] = [];
  const hold = (what: string, saidUs: Micros, loggedUs: Micros): void => {
    if (Math.abs(saidUs - loggedUs) > slackUs) problems.push(`${what}: the report says ${formatIso(saidUs)}, the log ${formatIso(loggedUs)}`);
  };
  hold("began", report.beganUs, alert.sinceUs);
  hold("detected", report.detectedUs, alert.raisedUs);
  // What mended it: a rollback, or the promotion of a version whose training names the alert.
  const answering = trainings
    .filter((t) => t.model === model.model && t.champion > 0 && t.reason.includes(alert.summary))
    .flatMap(({ candidate }) => candidate ?? []);
  const mended = model.events.filter(
    (e) =>
      e.atUs >= alert.raisedUs - slackUs && (e.kind === "rolled-back" || (e.kind === "promoted" && e.version !== undefined && answering.includes(e.version))),
  );
  const nearest = mended.toSorted((a, b) => Math.abs(a.atUs - report.mitigatedUs) - Math.abs(b.atUs - report.mitigatedUs))[0];
  if (nearest === undefined) problems.push("mitigated: the log holds no rollback after the alert, and no promotion of a version trained because of it");
  else hold("mitigated", report.mitigatedUs, nearest.atUs);
  return {
    found: [
      { kind: "alert", id: alert.id, says: `raised ${formatIso(alert.raisedUs)}: ${alert.summary}` },
      ...(nearest === undefined
        ? []
        : [{ kind: "event" as const, id: `${model.model}/${nearest.sequence}`, says: `${nearest.kind} ${formatIso(nearest.atUs)}: ${nearest.reason}` }]),
    ],
    problems,
  };
}

/** One line of the machine's event log: what an incident report's times are read off. */
export interface LoggedEvent {
  readonly atUs: Micros;
  readonly text: string;
  /** The alert that began or was raised here. */
  readonly alert?: string;
  readonly model: string;
}

const maxEvents = 200;

/** Alerts, promotions and rollbacks of every model, oldest first; of a long log its newest part. */
export function eventLog({ models }: Pick<PathRecords, "models">): LoggedEvent[] {
  return models
    .flatMap(({ model, alerts, events }): LoggedEvent[] => [
      ...alerts.flatMap(({ id, summary, sinceUs, raisedUs }) => [
        { atUs: sinceUs, model, alert: id, text: `${id} began` },
        { atUs: raisedUs, model, alert: id, text: `${id} raised: ${summary}` },
      ]),
      ...events.flatMap(({ atUs, kind, version, reason }) =>
        kind === "promoted" || kind === "rolled-back"
          ? [{ atUs, model, text: `${model} ${kind}${version === undefined ? "" : ` v${version}`}: ${reason.slice(0, 160)}` }]
          : [],
      ),
    ])
    .toSorted((a, b) => a.atUs - b.atUs)
    .slice(-maxEvents);
}
