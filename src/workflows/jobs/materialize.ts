import { createOnlineFeatures } from "../../features/online/online-features.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { materialize } from "../../features/online/materialize.ts";
import { viewsOf } from "../../project/definition.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import type { Job } from "./job.ts";
import { loadModel } from "./load-model.ts";
import { openOnlineStore, type OnlineStoreLocation } from "./online-store.ts";

export type MaterializeInput = {
  readonly projectFile: string;
  readonly model: string;
  readonly relations: Readonly<Record<string, string>>;
  /** The replay's span: what was known before its start is loaded, its questions are counted. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly onlineStore: OnlineStoreLocation;
  readonly threads: number;
  readonly tempFolder: string;
};

export type MaterializeOutput = { readonly rows: number; readonly questions: number };

/** Loads what the windows need to know of the past into the online store. */
export const materializeHistory: Job<MaterializeInput, MaterializeOutput> = async (input, progress) => {
  const model = await loadModel(input);
  const duck = await openDuckDb({ threads: input.threads, tempFolder: input.tempFolder });
  const store = await openOnlineStore(input.onlineStore);
  try {
    const views = viewsOf(model.service);
    const online = createOnlineFeatures({ store, views });
    const sources = [...new Map(views.map((view) => [view.source.name, view.source])).values()];
    let rows = 0;
    for (const [i, source] of sources.entries()) {
      const before = rows;
      // The sources to come are taken to be as large as this one, until they have said so themselves.
      const onProgress = (done: number, total: number): void => progress(before + done, before + total * (sources.length - i), "rows");
      const loaded = await materialize({ duck, online, relation: input.relations[source.name] ?? "", source, upToKnownUs: input.fromUs, onProgress });
      const [first] = loaded.rejected;
      // A window without a row it should hold is a wrong answer that looks right.
      if (first !== undefined) throw new KarkhanaError("INTERNAL", { problem: `the online store refused rows of source ${source.name}: ${first.message}` });
      rows += loaded.rows;
    }
    const [counted] = await duck.rows(
      `select count(*) as n from (${input.relations[model.spine.name] ?? ""}) where _event >= ${input.fromUs} and _event < ${input.toUs}`,
    );
    return { rows, questions: Number(counted?.["n"] ?? 0) };
  } finally {
    await store.close();
    await duck.close();
  }
};
