import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { requireModelName, requireReason } from "./arguments.ts";
import { Ledger, type LedgerParts } from "./ledger.ts";
import { announceNothing, type Announce } from "./notice.ts";
import type { Deployment, ModelVersion, NewModelVersion, Proof, ProofKind, Registry, RegistryEvent, VersionState, WantedShare, WantedTraffic } from "./port.ts";
import {
  candidatesOf,
  decidingProof,
  missingProofs,
  rolledBack,
  stateAfter,
  withChallengers,
  withChampion,
  without,
  withShadow,
  type PromotionStep,
} from "./promotion.ts";
import { proofDetails, proofHash } from "./proof-content.ts";
import { readDeployments, readEvents, readVersions, type RegistryQueries } from "./read.ts";
import type { RegistryTables } from "./tables.ts";
import { maxChallengers, maxShadows, requireShares, withShares } from "./traffic.ts";

export interface RegistryParts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly announce?: Announce;
}

export function createRegistry(parts: RegistryParts): Registry {
  return new SqlRegistry(parts);
}

class SqlRegistry implements Registry {
  readonly #database: SqlDatabase;
  readonly #clock: Clock;
  readonly #announce: Announce;
  readonly #db: RegistryQueries;

  constructor({ database, clock, announce }: RegistryParts) {
    this.#announce = announce ?? announceNothing;
    this.#database = database;
    this.#clock = clock;
    this.#db = tables<RegistryTables>(database.db);
  }

