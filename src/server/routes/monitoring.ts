import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { parseDuration } from "../../kernel/time.ts";
import type { Alert as StoredAlert } from "../../monitoring/alert.ts";
import type { SlotProfile } from "../../monitoring/slot-bins.ts";
import type { DriftWindowRecord, SlotPoint } from "../../monitoring/store.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import type { Alert, Distributions, DriftWindow, Monitoring, SlotDistribution } from "../api.ts";
import { modelNamed, type RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";
import { cellLabels } from "../slot-labels.ts";
import { aucHoldout, aucOf } from "./models.ts";

const params = Type.Object({ name: Type.String({ maxLength: 200 }) });
const windowQuery = Type.Object({ atUs: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })) });
const maxWindows = 1000;

export function addMonitoringRoutes(app: FastifyInstance, context: RouteContext): void {
  const slotsOf = slotReader(context);
  app.get<{ Params: Static<typeof params> }>(
    "/models/:name/monitoring",
    { schema: { summary: "Windows of drift, quality and traffic over event time", params, response: { 200: schemas.monitoring } } },
    (request) => monitoringOf(context, modelNamed(context, request.params.name), slotsOf),
  );
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof windowQuery> }>(
    "/models/:name/distributions",
    {
      schema: {
        summary: "Training against live, slot by slot, in the latest window or the one that starts at atUs",
        params,
        querystring: windowQuery,
        response: { 200: schemas.distributions },
      },
    },
    (request) => distributionsOf(context, modelNamed(context, request.params.name), request.query.atUs, slotsOf),
  );
  app.get("/alerts", { schema: { summary: "Alerts, newest first", response: { 200: schemas.alerts } } }, async () =>
    (await context.monitoring.listAlerts({ limit: 200 })).map(alertOf),
  );
}

function alertOf(alert: StoredAlert): Alert {
  return {
    id: alert.id,
    model: alert.model,
    version: alert.version,
    kind: alert.kind,
    state: alert.status === "open" ? "open" : "closed",
    text: alert.summary,
    subject: alert.findings[0]?.subject ?? null,
    raisedUs: alert.raisedUs,
    closedUs: alert.resolvedUs ?? null,
  };
}

type SlotReader = (model: string, window: DriftWindowRecord) => Promise<readonly SlotPoint[]>;

/** A closed window never changes: its slots are read once. Three windows a day for a year fit. */
function slotReader({ monitoring }: RouteContext): SlotReader {
  const kept = new Map<string, Promise<readonly SlotPoint[]>>();
  return (model, { version, role, startUs }) => {
    const key = `${model} ${version} ${role} ${startUs}`;
    let slots = kept.get(key);
    if (slots === undefined) {
      if (kept.size >= maxWindows) kept.delete(kept.keys().next().value!);
      slots = monitoring.listSlots(model, { version, role, startUs });
      kept.set(key, slots);
      slots.catch(() => kept.delete(key));
    }
    return slots;
  };
}

/** The champion's window of each start; of two in one window, the one that answered more. */
function championWindows(windows: readonly DriftWindowRecord[]): DriftWindowRecord[] {
  const byStart = Map.groupBy(
    windows.filter((w) => w.role === "champion"),
    (w) => w.startUs,
  );
  return [...byStart.values()].map((same) => same.reduce((a, b) => (b.predictions > a.predictions ? b : a))).sort((a, b) => a.startUs - b.startUs);
}

