import type { FastifyInstance } from "fastify";
import { parseIso } from "../../kernel/time.ts";
import type { PipelineRun } from "../../pipelines/port.ts";
import { viewsOf } from "../../project/definition.ts";
import type { Attention, ModelSummary, Overview, Stop, StopId } from "../api.ts";
import type { RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";
import { modelSummary } from "./models.ts";

export function addOverviewRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get(
    "/overview",
    { schema: { summary: "The loop's stops with their headline figures, and what needs attention", response: { 200: schemas.overview } } },
    () => overview(context),
  );
}

/** Which stop a phase of the loop works at. */
const phaseStops: Readonly<Record<string, StopId>> = {
  data: "data",
  features: "features",
  materialize: "features",
  train: "training",
  register: "registry",
  replay: "serving",
  parity: "monitoring",
};

async function overview(context: RouteContext): Promise<Overview> {
  const { project, progress, clock } = context;
  const models = await Promise.all(project.models.map((m) => modelSummary(context, m)));
  const running = progress.current().phases.filter((p) => p.state === "running");
  const attention = await attentionNow(context, models);
  const working = new Set<StopId>(running.flatMap((p) => phaseStops[p.id] ?? []));
  const pipelines = await context.pipelines.listRuns(50);
  if (pipelines.some((p) => p.state === "running" && isRetraining(p))) working.add("retraining");
  const stops = [
    await dataStop(context),
    featureStop(context),
    await trainingStop(context, models),
    registryStop(models),
    servingStop(context),
    monitoringStop(models),
    retrainingStop(pipelines),
  ];
  const needs = new Set(attention.filter((a) => a.severity === "act").map((a) => a.page.split("?")[0]));
  return {
    project: project.name,
    nowUs: clock.nowUs(),
    replay:
      project.replay === undefined
        ? null
        : { model: project.replay.model, fromUs: parseIso(project.replay.from), toUs: parseIso(project.replay.to), atUs: progress.current().replayUs },
    stops: stops.map(({ page, ...stop }): Stop => ({ ...stop, state: needs.has(page) ? "attention" : working.has(stop.id) ? "working" : stop.state })),
    models,
    attention,
  };
}

type PlacedStop = Stop & { readonly page: string };

async function dataStop({ datasets }: RouteContext): Promise<PlacedStop> {
  const versions = await datasets.listVersions();
  const newest = versions[0];
  const base = { id: "data", title: "Data", page: "/data" } as const;
  if (newest === undefined) return { ...base, state: "empty", figure: null, unit: "rows", note: "nothing registered" };
  const note =
    newest.status === "refused"
      ? `${newest.sourceName} was refused`
      : newest.numQuarantined > 0
        ? `${newest.numQuarantined.toLocaleString("en")} rows set aside`
        : "every rule holds";
  return { ...base, state: "ready", figure: newest.numReadable.toLocaleString("en"), unit: "rows", note };
}

function featureStop({ project }: RouteContext): PlacedStop {
  const slots = project.models.reduce((sum, m) => sum + m.service.slots.length, 0);
  const views = new Set(project.models.flatMap((m) => viewsOf(m.service).map((v) => v.name))).size;
  return {
    id: "features",
    title: "Features",
    page: "/features",
    state: slots === 0 ? "empty" : "ready",
    figure: String(slots),
    unit: "in the vector",
    note: `${views} windowed view${views === 1 ? "" : "s"}`,
  };
}

async function trainingStop({ tracking }: RouteContext, models: readonly ModelSummary[]): Promise<PlacedStop> {
  const runs = (await tracking.table.experiments()).reduce((sum, e) => sum + e.runs, 0);
  const auc = models.find((m) => m.aucHoldout !== null)?.aucHoldout ?? null;
  return {
    id: "training",
    title: "Training",
    page: "/runs",
    state: runs === 0 ? "empty" : "ready",
    figure: runs === 0 ? null : runs.toLocaleString("en"),
    unit: runs === 1 ? "run" : "runs",
    note: auc === null ? "" : `AUC ${auc.value.toFixed(3)} held out`,
  };
}

function registryStop(models: readonly ModelSummary[]): PlacedStop {
  const versions = models.reduce((sum, m) => sum + m.versions, 0);
  const live = models.filter((m) => m.champion !== null).map((m) => `v${m.champion} champion`);
  return {
    id: "registry",
    title: "Registry",
    page: "/models",
    state: versions === 0 ? "empty" : "ready",
    figure: versions === 0 ? null : String(versions),
    unit: versions === 1 ? "version" : "versions",
    note: live.join(", ") || "none is live",
  };
}

