import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { freePorts, LoopCommand, processes, until } from "./loop-command.ts";

const project = path.join(import.meta.dirname, "../e2e/small");
const scratch = scratchFolder();

it.skipIf(process.platform !== "linux")(
  "a supervisor killed while its processes are starting leaves nobody behind, and the same command starts at once",
  async () => {
    const data = path.join(scratch, "data");
    const ports = await freePorts();
    // From the very fork (the child has not loaded a line yet) to both being ready.
    for (const afterForkMs of [0, 30, 100, 250, 500, 900]) {
      for (const role of ["serving", "control"] as const) {
        const up = new LoopCommand({ command: "up", project, data, ...ports });
        await until(() => up.isOver || up.look().some((process) => process.role === role));
        await wait(afterForkMs);
        expect(up.isOver, `${up.errors} ${JSON.stringify(up.events.slice(-3))}`).toBe(false);
        up.kill("supervisor");
        await up.exited;
      }
    }
    const up = new LoopCommand({ command: "up", project, data, ...ports });
    await up.until((event) => event.event === "ready");
    expect(
      up.events.map((event) => event.event),
      up.errors,
    ).toEqual(["ready"]);
    // Its two processes hold the locks that all before them have let go of; one that was shot too early to hold any ends once it has been loaded.
    await until(() => processes().filter(({ command }) => command.includes(data)).length === 3);
    up.stop();
    expect(await up.exited, up.errors).toEqual({ code: 0, signal: null });
    expect(processes().filter(({ command }) => command.includes(data))).toEqual([]);
  },
);
