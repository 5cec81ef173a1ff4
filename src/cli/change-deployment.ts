import type { Deployment, Registry } from "../registry/port.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { readRunning } from "../server/running.ts";
import { ServingClient } from "../workflows/serving-client.ts";
import { isSet, type Parsed } from "./arguments.ts";
import { chooseModel, chooseProject, requireDataFolder } from "./project-folder.ts";

function besideIt({ challengers, shadows }: Deployment): string {
  const answer = challengers.map(({ version, share }) => `v${version} answers ${Number((share * 100).toFixed(2))} %`);
  return [...answer, ...shadows.map((version) => `v${version} is in shadow`)].map((part) => `, ${part}`).join("");
}

/** Makes one change to a model's deployment and waits until a running serving process follows it. */
export async function changeDeployment(parsed: Parsed, change: (registry: Registry, model: string) => Promise<Deployment>): Promise<number> {
  const { project, dataFolder } = await chooseProject(parsed.values);
  const model = chooseModel(project, parsed.positionals[0]);
  requireDataFolder(dataFolder);
  const stores = await openStores(dataFolder, readConfiguration(process.env));
  try {
    const deployment = await change(stores.registry, model);
    const running = readRunning(dataFolder);
    if (isSet(parsed.values, "json")) console.log(JSON.stringify(deployment));
    else
      console.log(
        `${model}: version ${deployment.champion} is champion${besideIt(deployment)} (revision ${deployment.revision})${running === undefined ? "; nothing is serving now" : ""}`,
      );
    if (running === undefined) return 0;
    const client = new ServingClient({ baseUrl: running.servingUrl, token: stores.internalToken, maxSockets: 1, patienceMs: 10_000 });
    try {
      await client.post("/v1/admin/refresh", {});
    } finally {
      client.close();
    }
    if (!isSet(parsed.values, "json")) console.log(`serving at ${running.servingUrl} follows it`);
    return 0;
  } finally {
    await stores.close();
  }
}
