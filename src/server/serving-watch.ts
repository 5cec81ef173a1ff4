import type { FollowerReport } from "../features/online/topic-follower.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Serving, ServingModel, ServingRoom, ServingSample } from "./api.ts";

/** Reads the serving process's own counts now and then and keeps the last half hour. Its absence is a state, not an error. */
export interface ServingWatch {
  current(): Serving;
  /** The topics it follows, as of the last reading; none while it is not reached. */
  streams(): readonly FollowerReport[];
  /** Tells the serving process to look at the deployments now. Whether it did; it would by itself a moment later. */
  refresh(): Promise<boolean>;
  close(): void;
}

export interface ServingWatchOptions {
  readonly url: string | null;
  readonly token?: string | undefined;
  /** The machine's clock: traffic of now. */
  readonly clock: Clock;
  readonly price?: Serving["price"];
  readonly intervalMs?: number;
}

const maxSamples = 360;
const timeoutMs = 2000;

export function watchServing({ url, token, clock, price = null, intervalMs = 5000 }: ServingWatchOptions): ServingWatch {
  const shown: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let samples: ServingSample[] = [];
  let models: readonly ServingModel[] = [];
  let beside: Pick<Serving, "files" | "backends"> = { files: [], backends: [] };
  let room: ServingRoom | null = null;
  let streams: readonly FollowerReport[] = [];
  let problem: string | null = url === null ? "no serving process is configured" : "not read yet";
  const read = async (): Promise<void> => {
    try {
      const response = await fetch(new URL("/v1/stats", url!), { headers: shown, signal: AbortSignal.timeout(timeoutMs) });
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      const body: unknown = await response.json();
      models = modelsIn(body);
      beside = besideIn(body);
      room = roomIn(body);
      streams = streamsIn(body);
      problem = null;
      samples = [...samples, sampleOf(models, clock.nowUs())].slice(-maxSamples);
    } catch (error) {
      models = [];
      beside = { files: [], backends: [] };
      room = null;
      streams = [];
      problem = reasonOf(error);
    }
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  const round = (): void => {
    void read().finally(() => {
      if (isClosed) return;
      timer = setTimeout(round, intervalMs);
      timer.unref();
    });
  };
  if (url !== null) round();
  return {
    streams: () => streams,
    current: () => ({ url, reachable: problem === null, problem, models, ...beside, samples, room, price }),
    refresh: async () => {
      if (url === null) return false;
      const answer = await fetch(new URL("/v1/admin/refresh", url), {
        method: "POST",
        headers: { "content-type": "application/json", ...shown },
        body: "{}",
        signal: AbortSignal.timeout(timeoutMs),
      }).catch(() => undefined);
      return answer?.ok ?? false;
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

function sampleOf(models: readonly ServingModel[], atUs: number): ServingSample {
  const busiest = models.toSorted((a, b) => b.ratePerSecond - a.ratePerSecond)[0]?.latency["champion"]?.lastMinute;
  return {
    atUs,
    ratePerSecond: models.reduce((sum, m) => sum + m.ratePerSecond, 0),
    p50Us: busiest?.p50Us ?? null,
    p95Us: busiest?.p95Us ?? null,
    p99Us: busiest?.p99Us ?? null,
  };
}

function roomIn(body: unknown): ServingRoom {
  const { processes, inFlight, concurrencyLimit, overloaded, overShare, timedOut } = body as Omit<ServingRoom, "processes"> & { readonly processes?: unknown };
  return { processes: Array.isArray(processes) ? processes.length : 1, inFlight, concurrencyLimit, overloaded, overShare, timedOut };
}

/** The serving process is of this program; what it says is taken as it is, once it has the outer shape. */
function modelsIn(body: unknown): readonly ServingModel[] {
  if (typeof body !== "object" || body === null || !("models" in body) || !Array.isArray(body.models))
    throw new Error("it answered something else than counts");
  return body.models.map((m: ServingModel & { readonly refusedRequests?: ServingModel["refused"] }) => ({
    model: m.model,
    ratePerSecond: m.ratePerSecond,
    refused: m.refusedRequests ?? m.refused,
    versions: m.versions,
    latency: m.latency,
  }));
}

/** Absent in what a serving process of an earlier version says. */
function besideIn(body: unknown): Pick<Serving, "files" | "backends"> {
  const { files = [], backends = [] } = body as Partial<Serving>;
  return { files, backends };
}

/** Absent in what a serving process of an earlier version says; so are the fields that came later. */
function streamsIn(body: unknown): readonly FollowerReport[] {
  const { streams = [] } = body as { readonly streams?: readonly FollowerReport[] };
  return streams.map((one) => ({ ...one, lastError: one.lastError ?? null, failures: one.failures ?? {} }));
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && "code" in error.cause ? String(error.cause.code) : undefined;
  return cause ?? error.message;
}
