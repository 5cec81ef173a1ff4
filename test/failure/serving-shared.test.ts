import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { readFeedback } from "../../src/feedback/log.ts";
import { logFolderOf } from "../../src/feedback/log-folders.ts";
import { parseIso } from "../../src/kernel/time.ts";
import { karkhana } from "../e2e/command.ts";
import { readRunning } from "../../src/server/running.ts";
import { internalToken } from "../../src/server/internal-token.ts";
import type { StatsReport } from "../../src/serving/peers/process-reports.ts";
import { openSegmentReader } from "../../src/storage/segments/log.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { freePorts, LoopCommand } from "./loop-command.ts";
import { expectEffectsOnce, expectNothingLost, expectSameDecisions } from "./loop-promises.ts";
import { readHistory, readRecords } from "./loop-records.ts";

const project = path.join(import.meta.dirname, "../e2e/small");
const scratch = scratchFolder();
const data = path.join(scratch, "data");
const model = "/v1/models/late";
const isDay = (event: { readonly event: string }): boolean => event.event === "progress" || event.event === "decision";

/** Records that a process logged itself. */
async function loggedBy(number: number): Promise<number> {
  const own = await openSegmentReader(path.join(logFolderOf(path.join(data, "log"), number), "predictions"));
  const end = await own.endOffset();
  await own.close();
  return end;
}

/** By their numbers: the system's own are not always given in turn. */
function servingPids(command: LoopCommand): number[] {
  const own = command.look().filter(({ role }) => role === "serving");
  return own.toSorted((a, b) => a.number - b.number).map(({ pid }) => pid);
}

/** How many sockets of this machine listen on a port, from /proc. */
function listeners(port: number): number {
  const listening = "0A";
  const [, ...lines] = readFileSync("/proc/net/tcp", "latin1").trimEnd().split("\n");
  return lines.filter((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return state === listening && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
  }).length;
}

