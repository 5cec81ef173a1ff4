import { formatIso } from "../kernel/time.ts";
import type { LoopEvent, LoopProgress, LoopSummary, Phase } from "../workflows/progress.ts";

/** Draws the loop's progress on a terminal: one bar a phase, redrawn in place; plain lines where there is no terminal. */
export class LoopDisplay {
  readonly #out: NodeJS.WriteStream;
  #drawn = 0;
  #lastPlain = new Map<string, number>();

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(event: LoopEvent, progress: LoopProgress): void {
    const line = lineOf(event);
    if (this.#out.isTTY) {
      this.#erase();
      if (line !== undefined) this.#out.write(`${line}\n`);
      if (event.event !== "summary") this.#draw(progress);
      return;
    }
    if (event.event === "progress") this.#plainProgress(event.phase);
    else if (line !== undefined) this.#out.write(`${line}\n`);
  }

  /** Without a terminal a phase is told every tenth, not redrawn. */
  #plainProgress(phase: Phase): void {
    const tenth = phase.total > 0 ? Math.floor((10 * phase.done) / phase.total) : 0;
    if (this.#lastPlain.get(phase.id) === tenth) return;
    this.#lastPlain.set(phase.id, tenth);
    this.#out.write(`${bar(phase, 24)}\n`);
  }

  #draw(progress: LoopProgress): void {
    const rows = progress.phases.map((phase) => bar(phase, Math.max(10, Math.min(32, (this.#out.columns ?? 80) - 62))));
    if (progress.replayUs !== null) rows.push(`  replay clock ${formatIso(progress.replayUs).slice(0, 16).replace("T", " ")}`);
    this.#out.write(`${rows.join("\n")}\n`);
    this.#drawn = rows.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001B[${this.#drawn}A\u001B[J`);
    this.#drawn = 0;
  }
}

function bar(phase: Phase, width: number): string {
  const share = phase.state === "done" ? 1 : phase.total > 0 ? Math.min(1, phase.done / phase.total) : 0;
  const filled = Math.round(share * width);
  const mark = { waiting: " ", running: "›", done: "✓", failed: "✗" }[phase.state];
  const rate = phase.state === "running" && phase.ratePerSecond > 0 ? `${compact(phase.ratePerSecond)} ${phase.unit}/s` : "";
  const time =
    phase.state === "running" && phase.remainingSeconds !== null
      ? `${Math.ceil(phase.remainingSeconds)} s left`
      : phase.seconds > 0
        ? `${phase.seconds.toFixed(1)} s`
        : "";
  return `${mark} ${phase.title.padEnd(16)} ${"━".repeat(filled)}${"╌".repeat(width - filled)} ${rate.padStart(16)} ${time.padStart(10)}`;
}

function lineOf(event: LoopEvent): string | undefined {
  if (event.event === "log") return `  ${stamp(event.atUs)}${event.text}`;
  if (event.event === "alert") return `! ${stamp(event.atUs)}${event.text}`;
  if (event.event === "decision") return `» ${stamp(event.atUs)}${event.text}`;
  if (event.event === "phase")
    return event.phase.state === "done"
      ? `✓ ${event.phase.title}: ${compact(event.phase.done)} ${event.phase.unit} in ${event.phase.seconds.toFixed(1)} s`
      : undefined;
  return event.event === "summary" ? summaryText(event) : undefined;
}

function stamp(us: number | null): string {
  return us === null ? "" : `${formatIso(us).slice(0, 16).replace("T", " ")}  `;
}

function summaryText(s: LoopSummary): string {
  const pair = (auc: number | null, interval: readonly [number, number] | null): string => (auc === null || interval === null ? "not known" : `${auc.toFixed(4)} [${interval[0].toFixed(4)}, ${interval[1].toFixed(4)}]`);
  const rows: readonly (readonly [string, string])[] = [
    ["rows", `${s.rows.toLocaleString("en")} that passed the contract, ${s.features} features`],
    ["AUC held out", pair(s.aucHoldout, s.aucHoldoutInterval)],
    ["AUC live", `${pair(s.aucLive, s.aucLiveInterval)} over ${s.matured.toLocaleString("en")} answers with known outcome`],
    [
      "champions",
      s.champions.map((c) => `v${c.version} from ${formatIso(c.fromUs).slice(0, 10)}${c.auc === null ? "" : ` (AUC ${c.auc.toFixed(4)})`}`).join(", "),
    ],
    [
      "online = offline",
      `${s.mismatches} mismatches in ${s.valuesCompared.toLocaleString("en")} values of ${s.vectorsCompared.toLocaleString("en")} served vectors recomputed`,
    ],
    [
      "latency",
      `p50 ${s.latencyMs.p50.toFixed(2)} ms, p95 ${s.latencyMs.p95.toFixed(2)} ms, p99 ${s.latencyMs.p99.toFixed(2)} ms over ${s.predictions.toLocaleString("en")} predictions`,
    ],
    ["decisions", `${s.alerts} alerts, ${s.retrainings} retrainings, ${s.promotions} promotions, ${s.refusals} refusals`],
    [
      "time",
      `${s.seconds.toFixed(1)} s: ${Object.entries(s.phaseSeconds)
        .map(([name, seconds]) => `${name} ${seconds.toFixed(1)}`)
        .join(", ")}; peak memory ${Math.round(s.peakMemoryMb)} MB`,
    ],
  ];
  return `\n${s.project}${s.recorded ? " (this run had finished before; its recorded summary follows, --fresh runs it again)" : ""}\n${rows.map(([name, value]) => `  ${name.padEnd(16)} ${value}`).join("\n")}\n`;
}

function compact(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