async function monitoringOf(context: RouteContext, model: ModelDefinition, slotsOf: SlotReader): Promise<Monitoring> {
  const { monitoring, registry } = context;
  const { name } = model;
  const inputs = await monitoring.listDriftWindows(name, { limit: maxWindows });
  const outcomes = await monitoring.listQualityWindows(name, { limit: maxWindows });
  const events = await registry.listEvents(name);
  const deployment = await registry.getDeployment(name);
  const names = [...model.service.slots.map((s) => s.name), "score"];
  const drift: DriftWindow[] = [];
  for (const w of championWindows(inputs)) {
    if (w.notJudged !== undefined) continue;
    const bySlot = new Map((await slotsOf(name, w)).map((s) => [s.slot, s]));
    drift.push({
      fromUs: w.startUs,
      toUs: w.endUs,
      version: w.version,
      rows: w.predictions,
      psi: names.map((slot) => bySlot.get(slot)?.psi ?? null),
      threshold: names.map((slot) => bySlot.get(slot)?.threshold ?? null),
    });
  }
  const champion = deployment === undefined ? undefined : await registry.getVersion(name, deployment.champion);
  return {
    model: name,
    windowUs: parseDuration(model.monitors.window),
    psiBand: model.monitors.psiBand,
    aucHoldout: await aucHoldout(context, champion),
    slots: names,
    quality: outcomes.map((w) => ({
      fromUs: w.startUs,
      toUs: w.endUs,
      version: w.version,
      role: w.role,
      rows: w.predictions,
      matured: w.matured,
      auc: w.notJudged === "too-few-labels" ? null : aucOf(w),
      threshold: w.threshold ?? null,
      logLoss: w.logLoss ?? null,
      brier: w.brier ?? null,
      ece: w.calibrationError ?? null,
      breach: w.isBreach,
    })),
    drift,
    traffic: inputs.map((w) => ({
      fromUs: w.startUs,
      toUs: w.endUs,
      version: w.version,
      role: w.role,
      rows: w.predictions,
      p50Us: w.latencyUs.p50 ?? null,
      p95Us: w.latencyUs.p95 ?? null,
      p99Us: w.latencyUs.p99 ?? null,
    })),
    marks: events
      .filter((e) => e.kind === "promoted" || e.kind === "rolled-back")
      .map((e) => ({ atUs: e.atUs, kind: e.kind, version: e.version ?? null, text: e.reason })),
  };
}

async function distributionsOf(context: RouteContext, model: ModelDefinition, atUs: number | undefined, slotsOf: SlotReader): Promise<Distributions> {
  const { monitoring, registry, files } = context;
  const { name } = model;
  const filter = atUs === undefined ? { role: "champion" as const, limit: 60 } : { role: "champion" as const, fromUs: atUs, toUs: atUs + 1 };
  const window = championWindows(await monitoring.listDriftWindows(name, filter)).findLast((w) => w.notJudged === undefined);
  const versions = await registry.listVersions(name);
  const deployment = await registry.getDeployment(name);
  const version = versions.find((v) => v.version === (window?.version ?? deployment?.champion)) ?? versions.at(-1);
  const profile = version === undefined ? undefined : await files.profile(version);
  if (version === undefined || profile === undefined)
    return { model: name, version: null, fromUs: null, toUs: null, referenceRows: 0, currentRows: 0, slots: [] };
  const categories = await files.categories(version);
  const live = new Map(window === undefined ? [] : (await slotsOf(name, window)).map((s) => [s.slot, s]));
  return {
    model: name,
    version: version.version,
    fromUs: window?.startUs ?? null,
    toUs: window?.endUs ?? null,
    referenceRows: profile.numRows,
    currentRows: window === undefined ? 0 : window.predictions - window.misshapen,
    slots: [...profile.slots, { ...profile.score, name: "score" }].map((slot) => distribution(slot, live.get(slot.name), categories[slot.name])),
  };
}

function distribution(slot: SlotProfile, live: SlotPoint | undefined, values: readonly string[] | undefined): SlotDistribution {
  return {
    slot: slot.name,
    type: slot.type,
    labels: cellLabels(slot, values),
    reference: slot.counts,
    current: live?.counts ?? [],
    psi: live?.psi ?? null,
    threshold: live?.threshold ?? null,
    floor: live?.floor ?? null,
    breach: live?.isOver ?? false,
  };
}
