import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyReport } from "../../path/evidence/report.ts";
import { roadmap } from "../../path/content/roadmap.ts";
import { createControlApp } from "../control.ts";
import type { AnsweredSheet, GradedLab, LabPage, PathLab, PathOverview, PathPlan, StoredSheet } from "../path-api.ts";
import { controlWorld, type ControlWorld } from "../test-world.ts";

describe("the Path over HTTP", () => {
  let world: ControlWorld;
  let app: FastifyInstance;

  beforeAll(async () => {
    world = await controlWorld(0);
    app = await createControlApp(world.rooms, {});
  });
  afterAll(async () => {
    await app.close();
    await world.close();
  });

  const headers = { host: "127.0.0.1:4700" };
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what the answer is read as
  const get = async <T>(url: string): Promise<T> => (await app.inject({ url: `/api/v1${url}`, headers })).json<T>();
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what the answer is read as
  const post = async <T>(url: string, payload: object = {}): Promise<{ status: number; body: T }> => {
    const response = await app.inject({ method: "POST", url: `/api/v1${url}`, headers, payload });
    return { status: response.statusCode, body: response.json<T>() };
  };

  test("a fresh start has five stages, ten blocks, no plan, and one thing to do next", async () => {
    const overview = await get<PathOverview>("/path");
    expect(overview.stages).toHaveLength(5);
    expect(overview.blocks).toHaveLength(10);
    expect(overview).toMatchObject({ plan: null, next: { kind: "run" }, evidence: [], chain: { entries: 0, problems: [] }, unkept: 0 });
    expect(overview.pitfalls).toHaveLength(8);
    expect(overview.signals).toHaveLength(7);
    expect((await get<typeof roadmap>("/path/content")).topics).toHaveLength(roadmap.topics.length);
  });

  test("a plan is made, kept and exported; a wrong one names its field", async () => {
    expect(await post("/path/plan", { backgroundId: "wizard", hoursPerWeek: 10 })).toMatchObject({
      status: 400,
      body: { error: { code: "INVALID_ARGUMENT" } },
    });
    expect(await post("/path/plan", { backgroundId: "beginner", hoursPerWeek: 0 })).toMatchObject({ status: 400 });
    expect(await post("/path/plan", { backgroundId: "beginner", hoursPerWeek: 10, start: "soon" })).toMatchObject({ status: 400 });
    expect(await get<PathPlan | null>("/path/plan")).toBeNull();
    const made = await post<PathPlan>("/path/plan", { backgroundId: "software-engineer", hoursPerWeek: 10, start: "2027-01-04" });
    expect(made.body.plan.items.find(({ id }) => id === "weeks-1-3")?.status).toBe("skipped, unproven");
    expect((await get<PathOverview>("/path")).blocks.find(({ id }) => id === "weeks-1-3")?.state).toBe("claimed");
    const calendar = await app.inject({ url: "/api/v1/path/plan/export?format=ical", headers });
    expect(calendar.body).toMatch(/^BEGIN:VCALENDAR/);
    expect(calendar.headers["content-type"]).toContain("text/calendar");
    expect((await app.inject({ url: "/api/v1/path/plan/export?format=pdf", headers })).statusCode).toBe(400);
  });

  test("a solution is graded in another process, one at a time, and what fails is not kept", async () => {
    const [lab] = await get<readonly PathLab[]>("/path/labs");
    const page = await get<LabPage>(`/path/labs/${lab!.number}`);
    expect(page).toMatchObject({ passed: false, kept: null, number: lab!.number });
    const solution = { language: "typescript", source: page.starter.typescript };
    const [first, second] = await Promise.all([
      post<GradedLab>(`/path/labs/${lab!.number}/grade`, solution),
      post(`/path/labs/${lab!.number}/grade`, solution),
    ]);
    expect([first.status, second.status].toSorted((a, b) => a - b)).toEqual([200, 503]);
    const graded = first.status === 200 ? first.body : (second.body as GradedLab);
    expect(graded).toMatchObject({ verdict: { passed: false, seedOrigin: "fresh" }, added: [] });
    expect(await post("/path/labs/99/grade", solution)).toMatchObject({ status: 404, body: { error: { code: "LAB_NOT_FOUND" } } });
    expect(await post(`/path/labs/${lab!.number}/grade`, { language: "cobol", source: "" })).toMatchObject({ status: 400 });
    expect((await get<PathOverview>("/path")).evidence).toEqual([]);
  });

  test("a stranger's address may not have code run here", async () => {
    const response = await app.inject({
      method: "POST",
      url: "/api/v1/path/labs/6/grade",
      headers,
      remoteAddress: "192.0.2.7",
      payload: { language: "typescript", source: "x" },
    });
    expect(response.json()).toMatchObject({ error: { code: "HOST_REFUSED" } });
  });

  test("a drill shows no seed and no truth before it is answered, is graded once and lands on the chain", async () => {
    const { body: drill } = await post<StoredSheet>("/path/sheets", { kind: "drift" });
    expect(drill.seed).toBe("");
    expect(JSON.stringify(drill)).not.toMatch(/injections|"told"/);
    const answered = await post<AnsweredSheet>(`/path/sheets/${drill.id}/answer`, { answers: { causes: ["infrastructure"], onset: "14" } });
    expect(answered.body.sheet.grade?.marks.length).toBeGreaterThan(2);
    expect(answered.body.entry.kind).toBe("drill");
    expect(await post(`/path/sheets/${drill.id}/answer`, { answers: {} })).toMatchObject({ status: 409, body: { error: { code: "SHEET_ANSWERED" } } });
    expect(await post("/path/sheets", { kind: "riddle" })).toMatchObject({ status: 400 });
    expect(await post("/path/sheets", { kind: "interview", round: 5 })).toMatchObject({ status: 400, body: { error: { code: "INVALID_ARGUMENT" } } });
    expect((await app.inject({ url: "/api/v1/path/sheets/none", headers })).statusCode).toBe(404);
  });

  test("the report that is handed out verifies", async () => {
    await post("/path/attest", { subject: "attest-real-traffic", byName: "N. N.", statement: "They plan by it." });
    const report = await app.inject({ url: "/api/v1/path/report", headers });
    expect(verifyReport(report.body)).toMatchObject({ problems: [], counts: { "attestation (a person's word)": 1 } });
    expect(await post("/path/incident", { model: "none" })).toMatchObject({ status: 400 });
  });
});
