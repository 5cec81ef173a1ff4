import path from "node:path";
import { pushedTypes, readPushedManifest } from "../data/pushed-copy.ts";
import { relationOf } from "../data/relation.ts";
import type { SourceDefinition } from "../data/source.ts";
import { asStream, isVersioned } from "../data/versions.ts";
import { locatePushed, type PushedFolders } from "../features/offline/pushed-rows.ts";
import { placeOf } from "../features/online/push-log.ts";
import type { Clock } from "../kernel/clock.ts";
import { runJob } from "./jobs/run-job.ts";
import type { Places } from "./platform.ts";
import { repeatedly, type Repeated } from "./repeatedly.ts";

/** Where the logs of pushed rows lie in a data folder, and their offline copies. */
export function pushedFolders({ logFolder, offlineFolder }: Pick<Places, "logFolder" | "offlineFolder">): PushedFolders {
  return { logFolder: path.join(logFolder, "pushes"), copyFolder: path.join(offlineFolder, "pushed") };
}

export interface PushedSourcesContext {
  readonly places: Places;
  readonly machineClock: Clock;
  readonly memoryLimitMb: number;
}

/**
 * Copies what was pushed up to now to where offline queries read it, in a worker thread.
 * @returns the sources as readers know them: those that are pushed with the place of their copy, others as they are
 */
export async function upToNow(sources: readonly SourceDefinition[], context: PushedSourcesContext): Promise<SourceDefinition[]> {
  const { places } = context;
  const folders = pushedFolders(places);
  const names = sources.filter(({ format }) => format === "pushed").map(({ name }) => name);
  if (names.length > 0) await copySources(names, context);
  return sources.map((source) => locatePushed(source, folders));
}

/** Copies, and keeps the retention of every source named. */
async function copySources(names: readonly string[], { places, machineClock, memoryLimitMb }: PushedSourcesContext, signal?: AbortSignal): Promise<void> {
  const { projectFile, tempFolder } = places;
  const input = { ...pushedFolders(places), projectFile, sources: names, nowUs: machineClock.nowUs(), threads: 1, memoryLimitMb, tempFolder };
  await runJob("copyPushedSources", input, () => undefined, signal);
}

/** Relation of a pushed source up to now. Its copy's types are its schema's: no version need be registered to read it. */
export async function pushedRelation(source: SourceDefinition, context: PushedSourcesContext): Promise<string> {
  const [located] = await upToNow([source], context);
  return relationOf(located ?? source, { numQuarantined: 0, foundTypes: pushedTypes(source) }, context.places.projectFolder);
}

/** Every version of a pushed source whose rows are versions, as far as it was copied last; undefined of others. */
export function pushedStream(source: SourceDefinition, { places }: Pick<PushedSourcesContext, "places">): string | undefined {
  if (source.format !== "pushed" || !isVersioned(source)) return undefined;
  return relationOf(asStream(locatePushed(source, pushedFolders(places))), { numQuarantined: 0, foundTypes: pushedTypes(source) }, places.projectFolder);
}

const copyEveryMs = 300_000;

/** Copies every few minutes what was pushed, so that whoever asks waits for little, and keeps the retention of all sources. */
export function keepCopies(sources: readonly SourceDefinition[], context: PushedSourcesContext, onFailure: (error: unknown) => void): Repeated {
  const names = sources.filter(({ format, retention }) => format === "pushed" || retention !== undefined).map(({ name }) => name);
  if (names.length === 0) return { close: async () => {} };
  return repeatedly(copyEveryMs, (signal) => copySources(names, context, signal), onFailure);
}

/** Below it, a copied row's place was in the copy: what a later materialization need not look at again. */
export function copiedPlaces(located: SourceDefinition): number {
  return placeOf(readPushedManifest(located.path)?.nextOffset ?? 0);
}
