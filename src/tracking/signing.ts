import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { TrackingTables } from "./tables.ts";

/** What a signed address carries beside what it names. */
export interface Signature {
  readonly expiresMs: number;
  readonly signature: string;
}

/**
 * Leave to do one thing until a moment, in an address that needs no login: HMAC-SHA256 over what is allowed and until when.
 * The key is the database's, so that an address outlives this process and holds in every process on these stores.
 */
export interface Signing {
  sign(what: readonly string[], lifetimeMs: number): Promise<Signature>;
  /** @throws SIGNATURE_REFUSED if it is not ours, of something else, or over */
  require(what: readonly string[], given: Signature): Promise<void>;
}

export function createSigning({ database, clock }: { database: SqlDatabase; clock: Clock }): Signing {
  let key: Promise<Buffer> | undefined;
  const keyOnce = (): Promise<Buffer> =>
    (key ??= signingKey(database).catch((error: unknown) => {
      key = undefined;
      throw error;
    }));
  const nowMs = (): number => Math.floor(clock.nowUs() / 1000);
  const codeOf = async (what: readonly string[], expiresMs: number): Promise<Buffer> =>
    createHmac("sha256", await keyOnce())
      .update(JSON.stringify([...what, expiresMs]))
      .digest();
  return {
    sign: async (what, lifetimeMs) => {
      const expiresMs = nowMs() + lifetimeMs;
      return { expiresMs, signature: (await codeOf(what, expiresMs)).toString("base64url") };
    },
    require: async (what, { expiresMs, signature }) => {
      const expected = await codeOf(what, expiresMs);
      const given = Buffer.from(signature, "base64url");
      const isOurs = given.length === expected.length && timingSafeEqual(given, expected);
      if (!isOurs || !(expiresMs > nowMs())) throw new KarkhanaError("SIGNATURE_REFUSED", { problem: isOurs ? "it is over" : "it is not this server's" });
    },
  };
}

async function signingKey(database: SqlDatabase): Promise<Buffer> {
  const db = tables<TrackingTables>(database.db);
  const held = await db.selectFrom("tracking_signing_key").select("key_hex").where("id", "=", 1).executeTakeFirst();
  if (held !== undefined) return Buffer.from(held.key_hex, "hex");
  await db
    .insertInto("tracking_signing_key")
    .values({ id: 1, key_hex: randomBytes(32).toString("hex") })
    .onConflict((c) => c.column("id").doNothing())
    .execute();
  return signingKey(database);
}
