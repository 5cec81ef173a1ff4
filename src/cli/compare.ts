import { KarkhanaError } from "../kernel/error.ts";
import { formatIso } from "../kernel/time.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { compareChallengers } from "../workflows/compare-challengers.ts";
import type { LatencyFigures } from "../workflows/jobs/compare.ts";
import { isSet } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseModel, chooseProject, requireDataFolder } from "./project-folder.ts";

/** `karkhana compare [model]`: the champion against each challenger and shadow, by what the log holds. */
export const compareCommand: Command = {
  name: "compare",
  summary: "Compare the champion with each challenger and shadow on outcomes that have matured and in server time, and check the split",
  positionals: ["model"],
  flags: { ...projectFlags, json: { type: "boolean", help: "Print the comparisons as JSON" } },
  run: async ({ values, positionals }) => {
    const { project, dataFolder } = await chooseProject(values);
    const chosen = chooseModel(project, positionals[0]);
    requireDataFolder(dataFolder);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const model = project.definition.models.find(({ name }) => name === chosen)!;
      const deployment = await stores.registry.getDeployment(chosen);
      if (deployment === undefined) throw new KarkhanaError("NOTHING_DEPLOYED", { model: chosen });
      const found = await compareChallengers(stores.registry, stores.folder.logFolder, model, deployment);
      if (isSet(values, "json")) console.log(JSON.stringify({ model: chosen, champion: deployment.champion, comparisons: found }));
      else if (found.length === 0) console.log(`${chosen}: version ${deployment.champion} has no challenger and no shadow`);
      else
        for (const { version, role, share, sinceUs, summary, championLatency, candidateLatency } of found) {
          console.log(`v${version}, ${role}${share === undefined ? "" : ` of ${Number((share * 100).toFixed(2))} %`}, since ${formatIso(sinceUs)}: ${summary}`);
          console.log(`  server time: ${timesText(candidateLatency)} against the champion's ${timesText(championLatency)}`);
        }
      return 0;
    } finally {
      await stores.close();
    }
  },
};

function timesText({ count, p50Us, p95Us, p99Us }: LatencyFigures): string {
  const [p50, p95, p99] = [p50Us, p95Us, p99Us].map((us) => (us === null ? "–" : (us / 1000).toFixed(2)));
  return count === 0 ? "none" : `p50 ${p50}, p95 ${p95}, p99 ${p99} ms (${count} answers)`;
}
