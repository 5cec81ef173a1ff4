/** MLflow's REST API beside our own: the same stores, other words. Its stock clients are pointed here and change nothing else. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { includesRole } from "../../access/roles.ts";
import type { Asker, RegistryCall } from "../../registry/mlflow/call.ts";
import { artifactCalls } from "../../tracking/mlflow/artifact-calls.ts";
import { mlflowVersion, type MlflowCall, type MlflowTracking } from "../../tracking/mlflow/call.ts";
import { experimentCalls } from "../../tracking/mlflow/experiment-calls.ts";
import { historyCalls } from "../../tracking/mlflow/history-calls.ts";
import { inputCalls } from "../../tracking/mlflow/input-calls.ts";
import { loggedModelCalls } from "../../tracking/mlflow/logged-model-calls.ts";
import { loggingCalls } from "../../tracking/mlflow/logging-calls.ts";
import type { Message } from "../../tracking/mlflow/message.ts";
import { runCalls } from "../../tracking/mlflow/run-calls.ts";
import { addPageFiles, addProxy, type VersionFolder } from "./mlflow-files.ts";
import { answerErrors, hidden, maxJsonBytes, messageOf, readJson } from "./mlflow-request.ts";

const calls: readonly MlflowCall[] = [...experimentCalls, ...runCalls, ...loggingCalls, ...historyCalls, ...inputCalls, ...artifactCalls, ...loggedModelCalls];
export interface RegistryRoutes {
  readonly calls: readonly RegistryCall[];
  readonly versionFolder: VersionFolder;
}

export async function addMlflowRoutes(app: FastifyInstance, tracking: MlflowTracking, { calls: registryCalls, versionFolder }: RegistryRoutes): Promise<void> {
  const bound = [...calls.map((call) => ({ ...call, answer: (message: Message) => call.answer(message, tracking) })), ...registryCalls];
  for (const prefix of ["/api/2.0", "/ajax-api/2.0"]) {
    await app.register(async (scope) => addCalls(scope, bound), { prefix: `${prefix}/mlflow` });
    await app.register(async (scope) => addProxy(scope, tracking), { prefix: `${prefix}/mlflow-artifacts` });
    await app.register(async (scope) => answerErrors(scope), { prefix });
  }
  for (const prefix of ["/api/3.0", "/ajax-api/3.0"]) {
    await app.register(
      async (scope) => {
        answerErrors(scope);
        scope.get("/mlflow/server-info", hidden, () => serverInfo);
      },
      { prefix },
    );
  }
  await app.register(async (scope) => addPageFiles(scope, tracking, versionFolder), { prefix: "" });
  app.get("/version", hidden, (_request, reply) => reply.type("text/plain; charset=utf-8").send(mlflowVersion));
}

/** What clients ask before they use a feature. */
const serverInfo = {
  store_type: "SqlStore",
  workspaces_enabled: false,
  trace_archival_enabled: false,
  // Clients use it from 500 MB on.
  multipart_uploads_enabled: true,
  // Each download would cost a request more; clients that want it can force it.
  multipart_downloads_enabled: false,
  presigned_upload_run_id_supported: false,
  presigned_upload_model_id_supported: false,
  features_enabled: { gateway: false },
};

function addCalls(scope: FastifyInstance, bound: readonly RegistryCall[]): void {
  answerErrors(scope);
  readJson(scope);
  for (const call of bound) {
    scope.route({
      ...hidden,
      method: call.method,
      url: `/${call.path}`,
      bodyLimit: maxJsonBytes,
      handler: (request) => call.answer(messageOf(request), askerOf(request)),
    });
  }
}

function askerOf({ principal }: FastifyRequest): Asker {
  return principal === null
    ? { user: "somebody on this machine", role: "admin", mayDeploy: true }
    : { ...principal, mayDeploy: includesRole(principal.role, "admin") };
}
