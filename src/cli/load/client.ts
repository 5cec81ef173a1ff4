/**
 * Open-loop HTTP load: requests leave when their arrival time comes, whether or not earlier ones were answered, and latency is counted
 * from that scheduled time. So a server that stalls is charged for everybody who would have been waiting (no coordinated omission).
 *
 * Sockets are driven by hand, one request at a time on each, because a full HTTP client costs more than the server it measures and both
 * share the machine. Runs in a process of its own: `node client.ts <plan.json>` prints "measuring" when its warm-up is over and the report as one last line of JSON.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { seededRng } from "../../kernel/rng.ts";
import { AnswerReader } from "./answer.ts";

export interface LoadPlan {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Shown to a server that asks who calls. */
  readonly token?: string;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Load before the measured part, at the same rate, not counted. */
  readonly warmupSeconds: number;
  readonly connections: number;
  readonly arrivals: "poisson" | "constant";
  /** JSON bodies, sent in turn; "{id}" in them becomes a number unique to the request. */
  readonly bodies: readonly string[];
  readonly idPrefix: string;
  /** A question that found no free connection for this long is given up, as people do; without it the client's own queue has no end. */
  readonly giveUpMs?: number;
  /** Every measured answer is written here as two float64: when it was due (milliseconds since 1970) and its latency in milliseconds. */
  readonly samplesFile?: string;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface LoadReport {
  readonly rate: number;
  /** Answers of 200 a second while the measured part of the schedule ran, whenever their questions were due. */
  readonly achievedRate: number;
  readonly sent: number;
  readonly completed: number;
  /** Answers other than 200, broken connections, questions given up and questions never answered. */
  readonly errors: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** From the scheduled arrival to the last byte of the answer. */
  readonly latencyMs: Quantiles;
  /** Latency at growing quantiles, for a picture. */
  readonly curve: readonly { readonly quantile: number; readonly ms: number }[];
  /** From the write to the last byte: what the client's own timer and queue added is left out. */
  readonly serviceMs: Quantiles;
  readonly measuredSeconds: number;
  /** CPU seconds this client used per second of the measured part; 1 is one core. */
  readonly cpuShare: number;
}

/** This file, to be started as a process. */
export const loadClientFile: string = fileURLToPath(import.meta.url);

/** How long to wait for the last answers once the schedule has ended. */
const graceMs = 10_000;

interface Connection {
  readonly socket: Socket;
  /** Index of the request under way, -1 if idle. */
  request: number;
  writtenMs: number;
}

