import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Credentials, Gate } from "../access/gate.ts";
import type { Principal } from "../access/roles.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { roleForRoute } from "./route-role.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; null where nobody is asked. */
    principal: Principal | null;
  }
}

/** Asks who is there before any route that is not open to everybody. Decided by the route that was found, so no spelling of its path matters. */
export function addAccessGuard(app: FastifyInstance, gate: Gate): void {
  app.decorateRequest("principal", null);
  app.addHook("onRequest", async (request, reply) => {
    const needed = roleForRoute(request.method, request.routeOptions.url);
    if (needed === undefined) return;
    void reply.header("vary", "authorization, cookie");
    try {
      const principal = await gate.admit(credentialsOf(request), needed);
      if (principal === "open") return;
      refuseForeignPage(request, principal);
      request.principal = principal;
    } catch (error) {
      if (error instanceof KarkhanaError && error.code === "ACCESS_UNAUTHENTICATED") void reply.header("www-authenticate", 'Bearer realm="karkhana"');
      throw error;
    }
  });
}

export function credentialsOf({ headers }: FastifyRequest): Credentials {
  const workspace = headers["x-mlflow-workspace"];
  return { authorization: headers.authorization, cookie: headers.cookie, workspace: typeof workspace === "string" ? workspace : undefined };
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
