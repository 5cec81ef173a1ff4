import type { RegistryCall } from "../registry/mlflow/call.ts";
import { modelCalls } from "../registry/mlflow/model-calls.ts";
import { orUndefined, type ModelSources } from "../registry/mlflow/source.ts";
import { versionCalls } from "../registry/mlflow/version-calls.ts";
import { webhookCalls } from "../registry/mlflow/webhook-calls.ts";
import type { MlflowTracking } from "../tracking/mlflow/call.ts";
import { pythonDumps } from "../tracking/mlflow/message.ts";
import type { ControlRooms } from "./control-rooms.ts";

/** MLflow's registry API on the platform's registry and tracking. */
export function mlflowRegistry({ catalog, tracking, webhooks }: Pick<ControlRooms, "catalog" | "tracking" | "webhooks">): readonly RegistryCall[] {
  return [...modelCalls(catalog), ...versionCalls(catalog, modelSources(tracking)), ...webhookCalls(webhooks)];
}

/** MLflow's tag on a logged model: the versions registered of it, written as its Python writes it. */
const versionsTag = "mlflow.modelVersions";

function modelSources(tracking: MlflowTracking): ModelSources {
  return {
    run: async (runId) => {
      const record = await orUndefined(tracking.runs.get(runId));
      return record === undefined ? undefined : { artifactUri: record.artifactUri, folder: record.artifactsAreHere ? record.run.artifactPath : undefined };
    },
    loggedModel: async (modelId) => {
      const model = await orUndefined(tracking.loggedModels.get(modelId));
      return model === undefined ? undefined : { artifactUri: model.artifactUri, folder: model.artifactPath, runId: model.sourceRunId };
    },
    versionMade: async (modelId, { model, version }) => {
      const logged = await orUndefined(tracking.loggedModels.get(modelId));
      if (logged === undefined) return;
      const held = parseOrNothing(logged.tags[versionsTag]);
      const others = Array.isArray(held) ? held.filter((own: unknown) => JSON.stringify(own) !== JSON.stringify({ name: model, version })) : [];
      await tracking.loggedModels.setTags(modelId, { [versionsTag]: pythonDumps([...others, { name: model, version }]) });
    },
  };
}

/** Anybody may have written the tag. */
function parseOrNothing(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? "[]");
  } catch {
    return [];
  }
}
