/**
 * Keeps what answers equal to what the registry says.
 *
 *   listed ──> every version loaded and checked ──> one assignment ──> in force
 *                    │ champion fails                 │ challenger or shadow fails
 *                    └─> the old stays, refused        └─> in force without it, the problem shown
 *
 * A registry that cannot be read changes nothing.
 */
import { armsOf } from "../feedback/assignment.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError, toErrorRecord, type ErrorRecord } from "../kernel/error.ts";
import type { PredictionRole } from "../feedback/prediction.ts";
import { candidatesOf } from "../registry/promotion.ts";
import type { Deployment, Registry } from "../registry/port.ts";
import type { LoadedVersion, LoadProblem, ServedModel } from "./served-model.ts";
import type { VersionLoader } from "./version-loader.ts";

/** A version that would not load is tried again by itself after this many polls; `refresh` tries at once. */
const pollsBetweenRetries = 20;

export interface DeploymentFollowerOptions {
  readonly registry: Pick<Registry, "listDeployments">;
  readonly loader: VersionLoader;
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly clock: Clock;
  readonly pollMs: number;
}

export class DeploymentFollower {
  readonly #options: DeploymentFollowerOptions;
  /** When the deployments were last read; undefined until they were once. */
  listedUs: Micros | undefined;
  /** Why the last reading failed; undefined if it did not. */
  registryError: ErrorRecord | undefined;
  /** Deployed models that the project does not define. */
  unknownModels: readonly string[] = [];
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #pollsUntilRetry = pollsBetweenRetries;

  constructor(options: DeploymentFollowerOptions) {
    this.#options = options;
  }

  /**
   * Resolves once a reading that began after this call is in force (or refused, as `ServedModel.refused` then says).
   * Calls that wait for the same reading share it. @throws DEPLOYMENTS_UNREADABLE
   */
  refresh(): Promise<void> {
    this.#pollsUntilRetry = 0;
    return this.#read();
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#pollsUntilRetry--;
      void this.#read()
        .catch(() => {})
        .finally(() => {
          if (!this.#stopped) this.start();
        });
    }, this.#options.pollMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await (this.#waiting ?? this.#running).catch(() => {});
  }

  #read(): Promise<void> {
    if (this.#waiting !== undefined) return this.#waiting;
    this.#waiting = this.#running
      .catch(() => {})
      .then(() => {
        this.#waiting = undefined;
        this.#running = this.#apply();
        return this.#running;
      });
    return this.#waiting;
  }

  async #apply(): Promise<void> {
    const deployments = await this.#list();
    const { models } = this.#options;
    const retry = this.#pollsUntilRetry <= 0;
    if (retry) this.#pollsUntilRetry = pollsBetweenRetries;
    for (const deployment of deployments) {
      const model = models.get(deployment.model);
      if (model !== undefined) await this.#follow(model, deployment, retry);
    }
    const deployed = new Set(deployments.map((d) => d.model));
    for (const [name, model] of models) if (!deployed.has(name)) model.inForce = model.refused = undefined;
    this.unknownModels = deployments.map((d) => d.model).filter((name) => !models.has(name));
    this.listedUs = this.#options.clock.nowUs();
  }

  async #list(): Promise<Deployment[]> {
    try {
      const deployments = await this.#options.registry.listDeployments();
      this.registryError = undefined;
      return deployments;
    } catch (cause) {
      this.registryError = toErrorRecord(cause);
      throw new KarkhanaError("DEPLOYMENTS_UNREADABLE", { problem: this.registryError.message }, { cause });
    }
  }

  async #follow(model: ServedModel, deployment: Deployment, retry: boolean): Promise<void> {
    const { inForce, refused } = model;
    const { revision } = deployment;
    if (refused?.revision === revision && !retry) return;
    if (inForce?.deployment.revision === revision && refused === undefined && (inForce.problems.length === 0 || !retry)) return;
    const problems: LoadProblem[] = [];
    const load = async (role: PredictionRole, version: number | undefined): Promise<LoadedVersion | undefined> => {
      if (version === undefined) return undefined;
      try {
        return await this.#options.loader.load(model.definition, version);
      } catch (error) {
        problems.push({ version, role, error: toErrorRecord(error) });
        return undefined;
      }
    };
    const champion = await load("champion", deployment.champion);
    const atUs = this.#options.clock.nowUs();
    if (champion === undefined) {
      model.refused = { revision, problem: problems[0]!, atUs };
      return;
    }
    const challengers: (LoadedVersion | undefined)[] = [];
    for (const { version } of deployment.challengers) challengers.push(await load("challenger", version));
    const shadows: LoadedVersion[] = [];
    for (const version of deployment.shadows) {
      const loaded = await load("shadow", version);
      if (loaded !== undefined) shadows.push(loaded);
    }
    const fallback = model.definition.serving.fallback?.previous === true ? await load("champion", deployment.previous) : undefined;
    const sinceUs = inForce?.deployment.revision === revision ? inForce.sinceUs : atUs;
    model.inForce = {
      deployment,
      champion,
      challengers,
      shadows,
      fallback,
      armOf: armsOf(deployment),
      sinceUs,
      problems,
    };
    model.refused = undefined;
    this.#options.loader.keepOnly(deployment.model, [deployment.champion, ...candidatesOf(deployment), deployment.previous]);
  }
}