function servingStop({ serving }: RouteContext): PlacedStop {
  const now = serving.current();
  const base = { id: "serving", title: "Serving", page: "/serving" } as const;
  const latest = now.samples.at(-1);
  if (!now.reachable || latest === undefined)
    return { ...base, state: "empty", figure: null, unit: "/s", note: now.url === null ? "not started" : "does not answer" };
  const p99 = latest.p99Us === null ? "" : `p99 ${(latest.p99Us / 1000).toFixed(1)} ms`;
  return {
    ...base,
    state: now.models.length === 0 ? "empty" : "ready",
    figure: latest.ratePerSecond < 10 ? latest.ratePerSecond.toFixed(1) : Math.round(latest.ratePerSecond).toLocaleString("en"),
    unit: "/s",
    note: p99,
  };
}

function monitoringStop(models: readonly ModelSummary[]): PlacedStop {
  const base = { id: "monitoring", title: "Monitoring", page: "/monitoring" } as const;
  const live = models.find((m) => m.aucLive !== null);
  const alerts = models.reduce((sum, m) => sum + m.openAlerts, 0);
  const note = alerts === 0 ? "no open alert" : `${alerts} open alert${alerts === 1 ? "" : "s"}`;
  if (live?.aucLive == null)
    return { ...base, state: alerts === 0 ? "empty" : "ready", figure: null, unit: "AUC live", note: alerts === 0 ? "no window has matured" : note };
  return { ...base, state: "ready", figure: live.aucLive.value.toFixed(3), unit: "AUC live", note };
}

/** A retraining is the training workflow under a run id that says so. */
function isRetraining({ workflow, runId }: Pick<PipelineRun, "workflow" | "runId">): boolean {
  return /retrain/.test(workflow) || /retrain/.test(runId);
}

function retrainingStop(pipelines: readonly PipelineRun[]): PlacedStop {
  const latest = pipelines[0];
  const retrainings = pipelines.filter(isRetraining).length;
  return {
    id: "retraining",
    title: "Retraining",
    page: "/pipelines",
    state: latest === undefined ? "empty" : "ready",
    figure: latest === undefined ? null : String(retrainings),
    unit: retrainings === 1 ? "retraining" : "retrainings",
    note: latest === undefined ? "" : `${latest.workflow} ${latest.state}`,
  };
}

/** What a person should look at, gravest first; empty on a good day. */
async function attentionNow(context: RouteContext, models: readonly ModelSummary[]): Promise<Attention[]> {
  const found: Attention[] = [];
  for (const alert of await context.monitoring.listAlerts({ status: "open", limit: 20 })) {
    found.push({ severity: alert.kind === "drift" ? "watch" : "act", text: `${alert.model}: ${alert.summary}`, atUs: alert.raisedUs, page: "/monitoring" });
  }
  // Only the newest version of a source speaks for it: an old refusal is history.
  const seen = new Set<string>();
  for (const version of await context.datasets.listVersions()) {
    if (seen.has(version.sourceName)) continue;
    seen.add(version.sourceName);
    if (version.status === "refused")
      found.push({ severity: "act", text: `${version.sourceName} was refused by its contract`, atUs: version.createdUs, page: `/data/${version.hash}` });
  }
  const seenWorkflows = new Set<string>();
  for (const run of await context.pipelines.listRuns(50)) {
    if (seenWorkflows.has(run.workflow)) continue;
    seenWorkflows.add(run.workflow);
    if (run.state === "failed")
      found.push({
        severity: "act",
        text: `${run.workflow} failed: ${run.error?.message ?? "no reason was recorded"}`,
        atUs: run.endedUs ?? run.startedUs,
        page: `/pipelines/${run.runId}`,
      });
  }
  const serving = context.serving.current();
  if (serving.url !== null && !serving.reachable && models.some((m) => m.champion !== null))
    found.push({ severity: "act", text: `The serving process does not answer (${serving.problem})`, atUs: null, page: "/serving" });
  return found.sort((a, b) => (a.severity === b.severity ? (b.atUs ?? Infinity) - (a.atUs ?? Infinity) : a.severity === "act" ? -1 : 1));
}
