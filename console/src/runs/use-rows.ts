import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import type { RunRow } from "../../../src/server/api-runs.ts";
import { runWindow, type Columns, type Selection } from "../run-requests.ts";

const pageSize = 100;
const noColumns: Columns = { metrics: [], params: [], tags: [] };
/** Rows of runs still at work are asked for again this often while they are looked at. */
const refreshMs = 5000;

export interface Order {
  readonly order: string;
  readonly total: number;
  readonly length: number;
}

/** The order of a query, as the server keeps it. Asked once: rows then come from it, and nothing moves until it is asked again. */
export function useOrder(selection: Selection, orderBy: string | null) {
  return useQuery({
    queryKey: ["run-order", selection, orderBy],
    queryFn: ({ signal }) => runWindow({ selection, orderBy, from: 0, count: 0, columns: noColumns }, signal),
    placeholderData: keepPreviousData,
  });
}

/** The rows of an order that are in view, by pages of a hundred; undefined for what is still on its way. */
export function useRows(
  { selection, orderBy, order, columns }: { selection: Selection; orderBy: string | null; order: Order | undefined; columns: Columns },
  first: number,
  last: number,
  onForgotten: () => void,
): { rowAt: (index: number) => RunRow | undefined; error: unknown } {
  const pages: number[] = [];
  if (order !== undefined && order.length > 0) for (let p = Math.floor(first / pageSize); p <= Math.floor(last / pageSize); p++) pages.push(p);
  const results = useQueries({
    queries: pages.map((page) => ({
      queryKey: ["run-rows", order?.order, columns, page],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const asked = order?.order ?? "";
        const window = await runWindow({ selection, orderBy, order: asked, from: page * pageSize, count: pageSize, columns }, signal);
        // The server has forgotten the order (it was restarted, or many others were asked for): start over from a new one.
        if (window.order !== asked) onForgotten();
        return window.rows;
      },
      gcTime: 60_000,
      refetchInterval: (query: { state: { data?: readonly RunRow[] | undefined } }): number | false =>
        query.state.data?.some((r) => r.status === "RUNNING" || r.status === "SCHEDULED") === true ? refreshMs : false,
    })),
  });
  const byPage = new Map(pages.map((page, i) => [page, results[i]?.data]));
  return {
    rowAt: (index) => byPage.get(Math.floor(index / pageSize))?.[index % pageSize],
    error: results.find((r) => r.error !== null)?.error ?? null,
  };
}
