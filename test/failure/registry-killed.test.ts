import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createModelCatalog } from "../../src/registry/catalog-store.ts";
import { createRegistry } from "../../src/registry/store.ts";
import { registryMigrations } from "../../src/registry/tables.ts";
import { systemClock, systemId } from "../../src/server/system.ts";
import { createVault } from "../../src/registry/webhooks/sealed.ts";
import { webhookParts } from "../../src/server/webhook-parts.ts";
import { sqliteFixture, type SqlFixture } from "../contract/sql-fixture.ts";

const child = path.join(import.meta.dirname, "children", "registry-killed.child.ts");
let fixture: SqlFixture;

beforeEach(async () => {
  fixture = await sqliteFixture(registryMigrations);
});
afterEach(() => fixture.dispose());

/** Kills the writer with SIGKILL once it has acknowledged this many. @returns what it acknowledged */
async function writeUntilKilled(name: string, count: number): Promise<number[]> {
  const writer = spawn(process.execPath, [child, fixture.address, "m", name], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged: number[] = [];
  const ended = once(writer, "close");
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === count) writer.kill("SIGKILL");
  }
  await ended;
  return acknowledged;
}

test("kill -9 while versions are made and webhooks are delivered: no acknowledged version is lost, and each is told of at least once under one id", async () => {
  const { database } = fixture;
  const catalog = createModelCatalog({ database, clock: systemClock, newId: systemId, registry: createRegistry({ database, clock: systemClock }) });
  const received: { id: string; version: string }[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      received.push({ id: String(request.headers["x-mlflow-delivery-id"]), version: JSON.parse(body).data.version });
      // One in five fails at first, so that some are owed when the process is killed.
      const isFirst = received.filter(({ id }) => id === received.at(-1)!.id).length === 1;
      response.writeHead(isFirst && received.length % 5 === 0 ? 503 : 200).end();
    });
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  try {
    const { webhooks } = webhookParts(database, createVault([], "nowhere"), "127.0.0.1");
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    await webhooks.create({ name: "hook", url, events: ["model_version.created"] });
    await catalog.createModel({ name: "m", tags: {} });

    const acknowledged: number[] = [];
    for (const [i, count] of [7, 40, 23].entries()) acknowledged.push(...(await writeUntilKilled(`writer-${i}`, count)));
    const last = spawn(process.execPath, [child, fixture.address, "m", "last", "last"], { stdio: "inherit" });
    expect(await once(last, "close")).toEqual([0, null]);

    const versions = (await catalog.searchVersions({ limit: 10_000 })).items.map((v) => v.version).sort((a, b) => a - b);
    expect(versions).toEqual(versions.map((_, i) => i + 1));
    expect(acknowledged.length).toBeGreaterThanOrEqual(70);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(versions).toEqual(expect.arrayContaining(acknowledged));
    const ids = Map.groupBy(received, ({ version }) => version);
    expect([...ids.keys()].map(Number).sort((a, b) => a - b)).toEqual(versions);
    for (const told of ids.values()) expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});
