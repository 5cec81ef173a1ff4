import { formatIso } from "../kernel/time.ts";
import type { LoopEvent, LoopSummary, Phase } from "../workflows/progress.ts";

export const titleWidth: number = 16;
const rateWidth = 17;
const timeWidth = 16;

/** `› replay  ━━━━╌╌╌╌  46 %  232 questions/s  33 s left`, at most `width` characters; narrow terminals get fewer of the parts. */
export function barLine(phase: Phase, seconds: number, replayUs: number | null, width: number, titles: number): string {
  const title = `› ${phase.title.padEnd(titles)} `;
  if (phase.total === 0) return cutTo(`${title}${duration(seconds)}`, width);
  const share = Math.min(1, phase.done / phase.total);
  const percent = ` ${String(Math.floor(100 * share)).padStart(3)} %`;
  // The first moments of a phase say nothing about the rest of it.
  const steady = seconds >= 2 && share >= 0.02;
  const rate = steady && phase.ratePerSecond > 0 ? `${compact(phase.ratePerSecond)} ${phase.unit}/s` : "";
  const time = steady && phase.remainingSeconds !== null ? `${duration(phase.remainingSeconds)} left` : duration(seconds);
  const day = replayUs === null ? "" : `  ${formatIso(replayUs).slice(0, 10)}`;
  const figures = [` ${rate.padStart(rateWidth)}`, ` ${time.padStart(timeWidth)}`, day];
  while (figures.length > 0 && title.length + percent.length + figures.join("").length + 8 > width) figures.pop();
  const bar = Math.max(4, Math.min(40, width - title.length - percent.length - figures.join("").length));
  const filled = Math.round(share * bar);
  return cutTo(`${title}${"━".repeat(filled)}${"╌".repeat(bar - filled)}${percent}${figures.join("")}`, width);
}

/** A phase under way, as a plain line. */
export function progressText(phase: Phase, prefix: string): string {
  const figures = [
    phase.ratePerSecond > 0 ? `${compact(phase.ratePerSecond)} ${phase.unit}/s` : "",
    phase.remainingSeconds === null ? "" : `${duration(phase.remainingSeconds)} left`,
  ].filter((part) => part !== "");
  return `  ${prefix}${phase.title}: ${Math.floor((100 * phase.done) / phase.total)} %${figures.length === 0 ? "" : ` (${figures.join(", ")})`}`;
}

/** What an event leaves on the screen; undefined for those that only move a bar. */
export function eventText(event: LoopEvent, prefix = ""): string | undefined {
  switch (event.event) {
    case "log":
      return `  ${stamp(event.atUs)}${event.text}`;
    case "alert":
      return `! ${stamp(event.atUs)}alert: ${event.text}`;
    case "definition":
      return `» ${stamp(event.atUs)}${event.text}`;
    case "decision":
      return `» ${stamp(event.atUs)}${event.text}`;
    case "phase":
      return phaseText(event.phase, prefix);
    case "summary":
      return summaryText(event);
    default:
      return undefined;
  }
}

function phaseText({ state, title, done, unit, seconds }: Phase, prefix: string): string | undefined {
  if (state === "failed") return `✗ ${prefix}${title}: failed after ${duration(seconds)}`;
  if (state !== "done") return undefined;
  return `✓ ${prefix}${title}: ${done > 0 ? `${counted(done, unit)} in ` : ""}${duration(seconds)}`;
}

function summaryText(s: LoopSummary): string {
  const pair = (auc: number | null, interval: readonly [number, number] | null): string =>
    auc === null || interval === null ? "not known" : `${auc.toFixed(4)} [${interval[0].toFixed(4)}, ${interval[1].toFixed(4)}]`;
  const replayed = s.predictions > 0;
  const champions = s.champions.map((c) => `v${c.version} from ${formatIso(c.fromUs).slice(0, 10)}${c.auc === null ? "" : ` (AUC ${c.auc.toFixed(4)})`}`);
  const spent = Object.entries(s.phaseSeconds)
    .filter(([, seconds]) => seconds >= 0.05)
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`);
  const rows: readonly (readonly [string, string])[] = [
    ["rows", `${count(s.rows)} that passed the contract, ${counted(s.features, "features")}`],
    ["AUC held out", pair(s.aucHoldout, s.aucHoldoutInterval)],
    ["AUC live", replayed ? `${pair(s.aucLive, s.aucLiveInterval)} over ${counted(s.matured, "answers")} with known outcome` : "nothing was replayed"],
    ["champions", champions.join(", ")],
    [
      "online = offline",
      replayed
        ? `${counted(s.mismatches, "mismatches")} in ${counted(s.valuesCompared, "values")} of ${counted(s.vectorsCompared, "served vectors")} recomputed`
        : "nothing was served",
    ],
    [
      "latency",
      replayed
        ? `p50 ${ms(s.latencyMs.p50)}, p95 ${ms(s.latencyMs.p95)}, p99 ${ms(s.latencyMs.p99)} over ${counted(s.predictions, "predictions")}`
        : "nothing was served",
    ],
    [
      "decisions",
      [counted(s.alerts, "alerts"), counted(s.retrainings, "retrainings"), counted(s.promotions, "promotions"), counted(s.refusals, "refusals")].join(", "),
    ],
    ["time", `${duration(s.seconds)}: ${spent.join(", ")}`],
    ["peak memory", `${count(Math.round(s.peakMemoryMb))} MB`],
  ];
  const recorded = s.recorded ? " (this run had finished before; its recorded summary follows, --fresh runs it again)" : "";
  return `\n${s.project}${recorded}\n${rows.map(([name, value]) => `  ${name.padEnd(titleWidth)} ${value}`).join("\n")}\n`;
}

/** Lines of at most `width` characters, broken between words; what is broken off stands below the text it belongs to. */
export function wrapped(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    const lines: string[] = [];
    const indent = " ".repeat(Math.min(indentOf(line), Math.floor(width / 2)));
    let rest = line;
    while (rest.length > width) {
      const space = rest.lastIndexOf(" ", width);
      const at = space > indent.length ? space : width;
      lines.push(rest.slice(0, at).trimEnd());
      rest = `${indent}${rest.slice(at).trimStart()}`;
    }
    return [...lines, rest];
  });
}

/** Where the text after a summary's name, or after a mark and a date, begins. */
function indentOf(line: string): number {
  return (/^ {2}\S.{15} (?=\S)/.exec(line) ?? /^[ !»✓✗›] (?:\d{4}-\d\d-\d\d \d\d:\d\d {2})?/.exec(line))?.[0].length ?? 0;
}

export function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function stamp(us: number | null): string {
  return us === null ? "" : `${formatIso(us).slice(0, 16).replace("T", " ")}  `;
}

function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function ms(value: number | null): string {
  return value === null ? "not known" : `${value.toFixed(2)} ms`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** `1 alert`, `2 alerts`: units are given in the plural. */
function counted(value: number, unit: string): string {
  const singular = unit.endsWith("ches") ? unit.slice(0, -2) : unit.replace(/s$/, "");
  return `${count(value)} ${Math.round(value) === 1 ? singular : unit}`;
}

function compact(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value >= 100 ? count(value) : value.toFixed(1);
}
