import { projectFlags, portFlags, type Command } from "./command.ts";
import { isSet } from "./arguments.ts";
import { chooseModel, chooseProject } from "./project-folder.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { openPlatform } from "../server/platform.ts";
import { lockDataFolder } from "../server/data-folder-lock.ts";
import { untilOrphansEnded } from "../server/role-lock.ts";
import { declareTrainingPhases, firstTraining } from "../workflows/loop.ts";
import { trainRunId } from "../workflows/identity.ts";
import { trainModelWorkflow } from "../workflows/train-model.ts";
import { LoopDisplay } from "./terminal.ts";

/** `karkhana train [model]`: data, training set, fit, evaluation and registration, without serving anything. */
export const train: Command = {
  name: "train",
  summary: "Check the data, train and register a version, without deploying it",
  positionals: ["model"],
  flags: {
    ...projectFlags,
    full: { type: "boolean", help: "Tell the project to use all rows" },
    json: { type: "boolean", help: "Print one JSON event a line" },
  },
  run: async ({ values, positionals }) => {
    const { project, dataFolder } = await chooseProject(values);
    const name = chooseModel(project, positionals[0]);
    const model = project.definition.models.find((m) => m.name === name);
    if (model === undefined) return 1;
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    const unlock = lockDataFolder(dataFolder);
    await untilOrphansEnded(dataFolder);
    const platform = await openPlatform(project, stores, `http://127.0.0.1:${portFlags["serving-port"]?.default ?? 0}`);
    const display = new LoopDisplay(process.stdout);
    declareTrainingPhases(platform);
    platform.board.subscribe((event) => (isSet(values, "json") ? console.log(JSON.stringify(event)) : display.show(event, platform.board.current())));
    try {
      const output = await platform.pipelines.start(
        trainModelWorkflow(platform),
        { ...firstTraining(model), baseline: false, reason: "trained from the command line" },
        await trainRunId(project, model),
      );
      display.end();
      console.log(
        isSet(values, "json") ? JSON.stringify({ event: "trained", ...output }) : `v${output.candidate.version} of ${name}: ${output.candidate.summary}`,
      );
      return output.candidate.passed ? 0 : 1;
    } finally {
      display.end();
      await platform.close();
      await stores.close();
      unlock();
    }
  },
};
