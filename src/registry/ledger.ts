import { sql } from "kysely";

import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { Deployment, ModelVersion, RegistryEvent, VersionState } from "./port.ts";
import type { Traffic } from "./promotion.ts";
import { readDeployments, readVersions, type RegistryQueries } from "./read.ts";
import type { RegistryTables } from "./tables.ts";

/**
 * One model's rows inside one transaction, other writers held off, so that what is read stays true until commit.
 * SQLite's write transaction holds the whole database already. In PostgreSQL the first statement takes the lock of the models' table: unlike
 * a row's, it can be waited for before the transaction's snapshot is taken, so writers queue where they would otherwise fail and retry.
 * Decisions are rare, and readers are not held off.
 */
export class Ledger {
  readonly db: RegistryQueries;
  readonly model: string;
  readonly nowUs: Micros;
  #lastEvent: number;

  private constructor(db: RegistryQueries, model: string, nowUs: Micros, lastEvent: number) {
    this.db = db;
    this.model = model;
    this.nowUs = nowUs;
    this.#lastEvent = lastEvent;
  }

  /** Undefined if the model has no version yet. */
  static async open(trx: SqlTransaction, dialect: SqlDatabase["dialect"], model: string, nowUs: Micros): Promise<Ledger | undefined> {
    const db = tables<RegistryTables>(trx);
    if (dialect === "postgres") await sql`lock table registry_models in exclusive mode`.execute(trx);
    const row = await db.selectFrom("registry_models").select("last_event").where("model", "=", model).executeTakeFirst();
    return row === undefined ? undefined : new Ledger(db, model, nowUs, row.last_event);
  }

  /** For a model's first version, in the transaction in which `open` found none. */
  static async create(trx: SqlTransaction, model: string, nowUs: Micros): Promise<Ledger> {
    const db = tables<RegistryTables>(trx);
    await db.insertInto("registry_models").values({ model, last_version: 0, last_event: 0, created_us: nowUs }).execute();
    return new Ledger(db, model, nowUs, 0);
  }

  async version(version: number): Promise<ModelVersion> {
    const [found] = await readVersions(this.db, this.model, version);
    if (found === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model: this.model, version });
    return found;
  }

  async state(version: number): Promise<VersionState> {
    const row = await this.db.selectFrom("registry_versions").select("state").where("model", "=", this.model).where("version", "=", version).executeTakeFirst();
    if (row === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model: this.model, version });
    return row.state;
  }

  async setState(version: number, state: VersionState): Promise<void> {
    await this.db.updateTable("registry_versions").set({ state }).where("model", "=", this.model).where("version", "=", version).execute();
  }

  async deployment(): Promise<Deployment | undefined> {
    return (await readDeployments(this.db, this.model))[0];
  }

  async deploy(before: Deployment | undefined, traffic: Traffic, reason: string): Promise<Deployment> {
    const row = {
      revision: (before?.revision ?? 0) + 1,
      champion: traffic.champion,
      challenger: traffic.challenger ?? null,
      ab_share: traffic.abShare,
      shadow: traffic.shadow ?? null,
      previous: traffic.previous ?? null,
      reason,
      changed_us: this.nowUs,
    };
    if (before === undefined)
      await this.db
        .insertInto("registry_deployments")
        .values({ model: this.model, ...row })
        .execute();
    else await this.db.updateTable("registry_deployments").set(row).where("model", "=", this.model).execute();
    // `traffic` may be made from a whole deployment: what is new comes last.
    return { ...traffic, model: this.model, revision: row.revision, reason, changedUs: this.nowUs };
  }

  /** @returns the event's sequence: dense in a model and in commit order, so a reader that follows by sequence misses none. */
  async event(kind: RegistryEvent["kind"], version: number, reason: string): Promise<number> {
    this.#lastEvent += 1;
    const sequence = this.#lastEvent;
    await this.db.updateTable("registry_models").set({ last_event: sequence }).where("model", "=", this.model).execute();
    await this.db.insertInto("registry_events").values({ model: this.model, sequence, version, kind, reason, at_us: this.nowUs }).execute();
    return sequence;
  }
}
