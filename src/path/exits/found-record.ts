import type { FoundRecord } from "./predicate.ts";
import type { PathRecords } from "./records.ts";

/** The record itself, as it was read: its hash goes on the chain beside its id. Undefined members are left out by the hash. */
export function recordOf(records: PathRecords, { kind, id }: FoundRecord): unknown {
  const plain = (value: unknown): unknown => (value === undefined ? null : JSON.parse(JSON.stringify(value)));
  const model = records.models.find((m) => m.model === id);
  switch (kind) {
    case "dataset":
      return plain(records.datasets.find(({ hash }) => hash === id));
    case "run":
      return plain(records.runs.find(({ runId }) => runId === id));
    case "training":
      return plain([...records.trainings, ...records.elsewhere].find(({ runId }) => runId === id));
    case "parity":
      return plain(records.parities.find(({ runId }) => runId === id));
    case "version":
      return plain(records.models.flatMap(({ versions }) => versions).find((v) => `${v.model} v${v.version}` === id));
    case "event":
      return plain(records.models.flatMap(({ events }) => events).find((e) => `${e.model}/${e.sequence}` === id));
    case "alert":
      return plain(records.models.flatMap(({ alerts }) => alerts).find((a) => a.id === id));
    case "windows":
      return plain(model?.windows);
    case "answers":
      return plain((model ?? records.models.find((m) => id.startsWith(`${m.model} v`)))?.answers);
    case "evidence":
      return plain(records.evidence.find(({ hash }) => hash === id));
    default:
      return kind satisfies never;
  }
}
