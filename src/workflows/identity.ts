import { sourcePath } from "../data/relation.ts";
import { sha256OfFile } from "../data/source-file.ts";
import { definitionHash } from "../kernel/hashing.ts";
import { sourcesOf, type ModelDefinition } from "../project/definition.ts";
import type { LoadedProject } from "../project/load.ts";

/*
 * Identity of the runs a person starts: what the model is and what lies in its files. The same again is the same run, finished or not;
 * anything else is another one. A file is told by its bytes, so a replaced file is noticed and a copied project is not.
 */

export async function trainRunId(project: LoadedProject, model: ModelDefinition): Promise<string> {
  return `train-${await identityOf(project, { model: model.hash })}`;
}

export async function loopRunId(project: LoadedProject, model: ModelDefinition): Promise<string> {
  return `loop-${await identityOf(project, { model: model.hash, replay: project.definition.replay as never })}`;
}

/** @throws SOURCE_UNREADABLE */
async function identityOf({ definition, folder }: LoadedProject, declared: Readonly<Record<string, string>>): Promise<string> {
  const files = [...new Set(sourcesOf(definition).map((source) => sourcePath(source, folder)))];
  const content: string[] = [];
  for (const file of files) content.push(await sha256OfFile(file));
  return definitionHash({ ...declared, content }).slice(0, 16);
}
