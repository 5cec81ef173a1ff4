/** `karkhana load-test`: how fast the running model answers, asked at a rate that does not wait for answers; kept as a run of the experiment "load-test". */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readFeedback } from "../feedback/log.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { readRunning } from "../server/running.ts";
import { systemClock, systemId } from "../server/system.ts";
import { isSet, number, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import type { LoadPlan, LoadReport } from "./load/client.ts";
import { machine, type Machine } from "./load/machine.ts";
import { drawLatency } from "./load/picture.ts";
import { runLoadProcess } from "./load/start-client.ts";
import { chooseModel, chooseProject, requireDataFolder } from "./project-folder.ts";

/** Questions taken from the log, the latest. */
const maxQuestions = 5000;
const experimentName = "load-test";

export const loadTest: Command = {
  name: "load-test",
  summary: "Ask the running model at a steady rate and record rate, latency and errors",
  flags: {
    ...projectFlags,
    model: { type: "string", value: "name", help: "Model to ask; default the project's only one" },
    rate: { type: "integer", value: "n", help: "Questions a second, whether or not earlier ones were answered", default: 1000, min: 1, max: 1_000_000 },
    seconds: { type: "integer", value: "n", help: "How long to measure", default: 10, min: 1, max: 3600 },
    warmup: { type: "integer", value: "n", help: "Seconds at the same rate before, not counted", default: 2, max: 600 },
    connections: { type: "integer", value: "n", help: "Connections kept open", default: 32, min: 1, max: 4096 },
    arrivals: { type: "string", value: "poisson|constant", help: "How questions are spread in time", default: "poisson" },
    questions: { type: "string", value: "file", help: "One JSON object of request fields a line; default: what was asked lately, from the prediction log" },
    out: { type: "string", value: "folder", help: "Also write load-test.json and load-test.svg there" },
    json: { type: "boolean", help: "Print the report as JSON" },
  },
  run: async ({ values }) => {
    const { project, dataFolder } = await chooseProject(values);
    requireDataFolder(dataFolder);
    const model = chooseModel(project, optionalText(values, "model"));
    const arrivals = arrivalsOf(optionalText(values, "arrivals"));
    const running = readRunning(dataFolder);
    if (running === undefined)
      throw new KarkhanaError("SERVING_UNREACHABLE", { url: dataFolder, problem: "nothing runs on this data folder; `karkhana up` starts it" });
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const file = optionalText(values, "questions");
      const questions = file === undefined ? await askedLately(stores.folder.logFolder, model) : questionsIn(file);
      const version = await championOf(running.servingUrl, stores.internalToken, model);
      const { hostname, port } = new URL(running.servingUrl);
      const plan: LoadPlan = {
        host: hostname,
        port: Number(port),
        path: `/v1/models/${model}/predict`,
        token: stores.internalToken,
        rate: number(values, "rate"),
        seconds: number(values, "seconds"),
        warmupSeconds: number(values, "warmup"),
        connections: number(values, "connections"),
        arrivals,
        bodies: questions.map((question) => JSON.stringify({ instances: [{ id: "{id}", ...question }] })),
        idPrefix: `load-${systemId()}-`,
      };
      const experiment = await stores.tracking.experiment(experimentName);
      const run = await stores.tracking.createRun({ experimentId: experiment.experimentId, name: `${model} v${version} at ${plan.rate}/s` });
      let report: LoadReport;
      try {
        report = await runLoadProcess(plan);
      } catch (error) {
        await stores.tracking.finishRun(run.runId, "FAILED");
        throw error;
      }
      const fingerprint = machine();
      const after = await championOf(running.servingUrl, stores.internalToken, model);
      const { bodies: _bodies, token: _token, ...asked } = plan;
      const record = { runId: run.runId, model, version, versionAfter: after, plan: { ...asked, questions: questions.length }, report, machine: fingerprint };
      const picture = drawLatency(report, `${model} v${version}: latency at ${plan.rate} requests/s, ${arrivals} arrivals`, describe(fingerprint));
      const files = [
        ["load-test.json", `${JSON.stringify(record, null, 2)}\n`],
        ["load-test.svg", picture],
      ] as const;
      for (const [name, text] of files) await stores.blobs.put(`${run.artifactPath}/${name}`, new TextEncoder().encode(text));
      await stores.tracking.logBatch(run.runId, {
        metrics: Object.entries(metricsOf(report)).flatMap(([key, value]) =>
          Number.isFinite(value) ? [{ key, value, step: 0, timestampMs: Math.floor(systemClock.nowUs() / 1000) }] : [],
        ),
        params: {
          rate: String(plan.rate),
          seconds: String(plan.seconds),
          warmup_seconds: String(plan.warmupSeconds),
          connections: String(plan.connections),
          questions: String(questions.length),
        },
        // Open loop is what the arrivals are; how they are spread is another thing.
        tags: { model, version: String(version), machine: describe(fingerprint), arrivals: "open-loop", arrival_process: arrivals },
      });
      await stores.tracking.finishRun(run.runId, "FINISHED");
      const out = optionalText(values, "out");
      if (out !== undefined) {
        mkdirSync(out, { recursive: true });
        for (const [name, text] of files) writeFileSync(path.join(out, name), text);
      }
      console.log(isSet(values, "json") ? JSON.stringify(record) : table(model, version, plan, report, fingerprint, run.runId));
      if (after !== version) console.error(`karkhana: version ${after} came live meanwhile, so not all answers are of version ${version}`);
      return report.completed === 0 ? 1 : 0;
    } finally {
      await stores.close();
    }
  },
};

