import { timingSafeEqual } from "node:crypto";
import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { Directory, Recognised } from "./directory.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { includesRole, roleIn, type Principal, type Role, type Roles } from "./roles.ts";
import { digestOf } from "./secrets.ts";

export interface GateParts {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Which workspaces there are; default: only `default`. */
  readonly workspaces?: { has(name: string): Promise<boolean> } | undefined;
  /** What this platform's own processes show each other; it is admin. */
  readonly internalToken?: string | undefined;
}

/** What a request shows of itself. */
export interface Credentials {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
  /** Which one is asked for, where that matters to the request; none or empty: `default`. */
  readonly workspace?: string | undefined;
}

export const sessionCookie = "karkhana_session";
/** How long what was found is used without a look at whether it changed: so long does a removed token still open. */
const freshUs = 1_000_000;
const maxRemembered = 10_000;
const maxRefused = 1000;
/** Of one credential that was refused: it is not tried again sooner. */
const refusedForUs = 5_000_000;

interface Found {
  readonly until: Micros;
  /** Of `default`, made once: it is what the path that must not wait asks for. */
  readonly inDefault: Principal;
}

/** The platform's own processes. */
const own: Roles = { [defaultWorkspace]: "admin" };

/**
 * Says who asks. While there are no users nobody is asked, which is allowed on loopback only (`require` closes that door for good).
 * Trying a secret is slow on purpose, so who was recognised is remembered until something changes; the memory holds digests.
 */
