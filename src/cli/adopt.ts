import { KarkhanaError } from "../kernel/error.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { adoptVersion } from "../workflows/adopt-model.ts";
import { profileFromLog } from "../workflows/profile-from-log.ts";
import { isSet, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseModel, chooseProject, requireDataFolder } from "./project-folder.ts";

/** `karkhana adopt models:/name@alias [model]`, or a file or folder: what others made becomes a version the project can serve. */
export const adopt: Command = {
  name: "adopt",
  summary:
    "Make a version of the project's model from one MLflow's client registered, or from a file or folder: LightGBM, XGBoost, ONNX, another server's model, a graph",
  positionals: ["models:/name/version|path", "model"],
  required: 1,
  flags: {
    ...projectFlags,
    waive: { type: "string", value: "reason", help: "Why its five proofs are not owed; kept in the registry. Without it `promote` asks for them" },
    output: { type: "string", value: "name:column", help: "Which number of a model that answers tensors is the prediction; default worked out" },
    json: { type: "boolean", help: "Print the version as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [reference, name] = positionals;
    if (reference === undefined)
      throw new KarkhanaError("INVALID_CONFIG", { field: "models:/name/version or a path", problem: "is required", value: "nothing" });
    const { project, dataFolder } = await chooseProject(values);
    const chosen = chooseModel(project, name);
    requireDataFolder(dataFolder);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const model = project.definition.models.find((m) => m.name === chosen);
      if (model === undefined) return 1;
      const adopted = await adoptVersion({ ...stores, projectName: project.definition.name }, model, reference, {
        waive: optionalText(values, "waive"),
        output: readOutput(optionalText(values, "output")),
      });
      const { logFolder } = stores.folder;
      const profile = await profileFromLog({ ...stores, logFolder }, model, adopted.version);
      if (isSet(values, "json")) console.log(JSON.stringify({ ...adopted, profile }));
      else
        console.log(
          `v${adopted.version} of ${adopted.model} is ${adopted.source} (${adopted.format}): ${profile.summary}\n\`karkhana promote ${adopted.model} --version ${adopted.version}\` makes it the champion once its proofs are there`,
        );
      return 0;
    } finally {
      await stores.close();
    }
  },
};

/** "probabilities:1" @throws INVALID_CONFIG */
function readOutput(text: string | undefined): { readonly name: string; readonly column: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^(.{1,200}?)(?::(\d{1,6}))?$/.exec(text);
  if (match?.[1] === undefined)
    throw new KarkhanaError("INVALID_CONFIG", { field: "--output", problem: "expected name or name:column", value: text.slice(0, 100) });
  return { name: match[1], column: Number(match[2] ?? 0) };
}
