import { Agent, request } from "node:http";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { readFeedback } from "../../src/feedback/log.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { karkhana } from "../e2e/command.ts";
import { LoopCommand } from "./loop-command.ts";

const drains = 3;
const lanes = 24;
const project = path.join(import.meta.dirname, "../e2e/small");
const scratch = scratchFolder();

interface Answer {
  readonly status: number;
  readonly version: number;
  /** The server said that this connection ends with this answer. */
  readonly isLast: boolean;
}

it.skipIf(process.platform !== "linux")(
  `under load, swapped back and forth and ended by SIGTERM ${drains} times, a serving process breaks no connection under a question and answers each with 200`,
  async () => {
    const data = path.join(scratch, "data");
    const loop = new LoopCommand({ project, data, port: 0, servingPort: 0 });
    expect(await loop.exited, loop.errors).toEqual({ code: 0, signal: null });
    const up = new LoopCommand({ command: "up", project, data, port: 0, servingPort: 0 });
    await up.until((event) => event.event === "ready");
    const ready = up.events.find((event) => event.event === "ready");
    const servingUrl = ready?.servingUrl ?? "";
    expect(servingUrl, up.errors).not.toBe("");

    const answered: string[] = [];
    const versions = new Set<number>();
    const problems: string[] = [];
    /** Asks on one kept connection until the server ends it. */
    const ask = async (run: number, lane: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let n = 0; ; n++) {
        const id = `client-${run}-${lane}-${n}`;
        try {
          const { status, version, isLast } = await predict(servingUrl, agent, id);
          if (status === 200) answered.push(id);
          else problems.push(`${id}: ${status}`);
          versions.add(version);
          if (isLast) break;
        } catch (error) {
          problems.push(`${id}: ${String(error)}`);
          break;
        }
      }
      agent.destroy();
    };
    for (let run = 0; run < drains; run++) {
      const asking = Promise.all(Array.from({ length: lanes }, (_, lane) => ask(run, lane)));
      const before = versions.size;
      const swapped = await karkhana(["rollback", "--project", project, "--data", data, "--reason", "a swap under load"]);
      expect(swapped.status, swapped.stderr).toBe(0);
      if (run === 0) while (versions.size === before) await wait(10);
      const [{ pid } = { pid: 0 }] = up.look().filter(({ role }) => role === "serving");
      expect(pid).toBeGreaterThan(0);
      process.kill(pid, "SIGTERM");
      await asking;
      while ((await healthOf(servingUrl)) !== 200) await wait(50);
    }
    up.stop();
    expect(await up.exited, up.errors).toEqual({ code: 0, signal: null });

    expect(problems).toEqual([]);
    expect(answered.length).toBeGreaterThan(drains * lanes);
    expect(versions.size).toBe(2);
    const reader = await readFeedback(path.join(data, "log"));
    const logged = new Set((await reader.predictions(0, 10_000_000)).map(({ record }) => record.id));
    await reader.close();
    expect(answered.filter((id) => !logged.has(id))).toEqual([]);
  },
);

function predict(url: string, agent: Agent, id: string): Promise<Answer> {
  const fields = { origin: "ORD", destination: "LGA", distance: 700 };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/v1/models/late/predict`, { method: "POST", agent, headers: { "content-type": "application/json" } }, (reply) => {
      let text = "";
      reply.setEncoding("utf8").on("data", (part: string) => (text += part));
      reply.on("error", reject).on("end", () => {
        const { predictions } = JSON.parse(text) as { predictions?: readonly { version: number }[] };
        resolve({ status: reply.statusCode ?? 0, version: predictions?.[0]?.version ?? 0, isLast: reply.headers.connection === "close" });
      });
    });
    asked.on("error", reject).end(JSON.stringify({ instances: [{ id, time: "2001-04-01T00:00:00Z", fields }] }));
  });
}

function healthOf(url: string): Promise<number> {
  return fetch(`${url}/health`).then(
    ({ status }) => status,
    () => 0,
  );
}
