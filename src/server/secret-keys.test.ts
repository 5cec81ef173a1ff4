import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readConfiguration } from "./configuration.ts";
import { addSecretKey, openVault, secretKeyFile } from "./secret-keys.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the keys of a data folder's secrets", () => {
  test("are made with the first secret, in a file that only its owner reads", () => {
    const vault = openVault(folder, undefined);
    expect(existsSync(secretKeyFile(folder))).toBe(false);
    const sealed = vault.seal("s", "w");
    expect(statSync(secretKeyFile(folder)).mode & 0o777).toBe(0o600);
    expect(readFileSync(secretKeyFile(folder), "utf8")).toMatch(/^[\w-]{43}\n$/);
    expect(openVault(folder, undefined).open(sealed, "w")).toBe("s");
  });

  test("are one key for two processes that seal their first secret at once", () => {
    const [a, b] = [openVault(folder, undefined), openVault(folder, undefined)];
    const sealed = [a.seal("s", "w"), b.seal("t", "w")];
    expect([b.open(sealed[0]!, "w"), a.open(sealed[1]!, "w")]).toEqual(["s", "t"]);
  });

  test("change without a restart, and what the older one sealed is still opened", () => {
    const vault = openVault(folder, undefined);
    const sealed = vault.seal("s", "w");
    addSecretKey(folder);
    expect(readFileSync(secretKeyFile(folder), "utf8").trim().split("\n")).toHaveLength(2);
    expect(statSync(secretKeyFile(folder)).mode & 0o777).toBe(0o600);
    expect([vault.open(sealed, "w"), vault.isCurrent(sealed), vault.isCurrent(vault.seal("t", "w"))]).toEqual(["s", false, true]);
  });

  test("that are gone are named by their file", () => {
    const sealed = openVault(folder, undefined).seal("s", "w");
    rmSync(secretKeyFile(folder));
    expect(() => openVault(folder, undefined).open(sealed, "w")).toThrow(
      expect.objectContaining({ code: "SECRET_KEY_MISSING", message: expect.stringContaining(secretKeyFile(folder)) }),
    );
  });

  test("that are no keys are refused without being shown", () => {
    writeFileSync(secretKeyFile(folder), "correct horse\n");
    chmodSync(secretKeyFile(folder), 0o600);
    expect(() => openVault(folder, undefined).seal("s", "w")).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
    expect(() => openVault(folder, undefined).seal("s", "w")).not.toThrow(/correct horse/);
  });

  test("come from the configuration where it names them, and no file is made", () => {
    const [older, newer] = [Buffer.alloc(32, 1).toString("base64"), Buffer.alloc(32, 2).toString("base64url")];
    const sealed = openVault(folder, older).seal("s", "w");
    expect(openVault(folder, `${newer}, ${older}`).open(sealed, "w")).toBe("s");
    expect(() => openVault(folder, newer).open(sealed, "w")).toThrow(/not in KARKHANA_SECRET_KEYS/);
    expect(existsSync(secretKeyFile(folder))).toBe(false);
    expect(readConfiguration({ KARKHANA_SECRET_KEYS: `${newer},${older}` }).secretKeys).toBe(`${newer},${older}`);
    for (const bad of ["x", "c2hvcnQ=", ",", `${newer},x`])
      expect(() => readConfiguration({ KARKHANA_SECRET_KEYS: bad })).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
  });
});
