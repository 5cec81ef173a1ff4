import { describe, expect, it } from "vitest";
import { openPostgres } from "../../src/storage/sql/postgres.ts";
import { sqlContract } from "./sql-contract.ts";
import { postgresFixture } from "./sql-fixture.ts";

sqlContract("PostgreSQL", postgresFixture);

describe("PostgreSQL alone", () => {
  it("a server that is not there is named without its password", async () => {
    const error = await openPostgres("postgres://user:secret@127.0.0.1:1/none").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "STORAGE_UNREACHABLE" });
    expect(String(error)).toContain("127.0.0.1:1");
    expect(String(error)).not.toContain("secret");
  });
});
