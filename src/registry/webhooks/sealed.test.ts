import { createDecipheriv, createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createVault } from "./sealed.ts";

const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

describe("a sealed secret", () => {
  test.each(["s", "", "with spaces and ünïcode 🔑", "x".repeat(1000)])("opens as it was given: %s", (secret) => {
    const vault = createVault([first], "here");
    const sealed = vault.seal(secret, "w1");
    expect(vault.open(sealed, "w1")).toBe(secret);
  });

  test("shows nothing of what it holds, and looks different each time", () => {
    const vault = createVault([first], "here");
    const sealed = vault.seal("in plain sight", "w1");
    expect(Buffer.from(sealed.split(".").at(-1)!, "base64url").toString("latin1")).not.toContain("plain");
    expect(sealed).not.toBe(vault.seal("in plain sight", "w1"));
  });

  test("is AES-256-GCM with the record's id authenticated, as any other program would open it", () => {
    const [, , keyId, nonce, text] = createVault([first], "here").seal("the secret", "w1").split(".");
    expect(keyId).toBe(createHash("sha256").update("karkhana webhook key").update(first).digest("hex").slice(0, 16));
    const bytes = Buffer.from(text!, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", first, Buffer.from(nonce!, "base64url"));
    decipher.setAAD(Buffer.from("w1")).setAuthTag(bytes.subarray(-16));
    expect(decipher.update(bytes.subarray(0, -16), undefined, "utf8") + decipher.final("utf8")).toBe("the secret");
  });

  test("does not open in another record, changed, cut short, or with a key it was not sealed with", () => {
    const vault = createVault([first], "here");
    const sealed = vault.seal("secret", "w1");
    const body = sealed.split(".").at(-1)!;
    const changed = sealed.slice(0, -body.length) + (body.startsWith("A") ? "B" : "A") + body.slice(1);
    for (const [kept, owner] of [
      [sealed, "w2"],
      [changed, "w1"],
      [sealed.slice(0, -10), "w1"],
      [sealed.slice(0, sealed.lastIndexOf(".")), "w1"],
    ] as const)
      expect(() => vault.open(kept, owner)).toThrow(expect.objectContaining({ code: "SECRET_DAMAGED" }));
    expect(() => createVault([second], "here").open(sealed, "w1")).toThrow(
      expect.objectContaining({ code: "SECRET_KEY_MISSING", message: expect.stringContaining("not in here") }),
    );
  });

  test("of an older key opens beside a newer one, and is said to be older", () => {
    const sealed = createVault([first], "here").seal("s", "w1");
    const rotated = createVault([second, first], "here");
    expect([rotated.open(sealed, "w1"), rotated.isCurrent(sealed)]).toEqual(["s", false]);
    expect(rotated.isCurrent(rotated.seal("s", "w1"))).toBe(true);
  });

  test("of before there were keys is plain text, which opens as it is and is to be sealed", () => {
    const vault = createVault([first], "here");
    expect([vault.open("plain", "w1"), vault.isCurrent("plain")]).toEqual(["plain", false]);
  });

  test("is not made without a key", () => {
    expect(() => createVault([], "nowhere").seal("s", "w1")).toThrow(expect.objectContaining({ code: "SECRET_KEY_MISSING" }));
  });
});
