import { resolve } from "node:path";
import { readFeedback } from "../feedback/log.ts";
import type { PathDesk } from "../path/desk.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { openPathDesk } from "../server/path-desk.ts";
import type { Stores } from "../server/stores.ts";
import { systemClock } from "../server/system.ts";
import { optionalText, type FlagValues } from "./arguments.ts";
import { chooseProject, requireDataFolder } from "./project-folder.ts";

/**
 * The Path's desk over the project the flags name, for as long as `work` takes.
 * @param make true for what begins the Path, such as a plan: an empty data folder is made. Everything else only looks at one that is there.
 */
export async function withDesk<T>(values: FlagValues, make: boolean, work: (desk: PathDesk) => Promise<T>): Promise<T> {
  const { project, dataFolder } = await chooseProject(values);
  const rerun = optionalText(values, "rerun");
  return withStores(dataFolder, make, async (stores) => {
    const feedback = await readFeedback(stores.folder.logFolder);
    const open = (other?: Stores): PathDesk =>
      openPathDesk({
        rooms: { ...stores, feedback },
        project: project.definition,
        database: stores.database,
        clock: systemClock,
        ...(other === undefined ? {} : { elsewhere: other.pipelines }),
      });
    try {
      return rerun === undefined ? await work(open()) : await withStores(resolve(rerun), false, (other) => work(open(other)));
    } finally {
      await feedback.close();
    }
  });
}

async function withStores<T>(dataFolder: string, make: boolean, work: (stores: Stores) => Promise<T>): Promise<T> {
  if (!make) requireDataFolder(dataFolder);
  const stores = await openStores(dataFolder, readConfiguration(process.env));
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}
