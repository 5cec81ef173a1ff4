import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { RunSummary } from "../../../src/server/api.ts";
import { count, duration, figure, moment } from "../format.ts";
import { Block, Empty, Page, Trouble } from "../parts/block.tsx";
import { State, toneOfRun } from "../parts/state.tsx";
import { ask, runPage } from "../requests.ts";

export function RunsPage(): ReactNode {
  const experiments = useQuery(ask.experiments());
  const [chosen, setChosen] = useState<string | null>(null);
  const experimentId = chosen ?? experiments.data?.[0]?.experimentId;
  return (
    <Page title="Runs" lede="Every training, with what it was given and what came out.">
      <Trouble error={experiments.error} />
      {experiments.data === undefined ? null : experimentId === undefined ? (
        <Empty what="Nothing has been trained." command="karkhana train" />
      ) : (
        <>
          {experiments.data.length > 1 ? (
            <p className="row" style={{ marginBottom: 16 }}>
              <label className="row">
                Experiment
                <select value={experimentId} onChange={(e) => setChosen(e.target.value)}>
                  {experiments.data.map((e) => (
                    <option key={e.experimentId} value={e.experimentId}>
                      {e.name}
                    </option>
                  ))}
                </select>
              </label>
            </p>
          ) : null}
          <RunList key={experimentId} experimentId={experimentId} name={experiments.data.find((e) => e.experimentId === experimentId)?.name ?? ""} />
        </>
      )}
    </Page>
  );
}

const rowHeight = 34;
const preferred = ["auc", "logLoss", "log_loss", "brier", "ece"];

function RunList({ experimentId, name }: { experimentId: string; name: string }): ReactNode {
  const pages = useInfiniteQuery({
    queryKey: ["runs", "list", experimentId],
    queryFn: ({ pageParam }) => runPage(experimentId, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextToken ?? undefined,
  });
  const runs = pages.data?.pages.flatMap((p) => p.runs) ?? [];
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: runs.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = rows.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lastShown > runs.length - 60) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, lastShown, runs.length]);
  const metrics = metricColumns(runs);
  if (pages.data !== undefined && runs.length === 0) return <Empty what="This experiment has no runs." command="karkhana train" />;
  const before = items[0]?.start ?? 0;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <Block title={name} note={`${count(runs.length)}${hasNextPage ? " and more" : ""} runs, newest first`}>
      <Trouble error={pages.error} />
      <div className="scroll" ref={scroller} style={{ maxHeight: "70vh", overflowY: "auto" }} tabIndex={0} role="region" aria-label={`Runs of ${name}`}>
        <table aria-rowcount={runs.length + 1}>
          <thead>
            <tr>
              <th>Run</th>
              <th>State</th>
              <th className="num">Started (UTC)</th>
              <th className="num">Took</th>
              {metrics.map((m) => (
                <th key={m} className="num">
                  {m}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Spacer height={before} />
            {items.map((item) => {
              const run = runs[item.index]!;
              return (
                <tr key={run.runId} aria-rowindex={item.index + 2} style={{ height: rowHeight }}>
                  <td>
                    <Link to="/runs/$runId" params={{ runId: run.runId }}>
                      {run.name}
                    </Link>
                  </td>
                  <td>
                    <State tone={toneOfRun(run.status)}>{run.status.toLowerCase()}</State>
                  </td>
                  <td className="num">{moment(run.startUs)}</td>
                  <td className="num">{run.endUs === null ? "–" : duration((run.endUs - run.startUs) / 1e6)}</td>
                  {metrics.map((m) => (
                    <td key={m} className="num">
                      {metricText(run.metrics[m])}
                    </td>
                  ))}
                </tr>
              );
            })}
            <Spacer height={after} />
          </tbody>
        </table>
      </div>
    </Block>
  );
}

function Spacer({ height }: { height: number }): ReactNode {
  return height <= 0 ? null : (
    <tr aria-hidden="true">
      <td colSpan={99} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

/** Losses and areas with the same number of digits, so that a column can be read down. */
function metricText(value: number | undefined): string {
  return value !== undefined && Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(4) : figure(value);
}

/** The best known metrics first, at most five. */
function metricColumns(runs: readonly RunSummary[]): string[] {
  const present = new Set(runs.slice(0, 200).flatMap((r) => Object.keys(r.metrics)));
  const rank = (m: string): number => {
    const i = preferred.findIndex((p) => m.toLowerCase().endsWith(p.toLowerCase()));
    return i === -1 ? preferred.length : i;
  };
  return [...present].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)).slice(0, 5);
}
