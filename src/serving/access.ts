import type { FastifyRequest } from "fastify";
import { requireRole, type Gate } from "../access/gate.ts";
import type { Role } from "../access/roles.ts";

/** Whom a route of the serving server answers; undefined: anybody. What asks a model changes nothing; what tells the platform something does. */
export function roleForServing(method: string, pattern: string | undefined): Role | undefined {
  if (pattern === undefined || /^\/(health|ping|v2\/health\/.*)$/.test(pattern)) return undefined;
  if (method === "GET" || method === "HEAD" || asking.test(pattern)) return "viewer";
  return pattern.startsWith("/v2/repository/") ? "admin" : "editor";
}

const asking = /\/(predict|infer|invocations|get-online-features|retrieve-online-documents|search|nearest|index|completions|embeddings)$/;

/** The same of a gRPC method. Whether the process lives is anybody's to know. */
export function roleForMethod(service: string, name: string): Role | undefined {
  if (service.startsWith("grpc.health.") || name === "ServerLive" || name === "ServerReady") return undefined;
  return name === "RepositoryModelLoad" || name === "RepositoryModelUnload" ? "admin" : "viewer";
}

/** Answers at once where who asks is known, which is the rule: no promise is made for the request. */
export function accessCheck(gate: Gate): (request: FastifyRequest, done: (error?: Error) => void) => void {
  return (request, done) => {
    const needed = roleForServing(request.method, request.routeOptions.url);
    if (needed === undefined) {
      done();
      return;
    }
    // Whatever workspace a client works in: what is served is of `default`, and so is the role that counts.
    const credentials = { authorization: request.headers.authorization };
    const known = gate.known(credentials);
    if (known === undefined) {
      /* oxlint-disable promise/no-callback-in-promise -- Fastify's hook is a callback, so that the rule costs no promise */
      gate.admit(credentials, needed).then(
        () => done(),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      );
      /* oxlint-enable promise/no-callback-in-promise */
      return;
    }
    requireRole(known, needed);
    done();
  };
}
