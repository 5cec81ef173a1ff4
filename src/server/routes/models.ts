import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { ModelDefinition } from "../../project/definition.ts";
import { placeIn } from "../../registry/guarded-aliases.ts";
import { proofKinds, type Deployment, type ModelVersion } from "../../registry/port.ts";
import type { DeploymentState, Interval, ModelDetail, ModelSummary, ProofMark, Version } from "../api.ts";
import { modelNamed, type RouteContext } from "../control-rooms.ts";
import { liveRetrainingText } from "../../workflows/live-state.ts";
import { schemas } from "../schemas.ts";

const params = Type.Object({ name: Type.String({ maxLength: 200 }) });
const rollbackBody = Type.Object({ reason: Type.String({ minLength: 1, maxLength: 500 }) }, { additionalProperties: false });

const versionNumber = Type.Integer({ minimum: 1, maximum: 1_000_000_000 });
const trafficBody = Type.Object(
  {
    challengers: Type.Array(Type.Object({ version: versionNumber, share: Type.Number() }, { additionalProperties: false }), { maxItems: 100 }),
    shadows: Type.Optional(Type.Array(versionNumber, { maxItems: 100 })),
    reason: Type.String({ minLength: 1, maxLength: 500 }),
  },
  { additionalProperties: false },
);

export function addModelRoutes(app: FastifyInstance, context: RouteContext): void {
  app.get("/models", { schema: { summary: "The project's models", response: { 200: schemas.models } } }, () =>
    Promise.all(context.project.models.map((m) => modelSummary(context, m))),
  );

  app.get<{ Params: Static<typeof params> }>(
    "/models/:name",
    { schema: { summary: "One model: versions, proofs, deployment, events", params, response: { 200: schemas.model } } },
    (request) => modelDetail(context, modelNamed(context, request.params.name)),
  );

  app.post<{ Params: Static<typeof params>; Body: Static<typeof rollbackBody> }>(
    "/models/:name/rollback",
    { schema: { summary: "Back to the champion before the last promotion", params, body: rollbackBody, response: { 200: schemas.deployment } } },
    async (request): Promise<DeploymentState> => {
      const { name } = modelNamed(context, request.params.name);
      const deployment = await context.registry.rollback(name, request.body.reason);
      // Serving would find the change by itself a moment later; it is in force before the caller is answered.
      await context.serving.refresh();
      return deploymentState(deployment);
    },
  );

  app.put<{ Params: Static<typeof params>; Body: Static<typeof trafficBody> }>(
    "/models/:name/traffic",
    {
      schema: {
        summary: "Exactly these challengers, each with its share of keys, and these shadows; the champion answers the rest",
        params,
        body: trafficBody,
        response: { 200: schemas.deployment },
      },
    },
    async (request): Promise<DeploymentState> => {
      const { name } = modelNamed(context, request.params.name);
      const { challengers, shadows, reason } = request.body;
      const deployment = await context.registry.setTraffic(name, { challengers, ...(shadows === undefined ? {} : { shadows }) }, reason);
      await context.serving.refresh();
      return deploymentState(deployment);
    },
  );
}

export async function modelSummary(context: RouteContext, { name }: ModelDefinition): Promise<ModelSummary> {
  const { registry, monitoring } = context;
  const versions = await registry.listVersions(name);
  const deployment = await registry.getDeployment(name);
  const champion = versions.find((v) => v.version === deployment?.champion);
  const alerts = await monitoring.listAlerts({ model: name, status: "open", limit: 100 });
  const windows = champion === undefined ? [] : await monitoring.listQualityWindows(name, { version: champion.version, role: "champion", limit: 30 });
  const latest = windows.findLast((w) => w.auc !== undefined && w.notJudged === undefined);
  return {
    name,
    versions: versions.length,
    champion: deployment?.champion ?? null,
    challenger: deployment?.challengers[0]?.version ?? null,
    shadow: deployment?.shadows[0] ?? null,
    aucHoldout: await aucHoldout(context, champion ?? versions.at(-1)),
    aucLive: latest === undefined ? null : aucOf(latest),
    aucLiveFromUs: latest?.startUs ?? null,
    openAlerts: alerts.length,
  };
}

export async function aucHoldout({ files }: RouteContext, version: ModelVersion | undefined): Promise<Interval | null> {
  const profile = version === undefined ? undefined : await files.profile(version);
  return profile?.holdout.auc ?? null;
}

export function aucOf(window: { readonly auc?: number; readonly aucLow?: number; readonly aucHigh?: number }): Interval | null {
  const { auc, aucLow, aucHigh } = window;
  return auc === undefined ? null : { value: auc, low: aucLow ?? auc, high: aucHigh ?? auc };
}

async function modelDetail(context: RouteContext, model: ModelDefinition): Promise<ModelDetail> {
  const { registry } = context;
  const deployment = await registry.getDeployment(model.name);
  const versions = await registry.listVersions(model.name);
  const events = await registry.listEvents(model.name);
  return {
    ...(await modelSummary(context, model)),
    label: model.label,
    request: model.request,
    slots: model.service.slots.length,
    gates: { ...model.gates },
    monitors: { ...model.monitors },
    retrain: { ...model.retrain, now: await liveRetrainingText(context, context.project, model, context.clock.nowUs()) },
    deployment: deployment === undefined ? null : deploymentState(deployment),
    all: await Promise.all(
      versions.toReversed().map(async (v): Promise<Version> => ({ ...versionOf(v, deployment), aucHoldout: await aucHoldout(context, v) })),
    ),
    events: events.map((e) => ({ sequence: e.sequence, version: e.version ?? null, kind: e.kind, reason: e.reason, atUs: e.atUs })),
  };
}

/** What a version does in the deployment. */
export function placeOf(version: number, deployment: Deployment | undefined): Version["place"] {
  return placeIn(deployment, version) ?? null;
}

function versionOf(v: ModelVersion, deployment: Deployment | undefined): Omit<Version, "aucHoldout"> {
  return {
    version: v.version,
    place: placeOf(v.version, deployment),
    state: v.state,
    runId: v.runId,
    datasetHash: v.datasetHash,
    definitionHash: v.definitionHash,
    serviceHash: v.serviceHash,
    createdUs: v.createdUs,
    proofs: proofKinds.map((kind) => proofMark(v, kind)),
  };
}

/** The latest proof of a kind speaks; a waiver speaks only where nothing was proved. */
export function proofMark(v: ModelVersion, kind: ProofMark["kind"]): ProofMark {
  const proof = v.proofs.findLast((p) => p.kind === kind);
  const waiver = v.waivers[kind];
  if (proof !== undefined && (proof.passed || waiver === undefined))
    return { kind, state: proof.passed ? "proved" : "failed", summary: proof.summary, details: proof.details, recordedUs: proof.recordedUs, hash: proof.hash };
  if (waiver !== undefined) return { kind, state: "waived", summary: waiver, details: {}, recordedUs: null, hash: null };
  return { kind, state: "missing", summary: "Not supplied yet.", details: {}, recordedUs: null, hash: null };
}

function deploymentState(d: Deployment): DeploymentState {
  return {
    revision: d.revision,
    champion: d.champion,
    challengers: d.challengers.map(({ version, share }) => ({ version, share })),
    shadows: d.shadows,
    previous: d.previous ?? null,
    reason: d.reason,
    changedUs: d.changedUs,
  };
}
