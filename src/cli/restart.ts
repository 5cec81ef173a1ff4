import { setTimeout as wait } from "node:timers/promises";
import { KarkhanaError } from "../kernel/error.ts";
import { readRunning } from "../server/running.ts";
import { isSet } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject, requireDataFolder } from "./project-folder.ts";

const lookEveryMs = 100;

/** `karkhana restart`: new serving processes in place of the old, one after the other; with two or more nobody is refused meanwhile. */
export const restart: Command = {
  name: "restart",
  summary: "Start the serving processes again, one after the other (not on Windows)",
  flags: { ...projectFlags, json: { type: "boolean", help: "Print as JSON" } },
  run: async ({ values }) => {
    const { dataFolder } = await chooseProject(values);
    requireDataFolder(dataFolder);
    const running = readRunning(dataFolder);
    if (running === undefined) throw new KarkhanaError("NOTHING_RUNS", { dataFolder });
    const { servingProcesses: processes = 1, restarts = 0, pid } = running;
    process.kill(pid, "SIGUSR2");
    for (;;) {
      const now = readRunning(dataFolder);
      if (now?.pid !== pid) throw new KarkhanaError("NOTHING_RUNS", { dataFolder });
      if ((now.restarts ?? 0) > restarts) break;
      await wait(lookEveryMs);
    }
    if (isSet(values, "json")) console.log(JSON.stringify({ event: "restarted", processes, pid }));
    else console.log(`${processes} serving ${processes === 1 ? "process was" : "processes were"} started again`);
    return 0;
  },
};
