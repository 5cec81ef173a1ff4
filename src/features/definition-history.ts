import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { Migration, SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { DescribedDefinition } from "./definition-changes.ts";

export type DefinitionKind = "view" | "service";

/** A definition as it stood from some start of the program on. */
export interface DefinitionVersion {
  readonly kind: DefinitionKind;
  readonly name: string;
  /** From 0, without gaps: a definition that is taken back is a version of its own. */
  readonly position: number;
  /** Null where the project no longer had it. */
  readonly hash: string | null;
  readonly parts: DescribedDefinition;
  readonly seenUs: Micros;
}

/** What is current in a project. */
export interface CurrentDefinition {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly hash: string;
  readonly parts: DescribedDefinition;
}

/** Versions of views and services by the hashes they had. Promises: what was adopted is never changed; adopting the same again adds nothing. */
export interface DefinitionHistory {
  /** The newest version of everything ever adopted. */
  newest(): Promise<DefinitionVersion[]>;
  /** Newest first. */
  versions(kind: DefinitionKind, name: string): Promise<DefinitionVersion[]>;
  /** Makes these current, and what is no more among them gone. @returns the versions added @throws WRITE_CONFLICT if another process adopted at the same time */
  adopt(current: readonly CurrentDefinition[], seenUs: Micros): Promise<DefinitionVersion[]>;
}

interface DefinitionTable {
  kind: DefinitionKind;
  name: string;
  position: number;
  hash: string | null;
  /** JSON of DescribedDefinition */
  parts: string;
  seen_us: number;
}

interface FeatureTables {
  feature_definitions: DefinitionTable;
}

export const featureMigrations: readonly Migration[] = [
  {
    id: "features-0001-definitions",
    up: async (trx) => {
      await trx.schema
        .createTable("feature_definitions")
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("position", "bigint", (c) => c.notNull())
        .addColumn("hash", "text")
        .addColumn("parts", "text", (c) => c.notNull())
        .addColumn("seen_us", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("feature_definitions_key", ["kind", "name", "position"])
        .execute();
    },
  },
];

export function createDefinitionHistory(database: SqlDatabase): DefinitionHistory {
  const db = tables<FeatureTables>(database.db);
  const newest = async (): Promise<DefinitionVersion[]> => {
    const rows = await db.selectFrom("feature_definitions").selectAll().orderBy("position").execute();
    return [...new Map(rows.map((row) => [`${row.kind} ${row.name}`, versionOf(row)])).values()];
  };
  return {
    newest,
    versions: async (kind, name) => {
      const rows = await db
        .selectFrom("feature_definitions")
        .selectAll()
        .where("kind", "=", kind)
        .where("name", "=", name)
        .orderBy("position", "desc")
        .execute();
      return rows.map(versionOf);
    },
    adopt: async (current, seenUs) => {
      const before = await newest();
      const added = [
        ...current.flatMap((one): DefinitionVersion[] => {
          const last = before.find(({ kind, name }) => kind === one.kind && name === one.name);
          return last?.hash === one.hash ? [] : [{ ...one, position: (last?.position ?? -1) + 1, seenUs }];
        }),
        ...before.flatMap((last): DefinitionVersion[] => {
          const isThere = last.hash === null || current.some(({ kind, name }) => kind === last.kind && name === last.name);
          return isThere ? [] : [{ ...last, hash: null, parts: {}, position: last.position + 1, seenUs }];
        }),
      ];
      if (added.length === 0) return [];
      await database.transaction(async (trx) => {
        for (const { kind, name, position, hash, parts, seenUs: seen_us } of added) {
          const { numInsertedOrUpdatedRows } = await tables<FeatureTables>(trx)
            .insertInto("feature_definitions")
            .values({ kind, name, position, hash, parts: JSON.stringify(parts), seen_us })
            .onConflict((c) => c.columns(["kind", "name", "position"]).doNothing())
            .executeTakeFirst();
          if (numInsertedOrUpdatedRows !== 1n) throw new KarkhanaError("WRITE_CONFLICT", { store: "feature definitions" });
        }
      });
      return added;
    },
  };
}

function versionOf({ kind, name, position, hash, parts, seen_us }: DefinitionTable): DefinitionVersion {
  return { kind, name, position, hash, parts: JSON.parse(parts) as DescribedDefinition, seenUs: seen_us };
}