  async registerVersion(input: NewModelVersion, trx?: SqlTransaction): Promise<ModelVersion> {
    const { model } = input;
    requireModelName(model);
    if (input.requestId === "")
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "requestId", problem: "expected an id that a retry repeats", value: '""' });
    return this.#in(trx, async (t) => {
      const db = tables<RegistryTables>(t);
      const nowUs = this.#clock.nowUs();
      const parts = this.#parts(t);
      const opened = await Ledger.open(parts, model, nowUs);
      const ledger = opened ?? (await Ledger.create(parts, model, nowUs));
      const made = await db
        .selectFrom("registry_versions")
        .select("version")
        .where("model", "=", model)
        .where("request_id", "=", input.requestId)
        .executeTakeFirst();
      if (made !== undefined) return ledger.version(made.version);
      const version = await ledger.nextVersion();
      await db
        .insertInto("registry_versions")
        .values({
          model,
          version,
          request_id: input.requestId,
          run_id: input.runId,
          artifact_path: input.artifactPath,
          definition_hash: input.definitionHash,
          service_hash: input.serviceHash,
          dataset_hash: input.datasetHash,
          state: "registered",
          created_us: nowUs,
        })
        .execute();
      await ledger.event("registered", version, `trained by run ${input.runId}`);
      if (opened === undefined) await ledger.announce({ event: "registered_model.created", data: { name: model, tags: {}, description: null } });
      const data = {
        name: model,
        version: String(version),
        source: `mlflow-artifacts:/${input.artifactPath}`,
        run_id: input.runId,
        tags: {},
        description: null,
      };
      await ledger.announce({ event: "model_version.created", data });
      return ledger.version(version);
    });
  }

  /** The same proof again, as the last of its kind, is the proof already there: a retried step records it once. */
  async addProof(model: string, version: number, proof: Omit<Proof, "hash" | "recordedUs">, trx?: SqlTransaction): Promise<Proof> {
    return this.#write(model, version, trx, async (ledger) => {
      const { kind, passed, summary } = proof;
      const details = proofDetails(proof.details);
      const hash = proofHash(proof, details);
      const last = decidingProof(await ledger.version(version), kind);
      if (last?.hash === hash) return last;
      const sequence = await ledger.event("proof", version, `${kind} ${passed ? "passed" : "failed"}: ${summary}`);
      const row = { model, sequence, version, kind, passed: passed ? 1 : 0, summary, details, recorded_us: ledger.nowUs, hash };
      await ledger.db.insertInto("registry_proofs").values(row).execute();
      return { kind, passed, summary, details: JSON.parse(details), recordedUs: ledger.nowUs, hash };
    });
  }

  async waive(model: string, version: number, kind: ProofKind, reason: string, trx?: SqlTransaction): Promise<void> {
    requireReason(reason);
    return this.#write(model, version, trx, async (ledger) => {
      const before = await ledger.version(version);
      if (before.waivers[kind] === reason) return;
      await ledger.db
        .insertInto("registry_waivers")
        .values({ model, version, kind, reason })
        .onConflict((c) => c.columns(["model", "version", "kind"]).doUpdateSet({ reason }))
        .execute();
      await ledger.event("waiver", version, `${kind} is not owed: ${reason}`);
    });
  }

  async getVersion(model: string, version: number): Promise<ModelVersion> {
    const [found] = await readVersions(this.#db, model, version);
    if (found === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model, version });
    return found;
  }

  listVersions(model: string): Promise<ModelVersion[]> {
    return readVersions(this.#db, model);
  }

  async listModels(): Promise<string[]> {
    const rows = await this.#db.selectFrom("registry_models").select("model").where("workspace", "=", defaultWorkspace).execute();
    // Sorted here: the two databases collate differently.
    return rows.map((row) => row.model).sort();
  }

  async getDeployment(model: string, trx?: SqlTransaction): Promise<Deployment | undefined> {
    return (await readDeployments(trx === undefined ? this.#db : tables<RegistryTables>(trx), model))[0];
  }

  listDeployments(): Promise<Deployment[]> {
    return readDeployments(this.#db);
  }

  async startShadow(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<Deployment> {
    requireReason(reason);
    return this.#write(model, version, trx, async (ledger) => {
      const state = await step(ledger, version, "startShadow");
      const now = await deployed(ledger);
      if (now.shadows.includes(version)) return now;
      requireRoom(model, version, "shadow", now.shadows, maxShadows);
      await ledger.setState(version, state);
      await ledger.event("shadowed", version, reason);
      return ledger.deploy(now, withShadow(now, version), reason);
    });
  }

  async startAb(model: string, version: number, abShare: number, reason: string, trx?: SqlTransaction): Promise<Deployment> {
    requireReason(reason);
    return this.#write(model, version, trx, async (ledger) => {
      await step(ledger, version, "startAb");
      const now = await deployed(ledger);
      const others = now.challengers.filter((challenger) => challenger.version !== version);
      requireRoom(
        model,
        version,
        "challenger",
        others.map((challenger) => challenger.version),
        maxChallengers,
      );
      return changeShares(ledger, now, [...others, { version, share: abShare }], reason);
    });
  }

  async setTraffic(model: string, { challengers, shadows }: WantedTraffic, reason: string, trx?: SqlTransaction): Promise<Deployment> {
    requireReason(reason);
    const [first = 0] = [...challengers.map(({ version }) => version), ...(shadows ?? [])];
    return this.#write(model, first, trx, async (ledger) => {
      const now = await deployed(ledger);
      if (shadows !== undefined) requireShadows(shadows, challengers, now.champion);
      const leaving = now.shadows.filter((version) => shadows?.includes(version) === false && !challengers.some((one) => one.version === version));
      let then = await changeShares(ledger, now, challengers, reason);
      for (const version of leaving) {
        await step(ledger, version, "standDown");
        then = await leave(ledger, then, version, reason);
      }
      for (const version of shadows ?? []) {
        if (then.shadows.includes(version)) continue;
        await ledger.setState(version, await step(ledger, version, "startShadow"));
        await ledger.event("shadowed", version, reason);
        then = await ledger.deploy(then, withShadow(then, version), reason);
      }
      return then;
    });
  }

  async standDown(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<Deployment> {
    requireReason(reason);
    return this.#write(model, version, trx, async (ledger) => {
      await step(ledger, version, "standDown");
      const now = await deployed(ledger);
      return candidatesOf(now).includes(version) ? leave(ledger, now, version, reason) : now;
    });
  }

  async promote(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<Deployment> {
    requireReason(reason);
    return this.#write(model, version, trx, async (ledger) => {
      const state = await step(ledger, version, "promote");
      const now = await ledger.deployment();
      if (now?.champion === version) return now;
      requireProofs(await ledger.version(version), undefined, "go live");
      await clearCandidates(ledger, now, version, `version ${version} was promoted`);
      if (now !== undefined) await ledger.setState(now.champion, "retired");
      await ledger.setState(version, state);
      await ledger.event("promoted", version, reason);
      return ledger.deploy(now, withChampion(model, now, version), reason);
    });
  }

  async refuse(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<void> {
    requireReason(reason);
    return this.#write(model, version, trx, async (ledger) => {
      const before = await ledger.state(version);
      const state = await step(ledger, version, "refuse");
      if (before === state) return;
      await ledger.setState(version, state);
      await ledger.event("refused", version, reason);
      const now = await ledger.deployment();
      if (now !== undefined && candidatesOf(now).includes(version)) await ledger.deploy(now, without(now, version), reason);
    });
  }

  async rollback(model: string, reason: string, trx?: SqlTransaction): Promise<Deployment> {
    requireModelName(model);
    requireReason(reason);
    return this.#in(trx, async (t) => {
      const ledger = await Ledger.open(this.#parts(t), model, this.#clock.nowUs());
      const now = await ledger?.deployment();
      const back = now === undefined ? undefined : rolledBack(model, now);
      if (ledger === undefined || now === undefined || back === undefined) throw new KarkhanaError("NOTHING_TO_ROLL_BACK", { model });
      await clearCandidates(ledger, now, undefined, `rolled back to version ${back.champion}`);
      await ledger.setState(now.champion, "retired");
      await ledger.setState(back.champion, "champion");
      await ledger.event("rolled-back", back.champion, reason);
      return ledger.deploy(now, back, reason);
    });
  }

  listEvents(model: string, afterSequence = 0): Promise<RegistryEvent[]> {
    return readEvents(this.#db, model, afterSequence);
  }

  #parts(trx: SqlTransaction): LedgerParts {
    return { trx, dialect: this.#database.dialect, announce: this.#announce };
  }

  #in<T>(trx: SqlTransaction | undefined, work: (trx: SqlTransaction) => Promise<T>): Promise<T> {
    return trx === undefined ? this.#database.transaction(work) : work(trx);
  }

  #write<T>(model: string, version: number, trx: SqlTransaction | undefined, work: (ledger: Ledger) => Promise<T>): Promise<T> {
    requireModelName(model);
    return this.#in(trx, async (t) => {
      const ledger = await Ledger.open(this.#parts(t), model, this.#clock.nowUs());
      if (ledger === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model, version });
      return work(ledger);
    });
  }
}

