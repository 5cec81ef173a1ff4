import type { Deployment, Registry } from "../registry/port.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { readRunning } from "../server/running.ts";
import { ServingClient } from "../workflows/serving-client.ts";
import { isSet, type Parsed } from "./arguments.ts";
import { chooseModel, chooseProject } from "./project-folder.ts";

/** Makes one change to a model's deployment and waits until a running serving process follows it. */
export async function changeDeployment(parsed: Parsed, change: (registry: Registry, model: string) => Promise<Deployment>): Promise<number> {
  const { project, dataFolder } = await chooseProject(parsed.values);
  const model = chooseModel(project, parsed.positionals[0]);
  const stores = await openStores(dataFolder, readConfiguration(process.env));
  try {
    const deployment = await change(stores.registry, model);
    const running = readRunning(dataFolder);
    if (running !== undefined) {
      const client = new ServingClient({ baseUrl: running.servingUrl, maxSockets: 1, patienceMs: 10_000 });
      await client.post("/v1/admin/refresh", {});
      client.close();
    }
    if (isSet(parsed.values, "json")) console.log(JSON.stringify(deployment));
    else console.log(`${model}: version ${deployment.champion} is champion (revision ${deployment.revision})${running === undefined ? "; nothing is serving now" : ", and serving follows it"}`);
    return 0;
  } finally {
    await stores.close();
  }
}
