import type { Micros } from "../kernel/clock.ts";
import type { ErrorRecord } from "../kernel/error.ts";
import { formatIso } from "../kernel/time.ts";
import type { DeploymentFollower } from "./deployment-follower.ts";
import type { LoadProblem, ServedModel } from "./served-model.ts";

type ShortError = Pick<ErrorRecord, "code" | "message" | "remedy">;

export interface ModelReport {
  readonly model: string;
  readonly state: "serving" | "degraded" | "not-loaded" | "not-deployed";
  readonly revision: number | null;
  readonly since: string | null;
  readonly reason: string | null;
  readonly champion: number | null;
  /** The first of several, as the aliases name them. */
  readonly challenger: number | null;
  readonly abShare: number;
  readonly shadow: number | null;
  readonly challengers: readonly { readonly version: number; readonly share: number }[];
  readonly shadows: readonly number[];
  readonly serviceHash: string;
  readonly problems: readonly { readonly version: number; readonly role: string; readonly error: ShortError }[];
  /** A newer deployment that is not in force since its champion would not load. */
  readonly refusedDeployment: { readonly revision: number; readonly version: number; readonly at: string; readonly error: ShortError } | null;
}

export interface HealthReport {
  /**
   * `ok`: what is deployed answers. `degraded`: it answers, but not all is as the registry says. `starting`, `failing`: something deployed
   * does not answer. `draining`: it still answers, and ends.
   */
  readonly status: "ok" | "degraded" | "starting" | "failing" | "draining";
  readonly models: readonly ModelReport[];
  readonly registry: { readonly lastRead: string | null; readonly error: ShortError | null };
  /** Deployed models that the loaded project does not define. */
  readonly unknownModels: readonly string[];
  readonly inFlight: number;
}

export function reportModel({ definition, inForce, refused }: ServedModel): ModelReport {
  const deployment = inForce?.deployment;
  const challengers = (deployment?.challengers ?? []).flatMap(({ version, share }, i) => (inForce?.challengers[i] === undefined ? [] : [{ version, share }]));
  const shadows = (inForce?.shadows ?? []).map(({ version }) => version);
  const state =
    inForce === undefined
      ? refused === undefined
        ? "not-deployed"
        : "not-loaded"
      : refused === undefined && inForce.problems.length === 0
        ? "serving"
        : "degraded";
  return {
    model: definition.name,
    state,
    revision: deployment?.revision ?? null,
    since: inForce === undefined ? null : formatIso(inForce.sinceUs),
    reason: deployment?.reason ?? null,
    champion: inForce?.champion.version ?? null,
    challenger: challengers[0]?.version ?? null,
    abShare: challengers[0]?.share ?? 0,
    shadow: shadows[0] ?? null,
    challengers,
    shadows,
    serviceHash: definition.service.hash,
    problems: (inForce?.problems ?? []).map(({ version, role, error }: LoadProblem) => ({ version, role, error: short(error) })),
    refusedDeployment:
      refused === undefined
        ? null
        : { revision: refused.revision, version: refused.problem.version, at: formatIso(refused.atUs), error: short(refused.problem.error) },
  };
}

export function reportHealth(
  models: Iterable<ServedModel>,
  follower: Pick<DeploymentFollower, "listedUs" | "registryError" | "unknownModels">,
  inFlight: number,
  isClosing: boolean,
): HealthReport {
  const reports = [...models].map(reportModel);
  const { listedUs, registryError, unknownModels } = follower;
  const degraded = registryError !== undefined || unknownModels.length > 0 || reports.some((r) => r.state === "degraded");
  const status = isClosing
    ? "draining"
    : listedUs === undefined
      ? "starting"
      : reports.some((r) => r.state === "not-loaded")
        ? "failing"
        : degraded
          ? "degraded"
          : "ok";
  return {
    status,
    models: reports,
    registry: { lastRead: iso(listedUs), error: registryError === undefined ? null : short(registryError) },
    unknownModels,
    inFlight,
  };
}

function iso(us: Micros | undefined): string | null {
  return us === undefined ? null : formatIso(us);
}

function short({ code, message, remedy }: ErrorRecord): ShortError {
  return { code, message, remedy };
}