function arrivalsOf(text: string | undefined): LoadPlan["arrivals"] {
  if (text === "poisson" || text === "constant") return text;
  throw new KarkhanaError("INVALID_CONFIG", { field: "--arrivals", problem: "must be poisson or constant", value: text ?? "nothing" });
}

interface AskedQuestion {
  readonly time?: number;
  readonly fields: unknown;
}

/** What was really asked, each as of its own time, so that features are read which are there. @throws INVALID_ARGUMENT if nothing was */
async function askedLately(logFolder: string, model: string): Promise<AskedQuestion[]> {
  const reader = await readFeedback(logFolder);
  try {
    const { predictions: end } = await reader.ends();
    const records = await reader.predictions(Math.max(0, end - 4 * maxQuestions), 4 * maxQuestions);
    const asked = records.flatMap(({ record: { model: of, role, askedUs, fields } }) =>
      of === model && role !== "shadow" && Object.keys(fields).length > 0 ? [{ time: askedUs, fields }] : [],
    );
    if (asked.length === 0)
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: "--questions",
        problem: `nobody has asked ${model} yet, so give a file of questions`,
        value: "nothing",
      });
    return asked.slice(-maxQuestions);
  } finally {
    await reader.close();
  }
}

function questionsIn(file: string): AskedQuestion[] {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: "--questions", problem: "the file is empty", value: file });
  return lines.map((line, i) => {
    try {
      return { fields: JSON.parse(line) as unknown };
    } catch {
      throw new KarkhanaError("INVALID_ARGUMENT", { field: `--questions, line ${i + 1}`, problem: "is not JSON", value: line.slice(0, 100) });
    }
  });
}

async function championOf(servingUrl: string, token: string, model: string): Promise<number> {
  const response = await fetch(new URL("/v1/models", servingUrl), { headers: { authorization: `Bearer ${token}` } }).catch((cause: unknown) => {
    throw new KarkhanaError("SERVING_UNREACHABLE", { url: servingUrl, problem: cause instanceof Error ? cause.message : String(cause) }, { cause });
  });
  const { models } = (await response.json()) as { models: { model: string; champion: number | null }[] };
  const champion = models.find((m) => m.model === model)?.champion;
  if (champion === undefined || champion === null) throw new KarkhanaError("NOTHING_DEPLOYED", { model });
  return champion;
}

function metricsOf({ latencyMs, serviceMs, achievedRate, rate, errors, sent, cpuShare }: LoadReport): Record<string, number> {
  return {
    latency_p50_ms: latencyMs.p50,
    latency_p95_ms: latencyMs.p95,
    latency_p99_ms: latencyMs.p99,
    latency_p999_ms: latencyMs.p999,
    latency_max_ms: latencyMs.max,
    service_p95_ms: serviceMs.p95,
    requests_per_second: achievedRate,
    offered_per_second: rate,
    sent,
    errors,
    client_cpu_share: cpuShare,
  };
}

function describe({ cpu, cores, memoryGb, os, node }: Machine): string {
  return `${cores} cores ${cpu}, ${memoryGb} GB, ${os}, Node ${node}`;
}

function table(model: string, version: number, plan: LoadPlan, report: LoadReport, fingerprint: Machine, runId: string): string {
  const { latencyMs: l } = report;
  const ms = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "-").padStart(9);
  const statuses = Object.entries(report.statuses)
    .map(([status, n]) => `${status}: ${n}`)
    .join(", ");
  return [
    `${model} v${version}, ${plan.arrivals} arrivals, ${plan.connections} connections, ${plan.seconds} s after ${plan.warmupSeconds} s of warm-up`,
    "",
    "  asked/s  answered/s   p50 ms    p95 ms    p99 ms  p99.9 ms    max ms   errors  client cores",
    `${String(plan.rate).padStart(9)}${report.achievedRate.toFixed(0).padStart(12)}${ms(l.p50)}${ms(l.p95).padStart(10)}${ms(l.p99).padStart(10)}${ms(l.p999).padStart(10)}${ms(l.max).padStart(10)}${String(report.errors).padStart(9)}${report.cpuShare.toFixed(2).padStart(14)}`,
    "",
    "Latency runs from the scheduled arrival to the last byte: a server that stalls is charged for everybody who would have waited.",
    `answers   ${statuses}`,
    `machine   ${describe(fingerprint)}`,
    `recorded  run ${runId} of experiment "${experimentName}", with load-test.json and load-test.svg`,
  ].join("\n");
}
