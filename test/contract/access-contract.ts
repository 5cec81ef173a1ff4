import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createDirectory, type Directory } from "../../src/access/directory.ts";
import { accessMigrations } from "../../src/access/tables.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import type { MakeSqlFixture, SqlFixture } from "./sql-fixture.ts";

const password = "correct horse battery";

/** What every database must keep of users and what is theirs. */
export function accessContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`access directory on ${name}`, () => {
    let fixture: SqlFixture;
    let clock: ManualClock;
    let directory: Directory;

    beforeEach(async () => {
      fixture = await makeFixture(accessMigrations);
      clock = new ManualClock(1000);
      directory = createDirectory({ database: fixture.database, clock });
    });
    afterEach(() => fixture.dispose());

    it("keeps users with their roles and tokens, and raises its revision with each change", async () => {
      expect([await directory.hasUsers(), await directory.revision()]).toEqual([false, 0]);
      await directory.addUser("ada", "viewer");
      await directory.addUser("Bob@example.com", "admin");
      await directory.setRole("ada", "editor");
      const token = await directory.addToken("ada", "laptop", 5000);
      expect(token).toMatch(/^kk_[0-9a-f]{16}_[\w-]{43}$/);
      expect(await directory.users()).toEqual([
        { name: "Bob@example.com", hasPassword: false, roles: { default: "admin" }, tokens: [] },
        {
          name: "ada",
          hasPassword: false,
          roles: { default: "editor" },
          tokens: [{ tokenId: token.slice(3, 19), label: "laptop", createdUs: 1000, expiresUs: 5000 }],
        },
      ]);
      expect([await directory.hasUsers(), await directory.revision(), await directory.rolesOf("ada")]).toEqual([true, 4, { default: "editor" }]);
    });

    it("recognises tokens, passwords and sessions until they end", async () => {
      await directory.addUser("ada", "viewer");
      const token = await directory.addToken("ada", "", 5000);
      await directory.setPassword("ada", password);
      const cookie = await directory.startSession("ada", 3000);
      expect(await directory.byToken(token)).toEqual({ user: "ada", until: 5000 });
      expect(await directory.byPassword("ada", password)).toEqual({ user: "ada" });
      expect(await directory.bySession(cookie)).toEqual({ user: "ada", until: 4000 });
      expect(await directory.byToken(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`)).toBeUndefined();
      expect(await directory.byPassword("ada", `${password} `)).toBeUndefined();
      expect(await directory.byPassword("eve", password)).toBeUndefined();
      expect(await directory.bySession("x".repeat(43))).toBeUndefined();
      clock.advanceTo(4000);
      expect(await directory.bySession(cookie)).toBeUndefined();
      clock.advanceTo(5000);
      expect(await directory.byToken(token)).toBeUndefined();
    });

    it("forgets a user with all that is theirs", async () => {
      await directory.addUser("ada", "viewer");
      const token = await directory.addToken("ada", "");
      const cookie = await directory.startSession("ada", 3000);
      await directory.removeUser("ada");
      expect([await directory.byToken(token), await directory.bySession(cookie), await directory.users()]).toEqual([undefined, undefined, []]);
    });

    it("refuses by name", async () => {
      await directory.addUser("ada", "viewer");
      await expect(directory.addUser("ada", "admin")).rejects.toMatchObject({ code: "USER_EXISTS" });
      for (const bad of ["", "a b", "-a", "a:b", "ü", "x".repeat(101)])
        await expect(directory.addUser(bad, "admin")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(directory.setPassword("ada", "short")).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        details: { field: "password", value: "5 characters" },
      });
      for (const work of [
        () => directory.setRole("eve", "admin"),
        () => directory.setPassword("eve", password),
        () => directory.addToken("eve", ""),
        () => directory.removeUser("eve"),
        () => directory.startSession("eve", 1),
      ])
        await expect(work()).rejects.toMatchObject({ code: "USER_NOT_FOUND" });
      await expect(directory.removeToken("none")).rejects.toMatchObject({ code: "TOKEN_NOT_FOUND" });
    });
  });
}
