import { KarkhanaError } from "../kernel/error.ts";
import { isSet, text, type FlagValues } from "./arguments.ts";
import { portFlags, projectFlags, servingProcessesFlag, type Command } from "./command.ts";
import { chooseProject } from "./project-folder.ts";
import { startProcesses, untilSignal } from "./start-processes.ts";

/** `karkhana up`: console, API and serving on a project, until it is stopped. */
export const up: Command = {
  name: "up",
  summary: "Start console, API and serving for a project",
  flags: {
    ...projectFlags,
    ...portFlags,
    ...servingProcessesFlag,
    host: { type: "string", value: "address", help: "Address to listen on; any but loopback needs users (`karkhana auth`)", default: "127.0.0.1" },
    role: { type: "string", value: "all|serving", help: "serving: only the process that answers, as one of several replicas", default: "all" },
    full: { type: "boolean", help: "Tell the project to use all rows" },
    json: { type: "boolean", help: "Print one JSON event a line" },
  },
  run: async ({ values }) => {
    const stopped = untilSignal();
    const { running, failed, stop } = await startProcesses(await chooseProject(values), values, { loop: false, roles: rolesOf(values) });
    if (isSet(values, "json")) console.log(JSON.stringify({ event: "ready", ...running }));
    else
      console.log(
        `${running.controlUrl === "" ? "" : `console  ${running.controlUrl}\n`}serving  ${running.servingUrl}\ngRPC     ${running.grpcAddress ?? "-"}\n^C stops all.`,
      );
    try {
      await Promise.race([stopped, failed]);
    } finally {
      await stop();
    }
    return 0;
  },
};

/** @throws INVALID_CONFIG */
function rolesOf(values: FlagValues): "all" | "serving" {
  const role = text(values, "role");
  if (role === "all" || role === "serving") return role;
  throw new KarkhanaError("INVALID_CONFIG", { field: "--role", problem: "must be all or serving", value: role });
}
