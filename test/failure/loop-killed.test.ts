import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { openFeedbackLog } from "../../src/feedback/log.ts";
import { seededRng, type Rng } from "../../src/kernel/rng.ts";
import { lockDataFolder } from "../../src/server/data-folder-lock.ts";
import { untilOrphansEnded } from "../../src/server/role-lock.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { freePorts, LoopCommand, processes, until, type Victim } from "./loop-command.ts";
import { expectEffectsOnce, expectNothingLost, expectSameDecisions } from "./loop-promises.ts";
import { readHistory, readRecords, type History, type LoopRecords } from "./loop-records.ts";

/*
 * The program itself, killed: `karkhana run` on the small project of the e2e test, its supervisor, its control process and its serving process
 * shot at random moments, the same command given again when the supervisor was among them. What is left in the data folder is held against
 * the data (nothing lost), against itself (nothing twice) and against a run that nobody disturbed (nothing decided otherwise).
 */

const seeds = Number(process.env["KARKHANA_KILL_SEEDS"] ?? 3);
const firstSeed = Number(process.env["KARKHANA_KILL_FIRST_SEED"] ?? 0);
const project = path.join(import.meta.dirname, "../e2e/small");

interface Kill {
  readonly victim: Victim;
  /** Where in the loop: phases by name, the replay by its number of questions, the beginning by time. */
  readonly at: { readonly phase: string } | { readonly asked: number } | { readonly decision: number } | { readonly startMs: number };
  readonly delayMs: number;
}

const phases = ["data", "features", "train", "register", "materialize", "parity"];

function planKills(rng: Rng, questions: number): Kill[] {
  const places: { readonly order: number; readonly kill: Kill }[] = Array.from({ length: 3 + rng.int(4) }, () => {
    const dice = rng.next();
    const victim: Victim = dice < 0.4 ? "control" : dice < 0.7 ? "serving" : dice < 0.9 ? "supervisor" : "everything";
    const delayMs = rng.int(400);
    const where = rng.int(10);
    if (where < 2) return { order: 0, kill: { victim, at: { startMs: rng.int(1500) }, delayMs } };
    if (where < 5) {
      const phase = rng.int(phases.length);
      return { order: phase === phases.length - 1 ? 3 : 1 + phase / 10, kill: { victim, at: { phase: phases[phase]! }, delayMs } };
    }
    if (where < 8) {
      const share = rng.next();
      return { order: 2 + share, kill: { victim, at: { asked: Math.floor(share * questions) }, delayMs: rng.int(150) } };
    }
    const decision = rng.int(6);
    return { order: 2 + decision / 6, kill: { victim, at: { decision }, delayMs: rng.int(40) } };
  });
  return places.sort((a, b) => a.order - b.order).map(({ kill }) => kill);
}

async function untilMoment(command: LoopCommand, { at, delayMs }: Kill): Promise<void> {
  if ("startMs" in at) {
    await Promise.race([wait(at.startMs), command.exited]);
    return;
  }
  let decisions = command.events.filter((event) => event.event === "decision").length;
  await command.until((event) => {
    if (event.event === "decision") decisions++;
    if ("decision" in at) return decisions > at.decision;
    if (event.event !== "phase" && event.event !== "progress") return false;
    if ("phase" in at) return event.phase.id === at.phase && event.phase.state === "running";
    return event.phase.id === "replay" && event.phase.done >= at.asked;
  });
  await Promise.race([wait(delayMs), command.exited]);
}

interface Survived {
  readonly killed: string[];
  readonly commands: number;
  readonly errors: string;
  readonly last: LoopCommand;
}

