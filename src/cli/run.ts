import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fromErrorRecord } from "../kernel/error.ts";
import { readRunning } from "../server/running.ts";
import { untilOrphansEnded } from "../server/role-lock.ts";
import { isSet } from "./arguments.ts";
import { portFlags, projectFlags, servingProcessesFlag, type Command } from "./command.ts";
import type { ChildMessage } from "./messages.ts";
import { chooseProject } from "./project-folder.ts";
import { startProcesses, untilSignal } from "./start-processes.ts";
import { LoopDisplay } from "./terminal.ts";

/** `karkhana run`: the whole loop of a project, then the console stays open (or, with --exit, the program ends). */
export const run: Command = {
  name: "run",
  summary: "Run a project's whole loop: data, training, serving, replay, monitoring, retraining",
  flags: {
    ...projectFlags,
    ...portFlags,
    ...servingProcessesFlag,
    full: { type: "boolean", help: "Tell the project to use all rows" },
    exit: { type: "boolean", help: "End when the loop has ended, instead of leaving the console open" },
    fresh: { type: "boolean", help: "Delete what earlier runs left in the data folder and begin anew" },
    json: { type: "boolean", help: "Print one JSON event a line; the last is the summary" },
  },
  run: async ({ values }) => {
    const choice = await chooseProject(values);
    const json = isSet(values, "json");
    if (isSet(values, "fresh") && readRunning(choice.dataFolder) === undefined && existsSync(join(choice.dataFolder, "format.json"))) {
      await untilOrphansEnded(choice.dataFolder);
      rmSync(choice.dataFolder, { recursive: true, force: true });
    }
    const display = new LoopDisplay(process.stdout);
    const ended = Promise.withResolvers<void>();
    const onMessage = (_role: string, message: ChildMessage): void => {
      if (message.kind === "loop") {
        // A recovering control process tells the same loop again from its records: people see progress, readers of JSON see events.
        if (json) console.log(JSON.stringify(message.event));
        else display.show(message.event, message.progress);
      }
      if (message.kind === "loop-ended") {
        if (message.error === null) ended.resolve();
        else ended.reject(fromErrorRecord(message.error));
      }
    };
    ended.promise.catch(() => undefined);
    const stopped = untilSignal();
    const { running, failed, stop } = await startProcesses(choice, values, {
      loop: true,
      onMessage,
      ...(process.stdout.isTTY && !json ? { say: (text: string) => display.say(text) } : {}),
    });
    if (!json) console.log(`console  ${running.controlUrl}\nserving  ${running.servingUrl}\n`);
    try {
      const outcome = await Promise.race([ended.promise.then(() => "ended" as const), stopped.then(() => "stopped" as const), failed]);
      if (outcome === "stopped") return 130;
      if (isSet(values, "exit")) return 0;
      if (!json) console.log(`The console stays open at ${running.controlUrl}; ^C stops.`);
      await Promise.race([stopped, failed]);
      return 0;
    } finally {
      display.end();
      await stop();
    }
  },
};
