import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { lifeOf, ownIdentity, processIsAlive } from "./process-identity.ts";

describe("the identity of a process", () => {
  it("says of this process that it lives, and is the same each time", () => {
    expect(ownIdentity()).toEqual(ownIdentity());
    expect(ownIdentity().pid).toBe(process.pid);
    expect(lifeOf(ownIdentity())).toBe("alive");
  });

  it("says of one that has ended that it is dead, however it ended", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    expect(processIsAlive(child.pid!)).toBe(true);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processIsAlive(child.pid!)).toBe(false);
    expect(lifeOf({ ...ownIdentity(), pid: child.pid! })).toBe("dead");
  });

  it("does not take another process with the same number for it", () => {
    expect(lifeOf({ ...ownIdentity(), started: "1" })).toBe("dead");
  });

  it("takes every process of an earlier boot of this machine for dead, and does not judge another machine's", () => {
    expect(lifeOf({ ...ownIdentity(), machine: `${hostname()}/an-earlier-boot` })).toBe("dead");
    expect(lifeOf({ ...ownIdentity(), machine: "elsewhere/boot" })).toBe("unknown");
  });

  it("holds no process behind a number that cannot be one", () => {
    expect([0, -1, 1.5, Number.NaN].map(processIsAlive)).toEqual([false, false, false, false]);
  });
});
