import { sql } from "kysely";

import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { guardedAliases, holderOf } from "./guarded-aliases.ts";
import type { Announce, RegistryNotice } from "./notice.ts";
import type { Deployment, ModelVersion, RegistryEvent, VersionState } from "./port.ts";
import type { Traffic } from "./promotion.ts";
import { readDeployments, readVersions, type RegistryQueries } from "./read.ts";
import type { RegistryTables } from "./tables.ts";

export interface LedgerParts {
  readonly trx: SqlTransaction;
  readonly dialect: SqlDatabase["dialect"];
  readonly announce: Announce;
}

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
  readonly #trx: SqlTransaction;
  readonly #announce: Announce;
  #lastEvent: number;

  private constructor({ trx, announce }: LedgerParts, model: string, nowUs: Micros, lastEvent: number) {
    this.#trx = trx;
    this.#announce = announce;
    this.db = tables<RegistryTables>(trx);
    this.model = model;
    this.nowUs = nowUs;
    this.#lastEvent = lastEvent;
  }

  /** Undefined if the model is not registered yet. */
  static async open(parts: LedgerParts, model: string, nowUs: Micros): Promise<Ledger | undefined> {
    const { trx, dialect } = parts;
    const db = tables<RegistryTables>(trx);
    if (dialect === "postgres") await sql`lock table registry_models in exclusive mode`.execute(trx);
    const row = await db.selectFrom("registry_models").select("last_event").where("model", "=", model).executeTakeFirst();
    return row === undefined ? undefined : new Ledger(parts, model, nowUs, row.last_event);
  }

  /** For a model's first version, in the transaction in which `open` found none. */
  static async create(parts: LedgerParts, model: string, nowUs: Micros): Promise<Ledger> {
    const db = tables<RegistryTables>(parts.trx);
    await db.insertInto("registry_models").values({ model, last_version: 0, last_event: 0, created_us: nowUs }).execute();
    return new Ledger(parts, model, nowUs, 0);
  }

  /** Told to whoever subscribes, if this transaction commits. */
  announce(notice: RegistryNotice): Promise<void> {
    return this.#announce(this.#trx, notice);
  }

  /** The next version's number: never given before. */
  async nextVersion(): Promise<number> {
    const { last_version: version } = await this.db
      .updateTable("registry_models")
      .set((eb) => ({ last_version: eb("last_version", "+", 1), updated_us: this.nowUs }))
      .where("model", "=", this.model)
      .returning("last_version")
      .executeTakeFirstOrThrow();
    return version;
  }

  async version(version: number): Promise<ModelVersion> {
    const [found] = await readVersions(this.db, this.model, version);
    if (found === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model: this.model, version });
    return found;
  }

  async state(version: number): Promise<VersionState> {
    const row = await this.db
      .selectFrom("registry_versions")
      .select(["state", "deleted_us"])
      .where("model", "=", this.model)
      .where("version", "=", version)
      .executeTakeFirst();
    if (row === undefined || row.deleted_us !== null) throw new KarkhanaError("VERSION_NOT_FOUND", { model: this.model, version });
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
      salt: traffic.salt,
      previous: traffic.previous ?? null,
      reason,
      changed_us: this.nowUs,
    };
    if (before === undefined) {
      // From here on these names say what is deployed; what a person once called so is forgotten.
      await this.db
        .deleteFrom("registry_aliases")
        .where("model", "=", this.model)
        .where((eb) => eb(eb.fn<string>("lower", ["alias"]), "in", [...guardedAliases]))
        .execute();
      await this.db
        .insertInto("registry_deployments")
        .values({ model: this.model, ...row })
        .execute();
    } else await this.db.updateTable("registry_deployments").set(row).where("model", "=", this.model).execute();
    await this.#writePlaces(traffic);
    await this.#announceAliases(before, traffic);
    // `traffic` may be made from a whole deployment: what is new comes last.
    return { ...traffic, model: this.model, revision: row.revision, reason, changedUs: this.nowUs };
  }

  async #writePlaces({ challengers, shadows }: Traffic): Promise<void> {
    const { model } = this;
    await this.db.deleteFrom("registry_places").where("model", "=", model).execute();
    const rows = [
      ...challengers.map(({ version, buckets }, position) => ({ model, version, place: "challenger" as const, position, buckets: JSON.stringify(buckets) })),
      ...shadows.map((version, position) => ({ model, version, place: "shadow" as const, position, buckets: "[]" })),
    ];
    if (rows.length > 0) await this.db.insertInto("registry_places").values(rows).execute();
  }

  async #announceAliases(before: Deployment | undefined, traffic: Traffic): Promise<void> {
    for (const alias of guardedAliases) {
      const [was, is] = [holderOf(alias, before), holderOf(alias, traffic)];
      if (is !== undefined && is !== was) await this.announce({ event: "model_version_alias.created", data: { name: this.model, alias, version: String(is) } });
      if (is === undefined && was !== undefined) await this.announce({ event: "model_version_alias.deleted", data: { name: this.model, alias } });
    }
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
