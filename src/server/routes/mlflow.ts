/** MLflow's REST API beside our own: the same stores, other words. Its stock clients are pointed here and change nothing else. */
import type { FastifyInstance, FastifyRequest } from "fastify";
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
import type { ControlRooms } from "../control-rooms.ts";
import { mlflowRegistry } from "../mlflow-registry.ts";
import { workspaceRooms, type RoomsOf } from "../workspace-rooms.ts";
import { addMlflowWorkspaces } from "./workspaces.ts";
import { answerErrors, hidden, maxJsonBytes, messageOf, readJson } from "./mlflow-request.ts";

const calls: readonly MlflowCall[] = [...experimentCalls, ...runCalls, ...loggingCalls, ...historyCalls, ...inputCalls, ...artifactCalls, ...loggedModelCalls];

/** A call bound to the rooms of the workspace that is asked. */
interface BoundCall extends Pick<MlflowCall, "method" | "path"> {
  readonly answer: (message: Message, request: FastifyRequest) => Promise<object>;
}

export async function addMlflowRoutes(app: FastifyInstance, rooms: ControlRooms): Promise<void> {
  const roomsOf = workspaceRooms(rooms);
  const registryOf = registryCalls(rooms, roomsOf);
  const tracking = (request: FastifyRequest): MlflowTracking => roomsOf(request).tracking;
  const versionFolder: VersionFolder = (request, model, version) => roomsOf(request).catalog.artifactPath(model, version);
  const bound: BoundCall[] = [
    ...calls.map(({ method, path, answer }) => ({ method, path, answer: (message: Message, request: FastifyRequest) => answer(message, tracking(request)) })),
    ...registryOf,
  ];
  for (const prefix of ["/api/2.0", "/ajax-api/2.0"]) {
    await app.register(async (scope) => addCalls(scope, bound), { prefix: `${prefix}/mlflow` });
    await app.register(async (scope) => addProxy(scope, { of: tracking, inWorkspace: (workspace) => roomsOf({ workspace }).tracking }), {
      prefix: `${prefix}/mlflow-artifacts`,
    });
    await app.register(async (scope) => answerErrors(scope), { prefix });
  }
  for (const prefix of ["/api/3.0", "/ajax-api/3.0"]) {
    await app.register(
      async (scope) => {
        answerErrors(scope);
        scope.get("/mlflow/server-info", hidden, () => serverInfo);
        await scope.register(async (inner) => addMlflowWorkspaces(inner, rooms), { prefix: "/mlflow" });
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
  workspaces_enabled: true,
  trace_archival_enabled: false,
  // Clients use it from 500 MB on.
  multipart_uploads_enabled: true,
  // Each download would cost a request more; clients that want it can force it.
  multipart_downloads_enabled: false,
  presigned_upload_run_id_supported: false,
  presigned_upload_model_id_supported: false,
  features_enabled: { gateway: false },
};

/** MLflow's registry API of each workspace, made when it is first asked. */
function registryCalls(rooms: ControlRooms, roomsOf: RoomsOf<ControlRooms>): BoundCall[] {
  const made = new Map<string, readonly RegistryCall[]>();
  const callsOf = (request: FastifyRequest): readonly RegistryCall[] => {
    const held = made.get(request.workspace) ?? mlflowRegistry(roomsOf(request));
    made.set(request.workspace, held);
    return held;
  };
  return mlflowRegistry(rooms).map(({ method, path }, i) => ({
    method,
    path,
    answer: (message, request) => callsOf(request)[i]!.answer(message, askerOf(request)),
  }));
}

function addCalls(scope: FastifyInstance, bound: readonly BoundCall[]): void {
  answerErrors(scope);
  readJson(scope);
  for (const call of bound) {
    scope.route({
      ...hidden,
      method: call.method,
      url: `/${call.path}`,
      bodyLimit: maxJsonBytes,
      handler: (request) => call.answer(messageOf(request), request),
    });
  }
}

function askerOf({ principal }: FastifyRequest): Asker {
  return principal === null
    ? { user: "somebody on this machine", role: "admin", mayDeploy: true }
    : { user: principal.user, role: principal.role ?? "no role", mayDeploy: principal.role === "admin" };
}
