/** Workspaces as MLflow's clients manage them, and as the console lists them. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { roleIn } from "../../access/roles.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { defaultWorkspace } from "../../kernel/workspace.ts";
import { checkArtifactLocation } from "../../tracking/mlflow/checks.ts";
import { refuse, type Message } from "../../tracking/mlflow/message.ts";
import { checkWorkspaceName } from "../../tracking/mlflow/workspace-name.ts";
import { deletionModes, type Workspace, type WorkspaceChange } from "../../tracking/workspaces.ts";
import type { WorkspaceRow } from "../api-runs.ts";
import type { ControlRooms } from "../control-rooms.ts";
import { runSchemas as schemas } from "../schemas-runs.ts";
import { hidden, messageOf, queryOf, readJson } from "./mlflow-request.ts";

type Named = { Params: { workspace_name: string } };

export function addMlflowWorkspaces(scope: FastifyInstance, { workspaces, tracking }: Pick<ControlRooms, "workspaces" | "tracking">): void {
  readJson(scope);
  scope.get("/workspaces", hidden, async (request) => {
    const own = (await workspaces.list()).filter(({ name }) => maySee(request, name));
    return own.length === 0 ? {} : { workspaces: own.map(workspaceJson) };
  });
  scope.post("/workspaces", hidden, async (request, reply) => {
    const message = messageOf(request);
    const name = checkWorkspaceName(message.requiredText("name"), "created");
    return reply.code(201).send({ workspace: workspaceJson(await workspaces.create(name, changeOf(message, tracking.artifactRoot))) });
  });
  scope.get<Named>("/workspaces/:workspace_name", hidden, async (request) => {
    const name = request.params.workspace_name;
    const found = await workspaces.get(name === defaultWorkspace ? name : checkWorkspaceName(name, "read"));
    if (!maySee(request, name)) throw new KarkhanaError("ACCESS_DENIED", { user: request.principal?.user, role: "no role", needed: "viewer" });
    return { workspace: workspaceJson(found) };
  });
  scope.patch<Named>("/workspaces/:workspace_name", hidden, async (request) => {
    const name = request.params.workspace_name;
    if (name !== defaultWorkspace) checkWorkspaceName(name, "updated");
    const change = changeOf(messageOf(request), tracking.artifactRoot);
    if (Object.values(change).every((value) => value === undefined)) refuse("Workspace update must have at least one key");
    return { workspace: workspaceJson(await workspaces.update(name, change)) };
  });
  scope.delete<Named>("/workspaces/:workspace_name", hidden, async (request, reply) => {
    const name = checkWorkspaceName(request.params.workspace_name, "deleted");
    const asked = queryOf(request).text("mode") ?? "RESTRICT";
    const mode = deletionModes.find((known) => known === asked);
    if (mode === undefined) return refuse(`Invalid deletion mode '${asked}'. Must be one of: SET_DEFAULT, CASCADE, RESTRICT`);
    await workspaces.delete(name, mode);
    return reply.code(204).send();
  });
}

export function addWorkspaceRoutes(app: FastifyInstance, { workspaces }: Pick<ControlRooms, "workspaces">): void {
  app.get(
    "/workspaces",
    { schema: { summary: "Workspaces that whoever asks may look into, by name", response: { 200: schemas.workspaces } } },
    async (request): Promise<WorkspaceRow[]> =>
      (await workspaces.list())
        .filter(({ name }) => maySee(request, name))
        .map(({ name, description }) => ({
          name,
          description: description ?? null,
          role: request.principal === null ? null : (roleIn(request.principal.roles, name) ?? null),
        })),
  );
}

function maySee({ principal }: FastifyRequest, workspace: string): boolean {
  return principal === null || roleIn(principal.roles, workspace) !== undefined;
}

function changeOf(message: Message, serverRoot: string): WorkspaceChange {
  const root = message.text("default_artifact_root")?.trim();
  if (root && !/^[a-z][a-z0-9+.-]+:/i.test(root) && !root.startsWith("/"))
    refuse(
      `Invalid value for 'default_artifact_root'. Expected a URI (for example 's3://bucket/prefix' or 'mlflow-artifacts:/prefix') or an absolute path, got '${root.slice(0, 200)}'.`,
    );
  return { description: message.text("description"), artifactRoot: root ? checkArtifactLocation(root, serverRoot) : root };
}

function workspaceJson({ name, description, artifactRoot }: Workspace): object {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(artifactRoot === undefined ? {} : { default_artifact_root: artifactRoot }),
  };
}
