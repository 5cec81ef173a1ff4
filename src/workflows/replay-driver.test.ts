import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { KarkhanaError, toErrorRecord } from "../kernel/error.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../kernel/time.ts";
import { openReplayDriver, type ReplayDriver } from "./replay-driver.ts";

/** A question a minute for a day; rows to push in every hour. */
const questions = 1440;
const minuteUs = MICROS_PER_HOUR / 60;
const relation = `(select i as _row, i * ${minuteUs} as _event, i * ${minuteUs} as _known, i as x from range(0, ${questions}) t(i))`;

/** What a request asks for, and whether it is refused. */
interface Answerer {
  refuses: (path: string, body: Body) => boolean;
  readonly asked: string[];
}

interface Body {
  readonly instances?: readonly { readonly id: string }[];
  readonly sequence?: number;
}

let server: Server | undefined;
let driver: ReplayDriver | undefined;
afterEach(async () => {
  await driver?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
});

async function serve(): Promise<{ readonly url: string; readonly answerer: Answerer }> {
  const answerer: Answerer = { refuses: () => false, asked: [] };
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
      const id = body.instances?.[0]?.id;
      if (id !== undefined) answerer.asked.push(id);
      const refused = answerer.refuses(request.url ?? "", body);
      const reply = refused ? { error: toErrorRecord(new KarkhanaError("STORAGE_BUSY", { store: "test", waitedMs: 1 })) } : { rejected: [] };
      response.writeHead(refused ? 400 : 200, { "content-type": "application/json" }).end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answerer };
}

function driverOf(url: string): ReplayDriver {
  driver = openReplayDriver({
    model: "m",
    fields: ["x"],
    labelSql: "x > 700",
    servingUrl: url,
    spine: relation,
    sources: { trips: { relation, columns: { x: "int64" } } },
    threads: 1,
    tempFolder: "",
    fromUs: 0,
    toUs: MICROS_PER_DAY,
    concurrency: 8,
  });
  return driver;
}

test("a day that failed is played again from its start, with nothing of the failed play still asking beside it", async () => {
  const { url, answerer } = await serve();
  const playing = driverOf(url);
  answerer.refuses = (_path, { instances }) => instances?.[0]?.id === "7";
  await expect(playing.runDay(0, MICROS_PER_DAY, () => undefined)).rejects.toMatchObject({ code: "STORAGE_BUSY" });
  answerer.refuses = () => false;
  answerer.asked.length = 0;
  expect(await playing.runDay(0, MICROS_PER_DAY, () => undefined)).toMatchObject({ asked: questions, pushed: questions, labelled: questions });
  const asked = [...new Set(answerer.asked)].sort((a, b) => Number(a) - Number(b));
  expect(asked).toEqual(Array.from({ length: questions }, (_, i) => String(i)));
  // What the failed play had on the wire, one request a lane, may still arrive; lanes that went on asking would add hundreds.
  expect(answerer.asked.length - questions).toBeLessThanOrEqual(8);
});

test("a push that fails while questions fail too ends the day's play, not the replay", async () => {
  const { url, answerer } = await serve();
  const playing = driverOf(url);
  // The rows of the second hour travel while the first hour's questions are asked.
  answerer.refuses = (path, { instances, sequence }) => (path.endsWith("/push") ? (sequence ?? 0) >= 1000 : instances?.[0]?.id === "3");
  await expect(playing.runDay(0, MICROS_PER_DAY, () => undefined)).rejects.toMatchObject({ code: "STORAGE_BUSY" });
  answerer.refuses = () => false;
  expect(await playing.runDay(0, MICROS_PER_DAY, () => undefined)).toMatchObject({ asked: questions });
});