/** Gives the command until it ends by itself, and shoots as planned. */
async function runKilled(data: string, ports: { readonly port: number; readonly servingPort: number }, plan: readonly Kill[]): Promise<Survived> {
  const killed: string[] = [];
  const left = [...plan];
  let errors = "";
  for (let commands = 1; ; commands++) {
    const command = new LoopCommand({ project, data, ...ports });
    while (left.length > 0 && !command.isOver) {
      const [kill] = left as [Kill];
      await untilMoment(command, kill);
      if (command.isOver) break;
      left.shift();
      // The processes of a role may be none: shot a moment ago, they are being started again.
      if (command.kill(kill.victim) > 0) killed.push(`${kill.victim} at ${JSON.stringify(kill.at)}`);
      if (kill.victim === "supervisor" || kill.victim === "everything") break;
    }
    const { code, signal } = await command.exited;
    errors += command.errors;
    if (signal !== null && commands <= plan.length) continue;
    const told = `${killed.join(", ")}\n${errors}\n${JSON.stringify(command.events.at(-1))}`;
    expect({ code, signal, last: command.events.at(-1)?.event }, told).toEqual({ code: 0, signal: null, last: "summary" });
    return { killed, commands, errors, last: command };
  }
}

describe.skipIf(process.platform !== "linux")("the loop whose processes are killed", () => {
  const scratch = scratchFolder();
  let calm: LoopRecords;
  let history: History;

  beforeAll(async () => {
    const data = path.join(scratch, "calm");
    await runKilled(data, { port: 0, servingPort: 0 }, []);
    calm = await readRecords(data, "late");
    history = await readHistory(project, calm);
  });

  it("was undisturbed once, to compare with", () => {
    expectNothingLost(calm, history);
    expectEffectsOnce(calm);
    // Enough happened that something could be lost, repeated or decided otherwise.
    expect(calm.summary.promotions).toBeGreaterThan(0);
    expect(calm.summary.retrainings).toBeGreaterThan(0);
    expect(calm.alerts.length).toBeGreaterThan(0);
    expect(calm.predictions.some((p) => p.role === "shadow")).toBe(true);
  });

  it.each(Array.from({ length: seeds }, (_, i) => firstSeed + i))("comes to the same end, seed %i", async (seed) => {
    const rng = seededRng(seed, "loop-killed");
    const data = path.join(scratch, `killed-${seed}`);
    // Ports that are given are the harder case: the orphans of a killed supervisor still hold them.
    const ports = seed % 3 === 2 ? { port: 0, servingPort: 0 } : await freePorts();
    const startedMs = performance.now();
    const { killed, commands, last, errors } = await runKilled(data, ports, planKills(rng, history.questions.size));
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    expect(killed.length, "kills that found somebody").toBeGreaterThan(0);

    // Nobody is left, and nothing is left locked or listening.
    await until(() => !processes().some(({ command }) => command.includes(data)));
    lockDataFolder(data)();
    await untilOrphansEnded(data);
    await (await openFeedbackLog(path.join(data, "log"))).close();
    expect(existsSync(path.join(data, "run", "running.json"))).toBe(false);

    const records = await readRecords(data, "late");
    expect(last.events.at(-1)).toEqual({ ...records.summary, recorded: expect.any(Boolean) as unknown });
    expectNothingLost(records, history);
    expectEffectsOnce(records);
    const { lost, stretches } = expectSameDecisions(records, calm);
    // Shadows are scored in the order of the answers: only a process's last can be lost with it, however far behind a busy machine they were.
    expect(stretches, `of ${lost} shadow answers lost\n${killed.join("\n")}`).toBeLessThanOrEqual(
      killed.filter((k) => /^(serving|everything|supervisor)/.test(k)).length,
    );
    const repeats = records.predictions.length - new Set(records.predictions.map((p) => `${p.id}/${p.version}/${p.role}`)).size;
    const again = [...records.days]
      .filter(([, day]) => day.attempt > 1 || day.retried > 0)
      .map(([day, { attempt, retried }]) => `${day} (attempt ${attempt}, ${retried} sent again)`);
    console.log(
      `seed ${seed}: ${killed.length} kills, ${commands} commands, ${repeats} answers repeated, ${lost} shadows lost, ${seconds} s\n  ${[...killed, ...again].join("\n  ")}`,
    );
    if (process.env["KARKHANA_KILL_VERBOSE"] !== undefined) console.log(errors);
  });
});
