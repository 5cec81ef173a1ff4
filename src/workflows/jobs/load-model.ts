import { KarkhanaError } from "../../kernel/error.ts";
import type { ModelDefinition } from "../../project/definition.ts";
import { loadProject } from "../../project/load.ts";

/** The definition a job works on: worker threads load the project again, since functions cannot be posted to them. @throws MODEL_NOT_IN_PROJECT */
export async function loadModel({ projectFile, model: name }: { readonly projectFile: string; readonly model: string }): Promise<ModelDefinition> {
  const { definition } = await loadProject(projectFile);
  const model = definition.models.find((m) => m.name === name);
  if (model === undefined) throw new KarkhanaError("MODEL_NOT_IN_PROJECT", { model: name, models: definition.models.map((m) => m.name).join(", ") });
  return model;
}
