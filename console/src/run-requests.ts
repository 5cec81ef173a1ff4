import { queryOptions } from "@tanstack/react-query";
import type {
  ArtifactFolder,
  ArtifactPreview,
  DeletedRow,
  ExperimentRow,
  MetricSeries,
  Purged,
  RunCount,
  RunDetail,
  RunGroups,
  RunKeys,
  RunWindow,
  SavedView,
  WorkspaceRow,
} from "../../src/server/api-runs.ts";
import { get, queries, request } from "./requests.ts";
import { inWorkspace } from "./workspace-choice.ts";

const enc = encodeURIComponent;

/** Which runs a table is about, as the server is asked. */
export interface Selection {
  readonly experiments: readonly string[];
  readonly filter: string;
  readonly deleted: boolean;
}

export interface Columns {
  readonly metrics: readonly string[];
  readonly params: readonly string[];
  readonly tags: readonly string[];
}

function selectionQuery({ experiments, filter, deleted }: Selection): URLSearchParams {
  const query = new URLSearchParams(experiments.map((id) => ["experimentId", id]));
  if (filter !== "") query.set("filter", filter);
  if (deleted) query.set("view", "DELETED_ONLY");
  return query;
}

export interface WindowQuery {
  readonly selection: Selection;
  readonly orderBy: string | null;
  readonly order?: string;
  readonly from: number;
  readonly count: number;
  readonly columns: Columns;
  readonly find?: string | undefined;
}

export function runWindow({ selection, orderBy, order, from, count, columns, find }: WindowQuery, signal?: AbortSignal): Promise<RunWindow> {
  const query = selectionQuery(selection);
  if (orderBy !== null) query.set("orderBy", orderBy);
  if (order !== undefined) query.set("order", order);
  if (find !== undefined) query.set("find", find);
  query.set("from", String(from));
  query.set("count", String(count));
  for (const key of columns.metrics) query.append("metric", key);
  for (const key of columns.params) query.append("param", key);
  for (const key of columns.tags) query.append("tag", key);
  return request<RunWindow>(`/runs/table?${query}`, signal === undefined ? undefined : { signal });
}

export const askRuns = {
  workspaces: () => get<readonly WorkspaceRow[]>("runs", "/workspaces"),
  // Its files are counted for each answer: asked when the page is opened, not whenever a run changes.
  deleted: () =>
    queryOptions({ queryKey: ["deleted"], queryFn: ({ signal }) => request<readonly DeletedRow[]>("/deleted", { signal }), refetchOnMount: "always" }),
  experiments: () => get<readonly ExperimentRow[]>("runs", "/experiments"),
  count: (selection: Selection) => get<RunCount>("runs", `/runs/count?${selectionQuery(selection)}`),
  keys: (selection: Selection, text: string) => {
    const query = selectionQuery(selection);
    if (text !== "") query.set("text", text);
    return get<RunKeys>("runs", `/runs/keys?${query}`);
  },
  groups: (selection: Selection, by: string, metrics: readonly string[]) => {
    const query = selectionQuery(selection);
    query.set("by", by);
    for (const key of metrics.slice(0, 12)) query.append("metric", key);
    return get<RunGroups>("runs", `/runs/groups?${query}`);
  },
  views: () => get<readonly SavedView[]>("runs", "/views"),
  run: (id: string) => get<RunDetail>("runs", `/runs/${enc(id)}`),
  series: (id: string, key: string, axis: "step" | "time") => get<MetricSeries>("runs", `/runs/${enc(id)}/series?key=${enc(key)}&axis=${axis}`),
  folder: (id: string, path: string) => get<ArtifactFolder>("runs", `/runs/${enc(id)}/artifacts?path=${enc(path)}`),
  preview: (id: string, path: string) =>
    queryOptions({
      queryKey: ["runs", "preview", id, path],
      queryFn: ({ signal }) => request<ArtifactPreview>(`/runs/${enc(id)}/preview?path=${enc(path)}`, { signal }),
    }),
};

export function downloadAddress(id: string, path: string): string {
  return inWorkspace(`/api/v1/runs/${enc(id)}/download?path=${enc(path)}`);
}

export function imageAddress(id: string, path: string): string {
  return inWorkspace(`/api/v1/runs/${enc(id)}/image?path=${enc(path)}`);
}

export async function purge({ kind, experimentId }: DeletedRow): Promise<Purged> {
  const body = JSON.stringify({ kind, experimentId });
  const gone = await request<Purged>("/deleted/purge", { method: "POST", headers: { "content-type": "application/json" }, body });
  await queries.invalidateQueries({ queryKey: ["deleted"] });
  await queries.invalidateQueries({ queryKey: ["runs"] });
  return gone;
}

export async function saveView(name: string, query: string): Promise<void> {
  await request(`/views/${enc(name)}`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ query }) });
  await queries.invalidateQueries({ queryKey: ["runs", "/views"] });
}

export async function removeView(name: string): Promise<void> {
  await request(`/views/${enc(name)}`, { method: "DELETE" });
  await queries.invalidateQueries({ queryKey: ["runs", "/views"] });
}
