/**
 * Three times more than a server can do. The server has the first core for itself and the clients the second, so that what it costs to ask
 * is not taken from the server. Its capacity, over 64 connections that always have a question waiting, is measured before and after every
 * overload, which is three times that rate, on many more connections that never back off; and its peak, the most that it answers of the
 * rates around its capacity on as many connections as the overload has, since a thousand connections cost more than 64 at any rate. Who asks
 * gives up after a second without a connection. Beside the overload runs a probe of a few questions a second, which shows when the server is itself again.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { LoadPlan, LoadReport, Quantiles } from "../src/cli/load/client.ts";
import { runLoadProcess } from "../src/cli/load/start-client.ts";
import type { ServeServers } from "./serve-servers.ts";

export type OverloadPlan = Omit<LoadPlan, "rate" | "connections" | "idPrefix" | "giveUpMs" | "samplesFile">;

export interface OverloadReport {
  readonly rounds: readonly OverloadRound[];
  /** Medians over the rounds. */
  readonly shareOfPeak: number;
  readonly shareOfCapacity: number;
}

export interface OverloadRound {
  readonly connections: number;
  readonly askedRate: number;
  readonly answeredRate: number;
  /** The most that was answered a second of the rates around the capacity, on as many connections, directly before. */
  readonly peak: number;
  /** Mean of what was answered a second on 64 connections, directly before and after. */
  readonly capacity: number;
  /** From the moment the question was sent: of those that were answered. */
  readonly admittedMs: Quantiles;
  readonly statuses: LoadReport["statuses"];
  readonly memoryMb: { readonly before: number; readonly after: number };
  /** From the last question of the overload until the probe's answers take no longer than before it, and none is refused. */
  readonly recoveryMs: number;
}

const capacityConnections = 64;
const times = 3;
const aroundCapacity = [0.8, 0.9, 1];
const giveUpMs = 1000;
/** More than any server here can do. */
const tooMuch = 40_000;
const probe = { rate: 100, connections: 4 };
/** Before and after the overload. */
const calmSeconds = 4;

/** From now on this process, and what it starts, runs on one core alone. */
export function keepToCore(core: number): void {
  execFileSync("taskset", ["-apc", String(core), String(process.pid)], { stdio: "ignore" });
}

export async function measureOverload(
  servers: ServeServers,
  plan: OverloadPlan,
  connections: readonly number[],
  folder: string,
  say: (text: string) => void,
): Promise<OverloadReport> {
  let asked = 0;
  const load = (rate: number, over: number): Promise<LoadReport> => runLoadProcess({ ...plan, rate, connections: over, giveUpMs, idPrefix: `o${asked++}-` });
  let before = await load(tooMuch, capacityConnections);
  const rounds: OverloadRound[] = [];
  for (const many of connections) {
    const askedRate = Math.round(times * before.achievedRate);
    let peak = 0;
    for (const part of aroundCapacity) peak = Math.max(peak, (await load(Math.round(part * before.achievedRate), many)).achievedRate);
    const samplesFile = path.join(folder, "probe");
    const memoryBefore = memoryMb(servers);
    const probing = runLoadProcess({
      ...plan,
      ...probe,
      warmupSeconds: 1,
      seconds: 2 * calmSeconds + plan.warmupSeconds + plan.seconds,
      idPrefix: `probe${asked++}-`,
      samplesFile,
    });
    await wait(1000 * (1 + calmSeconds));
    const fromMs = Date.now();
    const over = await load(askedRate, many);
    const untilMs = Date.now();
    const memoryAfter = memoryMb(servers);
    await probing;
    const after = await load(askedRate, capacityConnections);
    rounds.push({
      connections: many,
      askedRate,
      answeredRate: over.achievedRate,
      peak,
      capacity: (before.achievedRate + after.achievedRate) / 2,
      admittedMs: over.serviceMs,
      statuses: over.statuses,
      memoryMb: { before: memoryBefore, after: memoryAfter },
      recoveryMs: recovery(samplesOf(samplesFile), fromMs, untilMs),
    });
    say(roundLine(rounds.at(-1)!));
    before = after;
  }
  return {
    rounds,
    shareOfPeak: median(rounds.map(({ answeredRate, peak }) => answeredRate / peak)),
    shareOfCapacity: median(rounds.map(({ answeredRate, capacity }) => answeredRate / capacity)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

export function roundLine(r: OverloadRound): string {
  const { p50, p95, p99 } = r.admittedMs;
  return (
    `${r.askedRate}/s over ${r.connections} connections: answered ${r.answeredRate.toFixed(0)}/s, ` +
    `${percent(r.answeredRate / r.peak)} of its peak of ${r.peak.toFixed(0)}/s, ${percent(r.answeredRate / r.capacity)} of the ${r.capacity.toFixed(0)}/s that 64 connections have; ` +
    `the admitted took p50 ${p50.toFixed(1)} p95 ${p95.toFixed(1)} p99 ${p99.toFixed(1)} ms; ${JSON.stringify(r.statuses)}; ` +
    `memory ${r.memoryMb.before} -> ${r.memoryMb.after} MB; itself again after ${r.recoveryMs.toFixed(0)} ms`
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

interface Sample {
  readonly dueMs: number;
  readonly tookMs: number;
}

/** @returns milliseconds from `untilMs` to the end of the last question of the probe that took longer than all but the slowest hundredth before `fromMs` */
function recovery(samples: readonly Sample[], fromMs: number, untilMs: number): number {
  const calm = samples.filter(({ dueMs }) => dueMs < fromMs).map(({ tookMs }) => tookMs);
  const usual = calm.sort((a, b) => a - b)[Math.ceil(0.99 * calm.length) - 1]!;
  const endMs = Math.max(...samples.map(({ dueMs }) => dueMs));
  // A question that was refused left no sample: its time counts until the next one that was answered.
  const later = samples.filter(({ dueMs }) => dueMs >= untilMs);
  let again = untilMs;
  for (const [i, { dueMs, tookMs }] of later.entries()) {
    const previousMs = i === 0 ? untilMs : later[i - 1]!.dueMs;
    if (tookMs > Math.max(2 * usual, 5) || dueMs - previousMs > 10 * (1000 / probe.rate)) again = dueMs + tookMs;
  }
  return later.length === 0 || endMs <= untilMs ? Number.NaN : again - untilMs;
}

function samplesOf(file: string): Sample[] {
  const bytes = readFileSync(file);
  const values = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Array.from({ length: values.length / 2 }, (_, i) => ({ dueMs: values[2 * i]!, tookMs: values[2 * i + 1]! }));
}

function memoryMb(servers: ServeServers): number {
  return Math.round(servers.usage().rssBytes / 2 ** 20);
}
