import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { readFeedback } from "../../src/feedback/log.ts";
import { codeOf } from "../../src/kernel/error.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { MICROS_PER_DAY, parseIso } from "../../src/kernel/time.ts";
import { ServingClient } from "../../src/workflows/serving-client.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { LoopCommand } from "./loop-command.ts";

const kills = Number(process.env["KARKHANA_SERVING_KILLS"] ?? 8);
const project = path.join(import.meta.dirname, "../e2e/small");
const scratch = scratchFolder();
const model = "/v1/models/late";

it.skipIf(process.platform !== "linux")(
  `a serving process killed ${kills} times at random: every answer, label and push that was acknowledged is there afterwards`,
  async () => {
    const data = path.join(scratch, "data");
    const loop = new LoopCommand({ project, data, port: 0, servingPort: 0 });
    expect(await loop.exited, loop.errors).toEqual({ code: 0, signal: null });

    const up = new LoopCommand({ command: "up", project, data, port: 0, servingPort: 0 });
    await up.until((event) => event.event === "ready");
    const ready = up.events.find((event) => event.event === "ready");
    expect(ready, up.errors).toBeDefined();
    let sentAgain = 0;
    const client = new ServingClient({ baseUrl: ready?.servingUrl ?? "", maxSockets: 12, patienceMs: 600_000, onRetry: () => sentAgain++ });
    const answered = new Map<string, number>();
    const labelled = new Map<string, number>();
    let pushed = -1;
    const traffic = { isOver: false };
    const rng = seededRng("serving-killed");
    const airports = ["ORD", "LGA", "ATL", "DFW"];
    const startUs = parseIso("2001-04-01", "start");

    const ask = async (lane: number): Promise<void> => {
      for (let n = 0; !traffic.isOver; n++) {
        const id = `client-${lane}-${n}`;
        const fields = { origin: airports[n % 4], destination: airports[(n + 1 + (lane % 3)) % 4], distance: 100 + n };
        const reply = await client.post<{ predictions: readonly { id: string; score: number }[] }>(`${model}/predict`, {
          instances: [{ id, time: startUs + (n % 1000) * 1000, fields }],
        });
        answered.set(id, reply.predictions[0]!.score);
        if (n % 3 !== 0) continue;
        await client.post(`${model}/labels`, { labels: [{ id, label: n % 2, knownTime: startUs + MICROS_PER_DAY }] });
        labelled.set(id, n % 2);
      }
    };
    const push = async (): Promise<void> => {
      while (!traffic.isOver) {
        const sequence = pushed + 1;
        const row = { _row: 100_000_000 + sequence, date: startUs + sequence * 1_000_000, delay: 20, distance: 500, origin: "ORD", destination: "ATL" };
        await client.post("/v1/sources/landings/push", { producer: "test", sequence, rows: [row] });
        pushed = sequence;
      }
    };
    const lanes = Promise.all([...Array.from({ length: 10 }, (_, lane) => ask(lane)), push()]);
    for (let kill = 0; kill < kills; kill++) {
      const before = answered.size;
      await wait(100 + rng.int(400));
      // Only a process that answers can lose what it has answered.
      while (answered.size < before + 100) await Promise.race([wait(10), lanes]);
      expect(up.kill("serving")).toBe(1);
    }
    const before = answered.size;
    while (answered.size < before + 100) await Promise.race([wait(10), lanes]);
    traffic.isOver = true;
    await lanes;

    const again = await client.post<{ applied: boolean }>("/v1/sources/landings/push", {
      producer: "test",
      sequence: pushed,
      rows: [{ date: startUs, delay: 1, distance: 1, origin: "ORD", destination: "ATL" }],
    });
    expect(again.applied, "the last acknowledged push is known").toBe(false);
    const refused = await client.post(`/v1/models/nobody/predict`, { instances: [] }).catch(codeOf);
    expect(refused).toBe("MODEL_NOT_IN_PROJECT");
    client.close();
    up.stop();
    expect(await up.exited, up.errors).toEqual({ code: 0, signal: null });

    const reader = await readFeedback(path.join(data, "log"));
    const predictions = (await reader.predictions(0, 10_000_000)).filter(({ record }) => record.id.startsWith("client-"));
    const labels = (await reader.labels(0, 10_000_000)).filter(({ record }) => record.id.startsWith("client-"));
    await reader.close();
    const loggedScores = new Map(predictions.map(({ record }) => [record.id, record.score]));
    const loggedLabels = new Map(labels.map(({ record }) => [record.id, record.label]));
    const wrong = (said: Map<string, number>, logged: Map<string, number>): string[] =>
      [...said].filter(([id, value]) => logged.get(id) !== value).map(([id]) => id);
    expect(answered.size).toBeGreaterThan(100 * kills);
    expect(labelled.size).toBeGreaterThan(0);
    expect(pushed).toBeGreaterThan(kills);
    expect(wrong(answered, loggedScores), "answers that are not in the log as they were given").toEqual([]);
    expect(wrong(labelled, loggedLabels), "labels that are not in the log as they were sent").toEqual([]);
    // A question is logged again only if its answer was lost on the way: at most those under way at a kill.
    expect(predictions.length - loggedScores.size).toBeLessThanOrEqual(sentAgain);
    console.log(
      `${answered.size} answers, ${labelled.size} labels and ${pushed + 1} pushes acknowledged over ${kills} kills; ${sentAgain} requests sent again, ${predictions.length - loggedScores.size} logged twice`,
    );
  },
);
