import { appendFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { armsOf } from "../feedback/assignment.ts";
import { statusOf } from "../server/error-status.ts";
import type { VersionManifest } from "./manifest.ts";
import { openWorld, predictPath, question, scoreOf, type Answer, type World, type WorldOptions } from "./test-world.ts";

let world: World;
const open = async (options: Partial<WorldOptions> = {}): Promise<void> => void (world = await openWorld({ statusOf, ...options }));
afterEach(() => world.close());

const refresh = (): Promise<Answer> => world.post("/v1/admin/refresh", {});
const versionOf = async (id: string): Promise<number> => (await world.post(predictPath, question(id))).body.predictions[0]!.version;
const manifestOf = async (version: number): Promise<VersionManifest> =>
  JSON.parse(new TextDecoder().decode(await world.blobs.get(`versions/${version}/manifest.json`))) as VersionManifest;
const writeManifest = (version: number, manifest: unknown): Promise<unknown> =>
  world.blobs.put(`versions/${version}/manifest.json`, new TextEncoder().encode(JSON.stringify(manifest)));

test("before anything is deployed the process is healthy and a question is told so", async () => {
  await open({ deploy: false });
  expect(await world.get("/health")).toMatchObject({ status: 200, body: { status: "ok", models: [{ model: "late_ride", state: "not-deployed" }] } });
  expect(await world.post(predictPath, question("q"))).toMatchObject({ status: 503, body: { error: { code: "MODEL_NOT_LOADED" } } });
});

test("a new deployment is in force when refresh answers", async () => {
  await open();
  await world.addVersion(2);
  world.registry.deploy({ champion: 2, previous: 1 });
  expect(await versionOf("before")).toBe(1);
  expect(await refresh()).toMatchObject({ status: 200, body: { models: [{ champion: 2, revision: 2, state: "serving" }] } });
  expect(await versionOf("after")).toBe(2);
});

test("a new deployment is followed without being told", async () => {
  await open({ serving: { deploymentPollMs: 5 } });
  await world.addVersion(2);
  world.registry.deploy({ champion: 2 });
  while ((await versionOf("q")) !== 2) expect((await world.get("/health")).status).toBe(200);
});

test("hundreds of requests in flight while deployments flip: none fails and each is answered by one of the two versions", async () => {
  await open();
  await world.addVersion(2);
  const answered = new Set<number>();
  const flipping = new AbortController();
  const asker = async (lane: number): Promise<number> => {
    let asked = 0;
    for (; !flipping.signal.aborted || asked === 0; asked++) {
      const { status, body } = await world.post(predictPath, question(`${lane}-${asked}`));
      expect(status).toBe(200);
      const { version, score } = body.predictions[0]!;
      answered.add(version);
      expect(score).toBe(scoreOf(version, -0.5));
    }
    return asked;
  };
  const lanes = Array.from({ length: 100 }, (_, lane) => asker(lane));
  for (let flip = 0; flip < 16; flip++) {
    world.registry.deploy({ champion: (flip % 2) + 1, previous: ((flip + 1) % 2) + 1 });
    await refresh();
  }
  flipping.abort();
  const asked = (await Promise.all(lanes)).reduce((sum, n) => sum + n, 0);
  expect(asked).toBeGreaterThan(300);
  expect([...answered].sort((a, b) => a - b)).toEqual([1, 2]);
});

test("A/B gives each id the arm that the assignment says, and the same one every time", async () => {
  await open();
  await world.addVersion(2);
  world.registry.deploy({ champion: 1, challenger: 2, abShare: 0.3 });
  await refresh();
  const armOf = armsOf(world.registry.deployments[0]!);
  for (let i = 0; i < 60; i++) {
    const expected = armOf(`id-${i}`) === 1 ? "challenger" : "champion";
    for (let again = 0; again < 2; again++) {
      const { body } = await world.post(predictPath, question(`id-${i}`));
      expect(body.predictions[0]).toMatchObject({ role: expected, version: expected === "challenger" ? 2 : 1 });
    }
  }
});

test("a shadow scores the answered question's own vector with its own dictionary, and is logged, not returned", async () => {
  await open();
  await world.addVersion(2, { zone: ["BBB", "AAA"] });
  world.registry.deploy({ champion: 1, shadow: 2 });
  await refresh();
  const { body } = await world.post(predictPath, question("q", { miles: 30 }));
  expect(body.predictions).toEqual([{ id: "q", version: 1, role: "champion", score: scoreOf(1, 0.25) }]);
  await world.serving.close();
  const [champion, shadow] = (await world.log.predictions(0, 10)).map(({ record }) => record);
  expect(champion).toMatchObject({ id: "q", version: 1, role: "champion", score: scoreOf(1, 0.25) });
  expect(shadow).toMatchObject({ id: "q", version: 2, role: "shadow", score: scoreOf(2, 0.75), askedUs: champion!.askedUs, fields: champion!.fields });
  expect([...shadow!.vector]).toEqual([30, 0, 1, ...champion!.vector.slice(3)]);
});

test("a shadow whose record cannot be kept disturbs no answer", async () => {
  let refusals = 0;
  await open({
    wrapFeedback: (log) => ({
      ...log,
      logPredictions: async (records) => {
        if (records.some((r) => r.role === "shadow")) {
          refusals++;
          throw new Error("no shadow today");
        }
        await log.logPredictions(records);
      },
    }),
  });
  await world.addVersion(2);
  world.registry.deploy({ champion: 1, shadow: 2 });
  await refresh();
  for (let i = 0; i < 20; i++) expect(await versionOf(`q${i}`)).toBe(1);
  const stats = (await world.get("/v1/stats")).body.models[0]!.versions;
  await world.serving.close();
  expect(refusals).toBeGreaterThan(0);
  expect(stats.find((v) => v.role === "champion")?.outcomes.ok).toBe(20);
});

test("a shadow that never finishes holds up no answer; its backlog is bounded and the rest counted as dropped", async () => {
  const hung: (() => void)[] = [];
  await open({
    serving: { limits: { maxShadowBacklog: 4 } },
    wrapFeedback: (log) => ({
      ...log,
      logPredictions: (records) =>
        records.some((r) => r.role === "shadow") ? new Promise<void>((resolve) => hung.push(resolve)) : log.logPredictions(records),
    }),
  });
  await world.addVersion(2);
  world.registry.deploy({ champion: 1, shadow: 2 });
  await refresh();
  for (let i = 0; i < 60; i++) expect(await versionOf(`q${i}`)).toBe(1);
  const shadow = (await world.get("/v1/stats")).body.models[0]!.versions.find((v) => v.role === "shadow");
  expect(shadow?.outcomes.dropped).toBeGreaterThan(0);
  const release = setInterval(() => hung.splice(0).forEach((resolve) => resolve()), 1);
  await world.serving.close();
  clearInterval(release);
});

test("a version whose stored rows score otherwise is refused, and the old version keeps answering", async () => {
  await open();
  await world.addVersion(2);
  const manifest = await manifestOf(2);
  const { vectors, scores } = manifest.selfCheck;
  await writeManifest(2, { ...manifest, selfCheck: { vectors, scores: [scores[0], scores[1]! + 1e-15] } });
  world.registry.deploy({ champion: 2, previous: 1 });
  expect((await refresh()).body.models[0]).toMatchObject({
    state: "degraded",
    champion: 1,
    revision: 1,
    refusedDeployment: { revision: 2, version: 2, error: { code: "MODEL_SELF_CHECK_FAILED" } },
  });
  expect(await versionOf("q")).toBe(1);
  expect(await world.get("/health")).toMatchObject({ status: 200, body: { status: "degraded" } });
});

test("each way an artifact can be wrong is refused by its name", async () => {
  await open();
  const refusalOf = async (version: number, damage: () => Promise<unknown>): Promise<string> => {
    await world.addVersion(version);
    await damage();
    world.registry.deploy({ champion: version });
    return (await refresh()).body.models[0]!.refusedDeployment!.error.code;
  };
  expect(await refusalOf(2, async () => writeManifest(2, { ...(await manifestOf(2)), format: 4 }))).toBe("ARTIFACT_FORMAT_UNKNOWN");
  expect(await refusalOf(3, () => world.blobs.delete("versions/3/model.json"))).toBe("ARTIFACT_MISSING");
  expect(await refusalOf(4, () => world.blobs.delete("versions/4/manifest.json"))).toBe("ARTIFACT_MISSING");
  expect(await refusalOf(5, async () => writeManifest(5, { ...(await manifestOf(5)), serviceHash: "other" }))).toBe("SERVICE_MISMATCH");
  expect(await refusalOf(6, async () => world.registry.versions.set(6, { ...world.registry.versions.get(6)!, serviceHash: "other" }))).toBe("SERVICE_MISMATCH");
  expect(await refusalOf(7, () => world.blobs.put("versions/7/model.json", new TextEncoder().encode("{}")))).toBe("ARTIFACT_INVALID");
  expect(await refusalOf(8, () => world.blobs.put("versions/8/manifest.json", new TextEncoder().encode("{")))).toBe("ARTIFACT_INVALID");
  expect(await refusalOf(9, async () => writeManifest(9, { ...(await manifestOf(9)), selfCheck: { vectors: [], scores: [] } }))).toBe("ARTIFACT_INVALID");
  expect(await refusalOf(10, async () => writeManifest(10, { ...(await manifestOf(10)), model: "other" }))).toBe("ARTIFACT_INVALID");
  expect(await refusalOf(11, async () => world.registry.versions.delete(11))).toBe("VERSION_NOT_FOUND");
  expect(await versionOf("still")).toBe(1);
});

test("a repaired version comes into force at the next refresh", async () => {
  await open();
  await world.addVersion(2);
  await world.blobs.delete("versions/2/model.json");
  world.registry.deploy({ champion: 2 });
  await refresh();
  expect(await versionOf("q")).toBe(1);
  await world.addVersion(2);
  await refresh();
  expect(await versionOf("q")).toBe(2);
});

test("a challenger that will not load leaves its share to the champion and is shown", async () => {
  await open();
  await world.addVersion(2);
  await world.blobs.delete("versions/2/model.json");
  world.registry.deploy({ champion: 1, challenger: 2, abShare: 0.5 });
  expect((await refresh()).body.models[0]).toMatchObject({
    state: "degraded",
    champion: 1,
    challenger: null,
    problems: [{ version: 2, role: "challenger", error: { code: "ARTIFACT_MISSING" } }],
  });
  for (let i = 0; i < 20; i++) expect(await versionOf(`q${i}`)).toBe(1);
});

test("without its registry serving answers as before, and says that it cannot read it", async () => {
  await open();
  world.registry.broken = true;
  expect(await refresh()).toMatchObject({ status: 503, body: { error: { code: "DEPLOYMENTS_UNREADABLE" } } });
  expect(await versionOf("q")).toBe(1);
  expect(await world.get("/health")).toMatchObject({
    status: 200,
    body: { status: "degraded", registry: { error: { message: expect.stringContaining("database is gone") } } },
  });
});

test("a process that never read its deployments is not healthy", async () => {
  await open({ serving: { registry: { listDeployments: () => Promise.reject(new Error("down")), getVersion: () => Promise.reject(new Error("down")) } } });
  expect(await world.get("/health")).toMatchObject({ status: 503, body: { status: "starting" } });
});

test("a deployed champion that cannot be loaded and has no predecessor makes the process unhealthy", async () => {
  await open({ deploy: false });
  await world.addVersion(1);
  await world.blobs.delete("versions/1/model.json");
  world.registry.deploy({ champion: 1 });
  await refresh();
  expect(await world.get("/health")).toMatchObject({ status: 503, body: { status: "failing" } });
  expect(await world.post(predictPath, question("q"))).toMatchObject({
    status: 503,
    body: { error: { details: { problem: "version 1 was refused with ARTIFACT_MISSING" } } },
  });
});

test("a rollback needs no file: what answered before is still in memory", async () => {
  await open();
  await world.addVersion(2);
  world.registry.deploy({ champion: 2, previous: 1 });
  await refresh();
  await rm(path.join(world.folder, "blobs", "versions"), { recursive: true });
  world.registry.deploy({ champion: 1 });
  await refresh();
  expect(await versionOf("q")).toBe(1);
});

test("a damaged byte in model.json is noticed", async () => {
  await open();
  await world.addVersion(2);
  const file = path.join(world.folder, "blobs", "versions", "2", "model.json");
  await appendFile(file, " ");
  world.registry.deploy({ champion: 2 });
  expect((await refresh()).body.models[0]!.refusedDeployment!.error.message).toContain("is not the file the manifest was written for");
  await writeFile(file, "");
});
