import { measureLogs } from "../feedback/retention.ts";
import { formatIso, MICROS_PER_DAY } from "../kernel/time.ts";
import { logRetentionOf } from "../project/log-retention.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { systemClock } from "../server/system.ts";
import { liveRetrainingText } from "../workflows/live-state.ts";
import { readRunning } from "../server/running.ts";
import { isSet } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject, requireDataFolder } from "./project-folder.ts";
import { sizeText } from "./purge.ts";
import { servingStats } from "./serving-processes.ts";

/** `karkhana status`: what runs, what is deployed, what was decided last. */
export const status: Command = {
  name: "status",
  summary: "What runs, what is deployed, which pipeline runs there were",
  flags: { ...projectFlags, json: { type: "boolean", help: "Print as JSON" } },
  run: async ({ values }) => {
    const { project, dataFolder } = await chooseProject(values);
    requireDataFolder(dataFolder);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const running = readRunning(dataFolder);
      const stats = running === undefined ? undefined : await servingStats(running.servingUrl, stores.internalToken);
      const processes = running === undefined ? undefined : (stats?.processes ?? []);
      const deployments = await stores.registry.listDeployments();
      const runs = await stores.pipelines.listRuns(10);
      const { keptUs, maxBytes } = logRetentionOf(project.definition);
      const { bytes, sinceUs } = await measureLogs(stores.folder.logFolder);
      const models = await Promise.all(
        project.definition.models.map(async (definition) => ({
          model: definition.name,
          versions: (await stores.registry.listVersions(definition.name)).map(({ version, state }) => ({ version, state })),
          retraining: await liveRetrainingText(stores, project.definition, definition, systemClock.nowUs()),
        })),
      );
      if (isSet(values, "json")) {
        console.log(
          JSON.stringify({
            project: project.definition.name,
            running: running ?? null,
            servingProcesses: processes ?? null,
            streams: stats?.streams ?? [],
            models,
            deployments,
            logs: { bytes, sinceUs: sinceUs ?? null, keptUs, maxBytes },
            runs: runs.map(({ steps: _steps, ...run }) => run),
          }),
        );
        return 0;
      }
      console.log(running === undefined ? "not running" : `running: console ${running.controlUrl}, serving ${running.servingUrl}`);
      for (const one of processes ?? [])
        console.log(`serving process ${one.process}: pid ${one.pid}, up ${Math.round(one.uptimeSeconds)} s, ${one.inFlight} requests under way`);
      const missing = (running?.servingProcesses ?? 1) - (processes?.length ?? 1);
      if (missing > 0) console.log(`${missing} of ${running?.servingProcesses} serving processes ${missing === 1 ? "does" : "do"} not answer`);
      for (const { source, topic, state, problem, lastError, missed, partitions } of stats?.streams ?? []) {
        const lags =
          partitions.length === 0 ? "nothing read yet" : `behind by ${partitions.map(({ partition, lag }) => `${lag} (partition ${partition})`).join(", ")}`;
        const gone = missed === 0 ? "" : `; ${missed} messages were deleted before they were read`;
        console.log(`${source} from topic ${topic}: ${state === "away" ? `away, tried again: ${problem ?? ""}. ${lastError?.remedy ?? ""}` : lags}${gone}`);
      }
      for (const { model, versions, retraining } of models) {
        const list = versions.length === 0 ? "no version yet" : versions.map(({ version, state }) => `v${version} ${state}`).join(", ");
        console.log(`${model}: ${list}${deployments.some((d) => d.model === model) ? "" : "; nothing is deployed"}`);
        if (deployments.some((d) => d.model === model)) console.log(`${model} retraining: ${retraining}`);
      }
      for (const d of deployments) {
        const rest = [
          ...d.challengers.map(({ version, share }) => `challenger v${version} answers ${Number((share * 100).toFixed(2))} %`),
          ...d.shadows.map((version) => `v${version} in shadow`),
          d.previous === undefined ? "" : `rollback goes to v${d.previous}`,
        ].filter((part) => part !== "");
        console.log(`${d.model}: champion v${d.champion}, ${[...rest, `since ${formatIso(d.changedUs)}: ${d.reason}`].join(", ")}`);
      }
      const sizes = Object.entries(bytes).map(([kind, size]) => `${kind} ${sizeText(size)}`);
      const reach = sinceUs === undefined ? "" : `, back to ${formatIso(sinceUs)}`;
      console.log(`logs: ${sizes.join(", ")}${reach}; kept ${Math.floor(keptUs / MICROS_PER_DAY)} days, in at most ${sizeText(maxBytes)}`);
      for (const run of runs)
        console.log(`${run.workflow} ${run.runId}: ${run.state}${run.error === undefined ? "" : ` (${run.error.code}: ${run.error.message})`}`);
      return 0;
    } finally {
      await stores.close();
    }
  },
};