export class Gate {
  readonly #parts: GateParts;
  #remembered = new Map<string, Found>();
  /** Apart, so that a flood of wrong credentials makes nobody forgotten. */
  #refused = new Map<string, Micros>();
  #isOpen = true;
  #revision = -1;
  #checkedUs = Number.NEGATIVE_INFINITY;
  /** Seen since the last look. */
  #workspaces = new Set<string>();
  #checking: Promise<void> | undefined;
  #required = false;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** From now on someone must be named, users or not: others than this machine reach the server. @throws ACCESS_NOT_CONFIGURED */
  async require(host: string): Promise<void> {
    if (!(await this.#parts.directory.hasUsers())) throw new KarkhanaError("ACCESS_NOT_CONFIGURED", { host });
    this.#required = true;
  }

  /** Nobody is asked who they are. */
  async isOpen(): Promise<boolean> {
    await this.#refresh();
    return this.#isOpen && !this.#required;
  }

  /** Who asks, if it is known without waiting; "open" if nobody is asked. For the path that must not wait; else `admit`. */
  known(credentials: Credentials): Principal | "open" | undefined {
    if (this.#parts.clock.nowUs() - this.#checkedUs > freshUs) return undefined;
    if (this.#isOpen && !this.#required) return "open";
    const found = this.#remembered.get(keyOf(credentials));
    return found !== undefined && found.until > this.#parts.clock.nowUs() ? principalOf(found, workspaceOf(credentials)) : undefined;
  }

  /**
   * @param needed undefined: whoever is known, whatever they may do @throws ACCESS_UNAUTHENTICATED, ACCESS_DENIED, WORKSPACE_NOT_FOUND,
   * ACCESS_BUSY
   */
  async admit(credentials: Credentials, needed: Role | undefined): Promise<Principal | "open"> {
    await this.#refresh();
    const workspace = workspaceOf(credentials);
    const principal = this.known(credentials) ?? (await this.#recognise(credentials));
    await this.#requireWorkspace(workspace);
    if (needed !== undefined) requireRole(principal, needed);
    return principal;
  }

  async #requireWorkspace(workspace: string): Promise<void> {
    if (workspace === defaultWorkspace || this.#workspaces.has(workspace)) return;
    const isThere = workspace.length <= 63 && ((await this.#parts.workspaces?.has(workspace)) ?? false);
    if (!isThere) throw new KarkhanaError("WORKSPACE_NOT_FOUND", { workspace: workspace.slice(0, 100) });
    this.#workspaces.add(workspace);
  }

  /** For whoever deleted one: it is looked for again. */
  forgetWorkspaces(): void {
    this.#workspaces = new Set();
  }

  async #refresh(): Promise<void> {
    if (this.#parts.clock.nowUs() - this.#checkedUs <= freshUs) return;
    this.#checking ??= this.#look();
    await this.#checking;
  }

  /** A database that cannot be asked changes nothing: who was known stays known, and nobody new is. */
  async #look(): Promise<void> {
    const { directory, clock } = this.#parts;
    try {
      const revision = await directory.revision();
      if (revision !== this.#revision) {
        this.#isOpen = !(await directory.hasUsers());
        this.#remembered = new Map();
        this.#refused = new Map();
        this.#revision = revision;
      }
      this.#checkedUs = clock.nowUs();
      this.forgetWorkspaces();
    } catch (error) {
      if (this.#revision === -1) throw error;
      this.#checkedUs = clock.nowUs();
    } finally {
      this.#checking = undefined;
    }
  }

  async #recognise(credentials: Credentials): Promise<Principal | "open"> {
    const { directory, clock, internalToken } = this.#parts;
    if (this.#isOpen && !this.#required) return "open";
    const key = keyOf(credentials);
    if ((this.#refused.get(key) ?? 0) > clock.nowUs()) throw unauthenticated();
    const { authorization } = credentials;
    const [scheme, text] = splitHeader(authorization);
    if (scheme === "bearer" && internalToken !== undefined && equal(text, internalToken)) {
      const found = foundOf({ user: "karkhana", roles: own, bySession: false }, Number.MAX_SAFE_INTEGER);
      keep(this.#remembered, key, found, maxRemembered);
      return principalOf(found, workspaceOf(credentials));
    }
    const remembered = this.#remembered;
    const cookie = authorization === undefined ? cookieIn(credentials.cookie) : undefined;
    const who =
      cookie !== undefined
        ? await directory.bySession(cookie)
        : scheme === "bearer"
          ? await directory.byToken(text)
          : scheme === "basic"
            ? await byBasic(directory, text)
            : undefined;
    if (who === undefined) {
      if (authorization !== undefined) keep(this.#refused, key, clock.nowUs() + refusedForUs, maxRefused);
      throw unauthenticated();
    }
    const roles = await directory.rolesOf(who.user);
    const found = foundOf({ user: who.user, roles, bySession: cookie !== undefined }, who.until ?? Number.MAX_SAFE_INTEGER);
    // What changed while a secret was tried is not undone by remembering what was read before.
    if (remembered === this.#remembered) keep(remembered, key, found, maxRemembered);
    return principalOf(found, workspaceOf(credentials));
  }
}

/** The oldest goes when it is full. */
function keep<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  if (map.size >= max) map.delete(map.keys().next().value ?? "");
  map.set(key, value);
}

/** @throws ACCESS_DENIED */
export function requireRole(principal: Principal | "open", needed: Role): void {
  if (principal === "open" || (principal.role !== undefined && includesRole(principal.role, needed))) return;
  throw new KarkhanaError("ACCESS_DENIED", { user: principal.user, role: principal.role ?? "no role", needed });
}

/** As MLflow reads its header. */
export function workspaceOf({ workspace }: Credentials): string {
  return workspace?.trim() || defaultWorkspace;
}

function foundOf(who: Omit<Principal, "role">, until: Micros): Found {
  return { until, inDefault: { ...who, role: roleIn(who.roles, defaultWorkspace) } };
}

function principalOf({ inDefault }: Found, workspace: string): Principal {
  return workspace === defaultWorkspace ? inDefault : { ...inDefault, role: roleIn(inDefault.roles, workspace) };
}

export function unauthenticated(): KarkhanaError {
  return new KarkhanaError("ACCESS_UNAUTHENTICATED", {});
}

/** The value of the session's cookie. */
export function cookieIn(header: string | undefined): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const [name, value] = part.trim().split("=");
    if (name === sessionCookie && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return undefined;
}

async function byBasic(directory: Directory, text: string): Promise<Recognised | undefined> {
  const plain = Buffer.from(text, "base64").toString("utf8");
  const colon = plain.indexOf(":");
  if (colon < 0) return undefined;
  const [name, password] = [plain.slice(0, colon), plain.slice(colon + 1)];
  // Clients that know passwords only can show a token in its place.
  if (!password.startsWith("kk_")) return directory.byPassword(name, password);
  const who = await directory.byToken(password);
  return who?.user === name ? who : undefined;
}

function splitHeader(header: string | undefined): [scheme: string, text: string] {
  const match = /^(\w+)\s+(\S+)\s*$/.exec(header ?? "");
  return match === null ? ["", ""] : [match[1]!.toLowerCase(), match[2]!];
}

/** An own header decides over a cookie, as when it is looked at. */
function keyOf({ authorization, cookie }: Credentials): string {
  return digestOf(authorization === undefined ? `cookie ${cookieIn(cookie) ?? ""}` : `header ${authorization}`);
}

function equal(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(digestOf(a)), Buffer.from(digestOf(b)));
}