describe.skipIf(process.platform !== "linux")("two serving processes on one port", () => {
  it("the loop goes as with one, although one of the two is killed on the way: every question once in the merged log, every window the same", async () => {
    const loop = new LoopCommand({ project, data, port: 0, servingPort: 0, servingProcesses: 2 });
    await loop.until((event) => isDay(event) && JSON.stringify(event).includes('"replay"'));
    const victims = servingPids(loop);
    expect(victims).toHaveLength(2);
    process.kill(victims[1]!, "SIGKILL");
    expect(await loop.exited, loop.errors).toEqual({ code: 0, signal: null });
    expect(loop.errors).toMatch(/the serving process 1 ended \(SIGKILL\); starting it again/);
    const calmData = path.join(scratch, "calm");
    const calmLoop = new LoopCommand({ project, data: calmData, port: 0, servingPort: 0 });
    expect(await calmLoop.exited, calmLoop.errors).toEqual({ code: 0, signal: null });

    const records = await readRecords(data, "late");
    expectNothingLost(records, await readHistory(project, records));
    expectEffectsOnce(records);
    expectSameDecisions(records, await readRecords(calmData, "late"));
    const [zero, one] = [await loggedBy(0), await loggedBy(1)];
    expect(Math.min(zero, one)).toBeGreaterThan(0);
    expect(zero + one).toBe(records.predictions.length);
  });

  it("one is killed, then both are started again one after the other, under load: what is acknowledged is in the log, a push is seen everywhere, no answer is a refusal", async () => {
    const up = new LoopCommand({ command: "up", project, data, port: 0, servingPort: 0, servingProcesses: 2 });
    await up.until((event) => event.event === "ready");
    const { servingUrl = "", grpcAddress = "", servingProcesses } = readRunning(data) ?? {};
    expect(servingProcesses, up.errors).toBe(2);
    const { hostname, port } = new URL(servingUrl);
    const send = (method: string, where: string, body: unknown, agent: Agent | false): Promise<{ status: number; body: unknown }> =>
      new Promise((resolve, reject) => {
        const asked = request(
          { hostname, port, method, path: where, agent, headers: { "content-type": "application/json", authorization: `Bearer ${internalToken(data)}` } },
          (reply) => {
            let text = "";
            reply
              .setEncoding("utf8")
              .on("data", (chunk: string) => (text += chunk))
              .on("error", reject)
              .on("end", () => resolve({ status: reply.statusCode ?? 0, body: JSON.parse(text) as unknown }));
          },
        );
        asked.on("error", reject);
        asked.end(body === undefined ? undefined : JSON.stringify(body));
      });

    const startUs = parseIso("2001-04-20", "start");
    const answered = new Map<string, number>();
    const refused: string[] = [];
    const broken: { readonly lane: number; readonly code: unknown }[] = [];
    const traffic = { isOver: false };
    /** Over a connection that is kept; a connection that breaks is not a refusal: the question is asked again over another. */
    const ask = async (lane: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let n = 0; !traffic.isOver;) {
        const id = `client-${lane}-${n}`;
        const fields = { origin: "ATL", destination: "DFW", distance: 100 + n };
        try {
          const { status, body } = await send("POST", `${model}/predict`, { instances: [{ id, time: startUs, fields }] }, agent);
          if (status === 200) answered.set(id, (body as { predictions: { score: number }[] }).predictions[0]!.score);
          else refused.push(`${status} ${JSON.stringify(body)}`);
          n++;
        } catch (error) {
          broken.push({ lane, code: (error as NodeJS.ErrnoException).code });
        }
      }
      agent.destroy();
    };
    /** Two producers at once, each push and each reading over a connection of its own, so that any process may have it. */
    const pushed = [0, 0];
    const begun = [0, 0];
    const wrongCounts: string[] = [];
    const push = async (producer: number): Promise<void> => {
      for (let sequence = 0; !traffic.isOver;) {
        const row = {
          _row: 200_000_000 + producer * 1_000_000 + sequence,
          date: startUs + sequence * 1000,
          delay: 0,
          distance: 75,
          origin: "ORD",
          destination: "LGA",
        };
        begun[producer] = sequence + 1;
        try {
          const { status } = await send("POST", "/v1/sources/landings/push", { producer: `p${producer}`, sequence, rows: [row] }, false);
          // While the process that writes pushed rows is started again the other asks to be sent them again.
          if (status === 503) {
            await wait(5);
            continue;
          }
          if (status !== 200) refused.push(`push ${status}`);
          pushed[producer] = ++sequence;
          const least = pushed[0]! + pushed[1]!;
          const asOf = startUs + 3_600_000_000;
          const seen = await send(
            "POST",
            "/get-online-features",
            { features: ["from_airport:flights_2h"], entities: { airport: ["ORD"] }, as_of: asOf },
            false,
          );
          const { results = [] } = seen.body as { results?: { values: number[] }[] };
          const count = results.at(-1)?.values[0] ?? -1;
          const most = begun[0]! + begun[1]!;
          if (count < least || count > most) wrongCounts.push(`${count}, of ${least} to ${most}`);
        } catch (error) {
          broken.push({ lane: -1 - producer, code: (error as NodeJS.ErrnoException).code });
        }
      }
    };
    const lanes = Promise.all([...Array.from({ length: 16 }, (_, lane) => ask(lane)), push(0), push(1)]);
    const more = async (count: number): Promise<void> => {
      for (const before = answered.size; answered.size < before + count;) await Promise.race([wait(5), lanes]);
    };
    await more(500);
    const [, victim] = servingPids(up);
    expect(broken).toEqual([]);
    process.kill(victim!, "SIGKILL");
    await more(500);
    while (servingPids(up).length < 2 || servingPids(up).includes(victim!)) await wait(5);
    const brokenByKill = broken.splice(0);
    await more(200);

    const before = servingPids(up);
    const restarted = await karkhana(["restart", "--project", project, "--data", data]);
    expect(restarted).toEqual({ status: 0, stdout: "2 serving processes were started again\n", stderr: "" });
    expect(servingPids(up).filter((one) => before.includes(one))).toEqual([]);
    await more(200);
    // Both listen on the port of gRPC too.
    expect([listeners(Number(port)), listeners(Number(grpcAddress.split(":").at(-1)))]).toEqual([2, 2]);
    const { body } = await send("GET", "/v1/stats", undefined, false);
    traffic.isOver = true;
    await lanes;
    expect((body as StatsReport).processes.map((one) => one.process)).toEqual([0, 1]);
    const metrics = await (await fetch(`${servingUrl}/metrics`, { headers: { authorization: `Bearer ${internalToken(data)}` } })).text();
    for (const number of [0, 1]) expect(metrics).toContain(`karkhana_serving_in_flight{process="${number}"}`);
    up.stop();
    expect(await up.exited, up.errors).toEqual({ code: 0, signal: null });

    expect(refused).toEqual([]);
    expect(wrongCounts, "pushed rows that were acknowledged and not read").toEqual([]);
    expect(Math.min(...pushed)).toBeGreaterThan(5);
    // A connection that broke was one to the process that ended: once for each lane, and not for all, since some had theirs to the other.
    const lanesBroken = brokenByKill.map(({ lane }) => lane).filter((lane) => lane >= 0);
    expect(new Set(lanesBroken).size).toBe(lanesBroken.length);
    expect(lanesBroken.length).toBeLessThan(16);
    expect([...brokenByKill, ...broken].filter(({ code }) => code !== "ECONNRESET" && code !== "EPIPE")).toEqual([]);

    const reader = await readFeedback(path.join(data, "log"));
    const logged = (await reader.predictions(0, 10_000_000))
      .map(({ record }) => record)
      .filter(({ id, role }) => id.startsWith("client-") && role !== "shadow");
    await reader.close();
    const scores = new Map(logged.map(({ id, score }) => [id, score]));
    expect([...answered].filter(([id, score]) => scores.get(id) !== score)).toEqual([]);
    expect(logged.length - scores.size, "questions that are logged twice").toBeLessThanOrEqual(brokenByKill.length + broken.length);
    console.log(
      `${answered.size} answers; broken connections: ${brokenByKill.length} by the kill, ${broken.length} while started again; ${pushed.join(" and ")} pushes`,
    );
  });

  it("a supervisor killed with three, started again at once with one, then with two: the ports are free, and a reader that was there all the time has every answer once", async () => {
    const log = path.join(data, "log");
    const reader = await readFeedback(log);
    let place = (await reader.ends()).predictions;
    const before = place;
    const read: string[] = [];
    const readOn = async (): Promise<void> => {
      for (let records = await reader.predictions(place, 100); records.length > 0; records = await reader.predictions(place, 100)) {
        read.push(...records.filter(({ record }) => record.role !== "shadow").map(({ record }) => record.id));
        place = records.at(-1)!.offset + 1;
      }
    };
    const ports = await freePorts();
    const asked: string[] = [];
    for (const servingProcesses of [3, 1, 2]) {
      const up = new LoopCommand({ command: "up", project, data, ...ports, servingProcesses });
      await up.until((event) => event.event === "ready");
      expect(up.isOver, up.errors).toBe(false);
      for (let n = 0; n < 40; n++) {
        const id = `of-${servingProcesses}-${n}`;
        const reply = await fetch(`http://127.0.0.1:${ports.servingPort}${model}/predict`, {
          method: "POST",
          headers: { "content-type": "application/json", connection: "close" },
          body: JSON.stringify({ instances: [{ id, time: parseIso("2001-04-20", "time"), fields: { origin: "ATL", destination: "DFW", distance: n } }] }),
        });
        expect(reply.status).toBe(200);
        asked.push(id);
        if (n % 10 === 0) await readOn();
      }
      if (servingProcesses === 3) up.kill("supervisor");
      else up.stop();
      await up.exited;
    }
    await readOn();
    expect(read.toSorted()).toEqual(asked.toSorted());
    await reader.close();
    const fresh = await readFeedback(log);
    expect((await fresh.predictions(before, 1000)).filter(({ record }) => record.role !== "shadow").map(({ record }) => record.id)).toEqual(read);
    await fresh.close();
    expect(Math.min(await loggedBy(1), await loggedBy(2))).toBeGreaterThan(0);
  });
});
