import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { openWorld, predictPath, question, type World } from "../serving/test-world.ts";
import { statusOf } from "./error-status.ts";
import { openTraces } from "./traces.ts";

interface Sent {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
}

let world: World;
afterEach(() => world.close());

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const ask = (flags: string, fields: Record<string, unknown> = {}): Promise<unknown> =>
  world.post(predictPath, question("q", fields), { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` });

/** A collector as OpenTelemetry has it, of JSON. */
async function collected(share: number, work: () => Promise<unknown>): Promise<Sent[]> {
  const bodies: string[] = [];
  const collector = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(`${request.url} ${body}`);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const traces = openTraces({ endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`, random: () => 0.5, share });
  world = await openWorld({ statusOf, serving: { traces } });
  await work();
  await traces.close();
  collector.close();
  return bodies.flatMap((text) => {
    expect(text.startsWith("/v1/traces {")).toBe(true);
    const { resourceSpans } = JSON.parse(text.slice("/v1/traces ".length)) as { resourceSpans: { scopeSpans: { spans: Sent[] }[] }[] };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  });
}

test("a sampled trace gets the answer with its stages, inside the caller's span", async () => {
  const spans = await collected(0, () => ask("01"));
  const whole = spans.find((span) => span.name === "predict late_ride")!;
  expect(whole).toMatchObject({ traceId, parentSpanId: "00f067aa0ba902b7" });
  const parts = spans.filter((span) => span.parentSpanId === whole.spanId);
  expect(parts.map(({ name }) => name).sort()).toEqual(["compute", "log", "lookup", "parse", "serialise"]);
  for (const { startTimeUnixNano, endTimeUnixNano } of parts) expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
});

test("a refused question is in its trace with its error", async () => {
  const spans = await collected(0, () => ask("01", { miles: -1 }));
  expect(spans.map(({ name, status }) => [name, status?.code])).toEqual([["predict late_ride", 2]]);
});

test("a trace that its caller does not keep is not sent; questions without one are by the share", async () => {
  expect(await collected(1, () => ask("00"))).toEqual([]);
  await world.close();
  expect((await collected(1, () => world.post(predictPath, question("q")))).length).toBe(6);
  await world.close();
  expect(await collected(0.4, () => world.post(predictPath, question("q")))).toEqual([]);
});

test("a collector that is away takes no answer down with it", async () => {
  const traces = openTraces({ endpoint: "http://127.0.0.1:9", random: () => 0, share: 1 });
  world = await openWorld({ statusOf, serving: { traces } });
  for (let i = 0; i < 20; i++) expect((await world.post(predictPath, question(`q${i}`))).status).toBe(200);
  await traces.close().catch(() => undefined);
});
