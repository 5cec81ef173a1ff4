import { KarkhanaError } from "../kernel/error.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { adoptVersion } from "../workflows/adopt-model.ts";
import { isSet, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseModel, chooseProject, requireDataFolder } from "./project-folder.ts";

/** `karkhana adopt models:/name@alias [model]`: a version that MLflow's client registered becomes one the project can serve. */
export const adopt: Command = {
  name: "adopt",
  summary: "Make a version of the project's model from one MLflow's client registered (LightGBM, XGBoost, ONNX)",
  positionals: ["models:/name/version", "model"],
  flags: {
    ...projectFlags,
    waive: { type: "string", value: "reason", help: "Why its five proofs are not owed; kept in the registry. Without it `promote` asks for them" },
    json: { type: "boolean", help: "Print the version as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [reference, name] = positionals;
    if (reference === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "models:/name/version", problem: "is required", value: "nothing" });
    const { project, dataFolder } = await chooseProject(values);
    const chosen = chooseModel(project, name);
    requireDataFolder(dataFolder);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const model = project.definition.models.find((m) => m.name === chosen);
      if (model === undefined) return 1;
      const adopted = await adoptVersion({ ...stores, projectName: project.definition.name }, model, reference, optionalText(values, "waive"));
      if (isSet(values, "json")) console.log(JSON.stringify(adopted));
      else
        console.log(
          `v${adopted.version} of ${adopted.model} is ${adopted.source} (${adopted.format})\n\`karkhana promote ${adopted.model} --version ${adopted.version}\` makes it the champion once its proofs are there`,
        );
      return 0;
    } finally {
      await stores.close();
    }
  },
};
