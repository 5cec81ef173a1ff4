import type { FastifyInstance, FastifyRequest } from "fastify";
import { workspaceOf, type Credentials, type Gate } from "../access/gate.ts";
import type { Principal } from "../access/roles.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { checkWorkspaceName } from "../tracking/mlflow/workspace-name.ts";
import { isInWorkspace, roleForRoute } from "./route-role.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; null where nobody is asked. */
    principal: Principal | null;
    /** Where what is asked for lies; `default` for all that is the platform's own. */
    workspace: string;
  }
}

/** Asks who is there before any route that is not open to everybody. Decided by the route that was found, so no spelling of its path matters. */
export function addAccessGuard(app: FastifyInstance, gate: Gate): void {
  app.decorateRequest("principal", null);
  app.decorateRequest("workspace", defaultWorkspace);
  app.addHook("onRequest", async (request, reply) => {
    const needed = roleForRoute(request.method, request.routeOptions.url);
    if (needed === undefined) return;
    void reply.header("vary", "authorization, cookie");
    try {
      // Roles count where the route looks: an admin of one workspace is nobody where the platform's own models are promoted.
      const isWithin = isInWorkspace(request.routeOptions.url);
      const { workspace, ...shown } = credentialsOf(request);
      const credentials = isWithin ? { ...shown, workspace } : shown;
      // In MLflow's words, before it is looked for: it may be anything.
      if (workspaceOf(credentials) !== defaultWorkspace) checkWorkspaceName(workspaceOf(credentials), "used");
      const principal = await gate.admit(credentials, needed === "known" ? undefined : needed);
      request.workspace = workspaceOf(credentials);
      if (principal === "open") return;
      refuseForeignPage(request, principal);
      request.principal = principal;
    } catch (error) {
      if (error instanceof KarkhanaError && error.code === "ACCESS_UNAUTHENTICATED") void reply.header("www-authenticate", 'Bearer realm="karkhana"');
      throw error;
    }
  });
}

/** Links and pictures of a page carry no header of ours: their address says the workspace. */
export function credentialsOf({ headers, method, query }: FastifyRequest): Credentials {
  const named = headers["x-mlflow-workspace"];
  const inAddress = method === "GET" && typeof query === "object" && query !== null && "workspace" in query ? query.workspace : undefined;
  const workspace = typeof named === "string" ? named : typeof inAddress === "string" ? inAddress : undefined;
  return { authorization: headers.authorization, cookie: headers.cookie, workspace };
}

/**
 * A browser sends its cookie with whatever any page makes it send. What changes something must therefore come from a page of this server, which
 * the browser says in Origin; a request that does not say it is not believed.
 */
function refuseForeignPage(request: FastifyRequest, principal: Principal): void {
  const { method, headers } = request;
  if (!principal.bySession || method === "GET" || method === "HEAD") return;
  // The port counts: another server of this machine has the same site, and browsers send it the same cookies.
  const isOwn = headers.origin !== undefined && URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host?.toLowerCase();
  if (!isOwn) throw new KarkhanaError("ORIGIN_REFUSED", { value: (headers.origin ?? "nothing").slice(0, 100) });
}