/** @param onMeasuring called when the warm-up is over */
export async function runLoad(plan: LoadPlan, onMeasuring: () => void = () => {}): Promise<LoadReport> {
  const dueMs = schedule(plan);
  const total = dueMs.length;
  const measuredFrom = dueMs.findIndex((ms) => ms >= plan.warmupSeconds * 1000);
  const latency = new Float64Array(total).fill(Number.NaN);
  const service = new Float64Array(total).fill(Number.NaN);
  const statuses: Record<string, number> = {};
  const heads = plan.bodies.map((body) => headOf(plan, body));
  const idle: Connection[] = [];
  const sockets = new Set<Socket>();
  let arrived = 0;
  let started = 0;
  let finished = 0;
  let failed = 0;
  let answeredInTime = 0;
  let cpuAtMeasure = process.cpuUsage();
  let lastDoneMs = 0;
  let startMs = 0;
  let done: () => void = () => {};
  const allDone = new Promise<void>((resolve) => (done = resolve));

  const count = (index: number, status: string, now: number): void => {
    if (index >= measuredFrom) {
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status !== "200") failed++;
      lastDoneMs = now;
    }
    finished++;
    if (finished === total) done();
  };
  const write = (connection: Connection): void => {
    const index = started++;
    const which = index % plan.bodies.length;
    const id = `${plan.idPrefix}${String(index).padStart(9, "0")}`;
    connection.request = index;
    connection.writtenMs = performance.now() - startMs;
    connection.socket.write(heads[which]! + plan.bodies[which]!.replace("{id}", id), "utf8");
  };
  /** Connections take turns: one that is never asked on is closed by most servers after a while. */
  const pump = (): void => {
    const now = performance.now() - startMs;
    while (arrived < total && dueMs[arrived]! <= now) {
      if (arrived === measuredFrom) {
        cpuAtMeasure = process.cpuUsage();
        onMeasuring();
      }
      arrived++;
    }
    if (plan.giveUpMs !== undefined) for (; started < arrived && now - dueMs[started]! >= plan.giveUpMs; started++) count(started, "given up", now);
    for (let free = Math.min(arrived - started, idle.length); free > 0; free--) write(idle.shift()!);
  };
  const settle = (connection: Connection, status: string): void => {
    const index = connection.request;
    const now = performance.now() - startMs;
    if (index >= measuredFrom && status === "200") {
      latency[index] = now - dueMs[index]!;
      service[index] = now - connection.writtenMs;
    }
    if (status === "200" && now >= dueMs[measuredFrom]! && now < dueMs[total - 1]!) answeredInTime++;
    connection.request = -1;
    count(index, status, now);
  };
  const open = async (): Promise<void> => {
    const socket = connect({ host: plan.host, port: plan.port, noDelay: true });
    const connection: Connection = { socket, request: -1, writtenMs: 0 };
    const answer = new AnswerReader();
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      if (connection.request >= 0) settle(connection, "closed");
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      if (finished < total) void open().catch(() => {});
    });
    socket.on("data", (chunk: Buffer) => {
      // What a server says on a connection that asked nothing is that it closes it.
      if (connection.request < 0) return;
      const status = answer.read(chunk);
      if (status === undefined) return;
      settle(connection, status);
      idle.push(connection);
      pump();
    });
    idle.push(connection);
    pump();
  };

  startMs = performance.now() + 1e9;
  const connections = await Promise.allSettled(Array.from({ length: plan.connections }, open));
  const refused = connections.find((c) => c.status === "rejected");
  if (refused !== undefined) throw refused.reason;
  startMs = performance.now();
  const timer = setInterval(pump, 1);
  const end = setTimeout(() => done(), (plan.warmupSeconds + plan.seconds) * 1000 + graceMs);
  await allDone;
  clearInterval(timer);
  clearTimeout(end);
  const cpu = process.cpuUsage(cpuAtMeasure);
  const measuredMs = Math.max(lastDoneMs, dueMs[total - 1]!) - dueMs[measuredFrom]!;
  finished = total;
  for (const socket of sockets) socket.destroy();
  if (plan.samplesFile !== undefined) writeSamples(plan.samplesFile, performance.timeOrigin + startMs, dueMs, latency);
  const sorted = latency.filter((ms) => !Number.isNaN(ms)).sort();
  const sent = total - measuredFrom;
  const unanswered = sent - sorted.length - failed;
  if (unanswered > 0) statuses["unanswered"] = unanswered;
  return {
    rate: plan.rate,
    achievedRate: (answeredInTime / (dueMs[total - 1]! - dueMs[measuredFrom]!)) * 1000,
    sent,
    completed: sorted.length,
    errors: failed + unanswered,
    statuses,
    latencyMs: quantiles(sorted),
    curve: curveOf(sorted),
    serviceMs: quantiles(service.filter((ms) => !Number.isNaN(ms)).sort()),
    measuredSeconds: measuredMs / 1000,
    cpuShare: (cpu.user + cpu.system) / 1000 / measuredMs,
  };
}

function writeSamples(file: string, originMs: number, dueMs: Float64Array, latency: Float64Array): void {
  const samples = new Float64Array(2 * latency.length);
  let at = 0;
  for (const [i, ms] of latency.entries()) {
    if (Number.isNaN(ms)) continue;
    samples[at++] = originMs + dueMs[i]!;
    samples[at++] = ms;
  }
  writeFileSync(file, new Uint8Array(samples.buffer, 0, 8 * at));
}

function schedule(plan: LoadPlan): Float64Array {
  const rng = seededRng(1, "load/arrivals");
  const total = Math.round(plan.rate * (plan.warmupSeconds + plan.seconds));
  const due = new Float64Array(total);
  const gapMs = 1000 / plan.rate;
  let at = 0;
  for (let i = 0; i < total; i++) {
    at += plan.arrivals === "constant" ? gapMs : -Math.log(1 - rng.next()) * gapMs;
    due[i] = at;
  }
  return due;
}

function headOf(plan: LoadPlan, body: string): string {
  const id = `${plan.idPrefix}000000000`;
  const length = Buffer.byteLength(body.replace("{id}", id));
  const shown = plan.token === undefined ? "" : `authorization: Bearer ${plan.token}\r\n`;
  return `POST ${plan.path} HTTP/1.1\r\nhost: ${plan.host}:${plan.port}\r\n${shown}content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
}

function quantiles(sorted: Float64Array): Quantiles {
  const at = (q: number): number => (sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1) };
}

/** Ten points to each nine, as far as there are observations to tell them apart. */
function curveOf(sorted: Float64Array): LoadReport["curve"] {
  const points: { quantile: number; ms: number }[] = [];
  const nines = Math.log10(Math.max(1, sorted.length));
  for (let nine = 0; nine <= nines; nine += 0.1) {
    const quantile = 1 - 10 ** -nine;
    points.push({ quantile, ms: sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN });
  }
  return points;
}

if (import.meta.main) {
  const plan = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as LoadPlan;
  process.stdout.write(`${JSON.stringify(await runLoad(plan, () => void process.stdout.write("measuring\n")))}\n`);
}