const stepInWords: Readonly<Record<PromotionStep, string>> = {
  startShadow: "enter shadow",
  startAb: "answer live requests",
  standDown: "stand down",
  promote: "go live",
  refuse: "be refused",
};

async function step(ledger: Ledger, version: number, name: PromotionStep): Promise<VersionState> {
  const state = await ledger.state(version);
  const next = stateAfter(state, name);
  if (next === undefined) throw new KarkhanaError("PROMOTION_STEP_REFUSED", { model: ledger.model, version, state, step: stepInWords[name] });
  return next;
}

async function deployed(ledger: Ledger): Promise<Deployment> {
  const now = await ledger.deployment();
  if (now === undefined) throw new KarkhanaError("NOTHING_DEPLOYED", { model: ledger.model });
  return now;
}

function requireRoom(model: string, version: number, place: "shadow" | "challenger", holders: readonly number[], most: number): void {
  if (holders.length >= most) throw new KarkhanaError("DEPLOYMENT_PLACE_TAKEN", { model, version, place, holder: holders.join(", "), most });
}

/** @throws INVALID_ARGUMENT */
function requireShadows(shadows: readonly number[], challengers: readonly WantedShare[], champion: number): void {
  const refuse = (problem: string, value: unknown): KarkhanaError => new KarkhanaError("INVALID_ARGUMENT", { field: "shadows", problem, value });
  if (shadows.length > maxShadows) throw refuse(`expected at most ${maxShadows}`, shadows.length);
  if (new Set(shadows).size < shadows.length) throw refuse("names a version twice", shadows.join(", "));
  const busy = shadows.find((version) => version === champion || challengers.some((one) => one.version === version));
  if (busy !== undefined) throw refuse(`version ${busy} answers requests, so it is no shadow`, busy);
}

/** Nothing is written where nothing changes. */
async function changeShares(ledger: Ledger, now: Deployment, wanted: readonly WantedShare[], reason: string): Promise<Deployment> {
  requireShares(wanted, now.champion);
  const challengers = withShares(now.challengers, wanted, now.salt);
  let hasChanged = false;
  for (const { version, share } of challengers) {
    const before = now.challengers.find((challenger) => challenger.version === version);
    if (before?.share === share) continue;
    hasChanged = true;
    const state = await step(ledger, version, "startAb");
    if (before === undefined) requireProofs(await ledger.version(version), ["shadow"], "answer live requests");
    await ledger.setState(version, state);
    await ledger.event("ab-started", version, `${Number((share * 100).toFixed(2))} % of keys: ${reason}`);
  }
  for (const { version } of now.challengers) {
    if (challengers.some((challenger) => challenger.version === version)) continue;
    hasChanged = true;
    await ledger.setState(version, "registered");
    await ledger.event("stood-down", version, reason);
  }
  return hasChanged ? ledger.deploy(now, withChallengers(now, challengers), reason) : now;
}

function requireProofs(version: ModelVersion, kinds: readonly ProofKind[] | undefined, action: string): void {
  const missing = missingProofs(version, kinds);
  if (missing.length === 0) return;
  const text = missing.map(({ kind, why }) => `${kind} ${why}`).join("; ");
  throw new KarkhanaError("PROOF_MISSING", { model: version.model, version: version.version, step: action, missing: text, kinds: missing.map((m) => m.kind) });
}

async function leave(ledger: Ledger, now: Deployment, version: number, reason: string): Promise<Deployment> {
  await ledger.setState(version, "registered");
  await ledger.event("stood-down", version, reason);
  return ledger.deploy(now, without(now, version), reason);
}

/** The deployment that follows is written by the caller, once. */
async function clearCandidates(ledger: Ledger, now: Deployment | undefined, except: number | undefined, reason: string): Promise<void> {
  for (const version of candidatesOf(now)) {
    if (version === except) continue;
    await ledger.setState(version, "registered");
    await ledger.event("stood-down", version, reason);
  }
}
