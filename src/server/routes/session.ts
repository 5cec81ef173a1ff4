import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { Directory, Recognised } from "../../access/directory.ts";
import { cookieIn, requireRole, sessionCookie, unauthenticated, type Gate } from "../../access/gate.ts";
import type { Principal } from "../../access/roles.ts";
import { codeOf } from "../../kernel/error.ts";
import { credentialsOf } from "../access-guard.ts";
import type { Session } from "../api.ts";
import { schemas } from "../schemas.ts";

const lifetimeUs = 12 * 3600 * 1_000_000;
const text = Type.String({ minLength: 1, maxLength: 1024 });
const signIn = Type.Union([
  Type.Object({ user: text, password: text }, { additionalProperties: false }),
  Type.Object({ token: text }, { additionalProperties: false }),
]);

/** Signing in and out of the console. Not behind the guard, since whoever asks is not known yet. */
export function addSessionRoutes(app: FastifyInstance, { gate, directory }: { readonly gate: Gate; readonly directory: Directory }): void {
  app.get(
    "/session",
    { schema: { summary: "Who asks, and whether anybody has to say", response: { 200: schemas.session } } },
    async (request): Promise<Session> => {
      try {
        return sessionOf(await gate.admit(credentialsOf(request), undefined));
      } catch (error) {
        if (codeOf(error) !== "ACCESS_UNAUTHENTICATED") throw error;
        return { state: "signed-out", user: null, role: null };
      }
    },
  );

  app.post<{ Body: Static<typeof signIn> }>(
    "/session",
    { schema: { summary: "Sign in with a name and password or with a token", body: signIn, response: { 200: schemas.session } } },
    async ({ body, headers }, reply): Promise<Session> => {
      const who: Recognised | undefined = "token" in body ? await directory.byToken(body.token) : await directory.byPassword(body.user, body.password);
      if (who === undefined) throw unauthenticated();
      const cookie = await directory.startSession(who.user, lifetimeUs);
      const principal = await gate.admit({ cookie: `${sessionCookie}=${cookie}` }, undefined);
      if (principal !== "open" && Object.keys(principal.roles).length === 0) requireRole(principal, "viewer");
      void reply.header("set-cookie", cookieText(cookie, lifetimeUs / 1_000_000, headers["x-forwarded-proto"] === "https"));
      return sessionOf(principal);
    },
  );

  app.delete("/session", { schema: { summary: "Sign out", response: { 200: schemas.session } } }, async ({ headers }, reply): Promise<Session> => {
    const cookie = cookieIn(headers.cookie);
    if (cookie !== undefined) await directory.endSession(cookie);
    void reply.header("set-cookie", cookieText("", 0, headers["x-forwarded-proto"] === "https"));
    return { state: "signed-out", user: null, role: null };
  });
}

function sessionOf(principal: Principal | "open"): Session {
  return principal === "open" ? { state: "open", user: null, role: null } : { state: "signed-in", user: principal.user, role: principal.role ?? null };
}

/** No script reads it, no other site's page sends it. */
function cookieText(value: string, maxAgeSeconds: number, isSecure: boolean): string {
  return `${sessionCookie}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}
