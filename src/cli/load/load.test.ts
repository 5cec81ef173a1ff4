import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { runLoad, type LoadPlan, type LoadReport } from "./client.ts";
import { drawLatency } from "./picture.ts";

let server: Server | undefined;
afterEach(() => server?.close());

async function load(answer: (body: string) => number, plan: Partial<LoadPlan> = {}): Promise<{ report: LoadReport; bodies: string[] }> {
  const bodies: string[] = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(body);
      response.writeHead(answer(body), { "content-length": 2 }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const report = await runLoad({
    host: "127.0.0.1",
    port,
    path: "/",
    rate: 500,
    seconds: 0.4,
    warmupSeconds: 0.2,
    connections: 4,
    arrivals: "poisson",
    bodies: ['{"id":"{id}"}'],
    idPrefix: "q",
    ...plan,
  });
  return { report, bodies };
}

test.each(["poisson", "constant"] as const)("every question of the %s schedule is asked once, with an id of its own, and answered", async (arrivals) => {
  const { report, bodies } = await load(() => 200, { arrivals });
  expect(bodies.length).toBe(300);
  expect(new Set(bodies).size).toBe(300);
  expect(report).toMatchObject({ errors: 0, completed: report.sent, statuses: { "200": report.sent } });
  expect(report.sent).toBeGreaterThan(100);
  const { p50, p95, p99, p999, max } = report.latencyMs;
  expect([p50, p95, p99, p999, max].every((ms, i, all) => i === 0 || ms >= all[i - 1]!)).toBe(true);
});

test("questions of any script arrive as they are: none is cut short, so none waits for the rest of itself", async () => {
  const { report, bodies } = await load(() => 200, { bodies: ['{"id":"{id}","plan":"Österreich कारख़ाना 🏭"}'] });
  expect(report).toMatchObject({ errors: 0, completed: report.sent });
  expect(bodies.every((body) => body.endsWith(',"plan":"Österreich कारख़ाना 🏭"}'))).toBe(true);
});

test("latency counts from the scheduled arrival, so it is never less than what the answer itself took", async () => {
  const { report } = await load(() => 200, { connections: 1, rate: 2000 });
  expect(report.latencyMs.max).toBeGreaterThanOrEqual(report.serviceMs.max);
  expect(report.curve.at(-1)!.ms).toBeLessThanOrEqual(report.latencyMs.max);
});

test("refusals are errors with their status, and no latency", async () => {
  let asked = 0;
  const { report } = await load(() => (++asked % 2 === 0 ? 503 : 200));
  expect(report.errors).toBe(report.statuses["503"]);
  expect(report.errors + report.completed).toBe(report.sent);
});

test("the drawing is well-formed, names what it shows, and shows nothing where nothing was answered", async () => {
  const { report } = await load(() => 200);
  const svg = drawLatency(report, 'late "ride" <v1>', "2 cores & more");
  expect(svg).toContain("late &quot;ride&quot; &lt;v1>");
  expect(svg).toContain("2 cores &amp; more");
  expect(svg).toMatch(/<polyline class="line" points="[0-9., -]+"\/>/);
  expect(svg).not.toContain("NaN");
  expect(drawLatency({ ...report, curve: [] }, "t", "s")).toContain("nothing was answered");
});
