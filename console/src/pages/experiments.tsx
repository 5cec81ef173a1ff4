import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState, type ReactNode } from "react";
import type { ExperimentRow } from "../../../src/server/api-runs.ts";
import { count, moment } from "../format.ts";
import { Empty, Page, Trouble } from "../parts/block.tsx";
import { askRuns } from "../run-requests.ts";
import { DeletedRecords } from "../runs/deleted.tsx";

const rowHeight = 34;
type Sort = "name" | "runs" | "latest" | "created";

const orders: Readonly<Record<Sort, (a: ExperimentRow, b: ExperimentRow) => number>> = {
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
  runs: (a, b) => b.runs - a.runs,
  latest: (a, b) => (b.latestUs ?? 0) - (a.latestUs ?? 0),
  created: (a, b) => b.createdUs - a.createdUs,
};

export function ExperimentsPage(): ReactNode {
  const experiments = useQuery({ ...askRuns.experiments(), refetchInterval: 10_000 });
  const [text, setText] = useState("");
  const [sort, setSort] = useState<Sort>("latest");
  const wanted = text.toLowerCase();
  const shown = (experiments.data ?? [])
    .filter((e) => `${e.name} ${Object.entries(e.tags).flat().join(" ")}`.toLowerCase().includes(wanted))
    .toSorted((a, b) => orders[sort](a, b) || Number(a.experimentId) - Number(b.experimentId));
  return (
    <Page title="Experiments" lede="Runs that belong together. Programs that log with MLflow appear here by themselves.">
      <Trouble error={experiments.error} />
      {experiments.data === undefined ? null : experiments.data.every((e) => e.runs === 0) && experiments.data.length < 2 ? (
        <Empty what="Nothing has been logged. Train here, or set MLFLOW_TRACKING_URI to this address." command="karkhana train" />
      ) : (
        <>
          <div className="controls">
            <label className="row">
              Find
              <input type="search" value={text} onChange={(e) => setText(e.target.value)} placeholder="part of a name or tag" />
            </label>
            <span className="tally" aria-live="polite">
              {shown.length === experiments.data.length ? count(shown.length) : `${count(shown.length)} of ${count(experiments.data.length)}`} experiments,{" "}
              {count(shown.reduce((sum, e) => sum + e.runs, 0))} runs
            </span>
          </div>
          <List experiments={shown} sort={sort} onSort={setSort} />
        </>
      )}
      <DeletedRecords />
    </Page>
  );
}

function List({ experiments, sort, onSort }: { experiments: readonly ExperimentRow[]; sort: Sort; onSort: (sort: Sort) => void }): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: experiments.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 10 });
  const items = rows.getVirtualItems();
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  const heading = (id: Sort, title: string, num: boolean): ReactNode => (
    <th className={num ? "num" : ""} aria-sort={sort !== id ? "none" : id === "name" ? "ascending" : "descending"}>
      <button type="button" className="plain sort" onClick={() => onSort(id)}>
        {title}
        <span aria-hidden="true">{sort === id ? (id === "name" ? " ↑" : " ↓") : ""}</span>
      </button>
    </th>
  );
  return (
    <div className="scroll runs-table experiments" ref={scroller} tabIndex={0} role="region" aria-label="Experiments">
      <table aria-rowcount={experiments.length + 1}>
        <thead>
          <tr>
            {heading("name", "Experiment", false)}
            {heading("runs", "Runs", true)}
            <th className="num">At work</th>
            <th className="num">Failed</th>
            {heading("latest", "Newest run (UTC)", true)}
            {heading("created", "Made (UTC)", true)}
            <th>Tags</th>
          </tr>
        </thead>
        <tbody>
          {items[0] === undefined || items[0].start === 0 ? null : (
            <tr aria-hidden="true" className="spacer">
              <td colSpan={7} style={{ height: items[0].start }} />
            </tr>
          )}
          {items.map((item) => {
            const e = experiments[item.index]!;
            return (
              <tr key={e.experimentId} className="run-row" aria-rowindex={item.index + 2}>
                <td title={e.name}>
                  <Link to="/runs" search={{ e: e.experimentId }}>
                    {e.name}
                  </Link>
                </td>
                <td className="num">{count(e.runs)}</td>
                <td className="num">{e.running === 0 ? <span className="quiet">–</span> : count(e.running)}</td>
                <td className="num">{e.failed === 0 ? <span className="quiet">–</span> : <span className="bad">{count(e.failed)}</span>}</td>
                <td className="num">{moment(e.latestUs)}</td>
                <td className="num">{e.createdUs === 0 ? "–" : moment(e.createdUs)}</td>
                <td className="quiet">
                  {Object.entries(e.tags)
                    .map(([k, v]) => `${k} ${v}`)
                    .join(", ")}
                </td>
              </tr>
            );
          })}
          {after <= 0 ? null : (
            <tr aria-hidden="true" className="spacer">
              <td colSpan={7} style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
