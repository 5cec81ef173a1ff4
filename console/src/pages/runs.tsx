import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState, type ReactNode } from "react";
import type { ExperimentRow } from "../../../src/server/api-runs.ts";
import { count } from "../format.ts";
import { Empty, Page, Trouble } from "../parts/block.tsx";
import { Refusal } from "../requests.ts";
import { askRuns } from "../run-requests.ts";
import { and, selectionOf, type RunsAddress } from "../runs/address.ts";
import { usualColumns } from "../runs/cells.tsx";
import { ColumnChoice } from "../runs/column-choice.tsx";
import { Filter } from "../runs/filter.tsx";
import { GroupTable } from "../runs/groups.tsx";
import { maxCompared, RunTable } from "../runs/run-table.tsx";
import { Views } from "../runs/views.tsx";

export function RunsPage(): ReactNode {
  const experiments = useQuery(askRuns.experiments());
  const first = busiest(experiments.data ?? []);
  return (
    <Page title="Runs" lede="Every training, with what it was given and what came out.">
      <Trouble error={experiments.error} />
      {experiments.data === undefined ? null : first === undefined ? (
        <Empty what="Nothing has been trained." command="karkhana train" />
      ) : (
        <Runs experiments={experiments.data} first={first} />
      )}
    </Page>
  );
}

/** Where the newest run is. */
function busiest(experiments: readonly ExperimentRow[]): ExperimentRow | undefined {
  return experiments.toSorted((a, b) => (b.latestUs ?? 0) - (a.latestUs ?? 0) || b.createdUs - a.createdUs)[0];
}

function Runs({ experiments, first }: { experiments: readonly ExperimentRow[]; first: ExperimentRow }): ReactNode {
  const address: RunsAddress = useSearch({ from: "/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const onAddress = (next: RunsAddress): void => void navigate({ search: () => next });
  const selection = selectionOf(address, first.experimentId);
  const usual = useQuery(askRuns.keys({ ...selection, filter: "" }, ""));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [counted, setCounted] = useState<{ total: number | undefined; error: unknown }>({ total: undefined, error: null });
  const onCounted = useCallback((total: number | undefined, error: unknown) => setCounted({ total, error }), []);
  const columns = address.cols?.split(",").filter((c) => /^[mpt]\../.test(c)) ?? usualColumns(usual.data ?? { metrics: [], params: [] });
  const all = experiments.filter((e) => selection.experiments.includes(e.experimentId)).reduce((sum, e) => sum + e.runs, 0);
  const groupKeys = [
    ...(usual.data?.params ?? []).map((k) => `p.${k}`),
    ...(usual.data?.tags ?? []).filter((k) => !k.startsWith("mlflow.")).map((k) => `t.${k}`),
  ];
  return (
    <>
      <div className="controls">
        <label className="row">
          Experiment
          <select value={selection.experiments.join(",")} onChange={(e) => onAddress({ ...address, e: e.target.value })}>
            {selection.experiments.length > 1 ? <option value={selection.experiments.join(",")}>{selection.experiments.length} experiments</option> : null}
            {experiments.map((e) => (
              <option key={e.experimentId} value={e.experimentId}>
                {e.name}
              </option>
            ))}
          </select>
        </label>
        <Views address={address} onAddress={onAddress} />
      </div>
      <Filter filter={address.q ?? ""} onFilter={(q) => onAddress({ ...address, q: q === "" ? undefined : q })} error={counted.error} />
      <div className="controls">
        <label className="row">
          Group by
          <select value={address.group ?? ""} onChange={(e) => onAddress({ ...address, group: e.target.value === "" ? undefined : e.target.value })}>
            <option value="">nothing</option>
            <option value="a.status">state</option>
            <option value="a.user_id">user</option>
            {[...new Set([...groupKeys, ...(address.group?.match(/^[pt]\./) ? [address.group] : [])])].map((k) => (
              <option key={k} value={k}>
                {k.startsWith("p.") ? "param " : "tag "}
                {k.slice(2)}
              </option>
            ))}
          </select>
        </label>
        <ColumnChoice
          selection={selection}
          columns={columns}
          onColumns={(cols) => onAddress({ ...address, cols: cols === null ? undefined : cols.length === 0 ? "none" : cols.join(",") })}
        />
        <label className="row">
          <input type="checkbox" checked={selection.deleted} onChange={(e) => onAddress({ ...address, deleted: e.target.checked ? "1" : undefined })} />
          Deleted
        </label>
        <span className="tally" aria-live="polite">
          {counted.total === undefined
            ? ""
            : selection.filter === "" || selection.deleted
              ? `${count(counted.total)} ${counted.total === 1 ? "run" : "runs"}`
              : `${count(counted.total)} of ${count(all)} runs`}
        </span>
        {address.group === undefined || chosen.size > 0 ? <Chosen chosen={chosen} onChosen={setChosen} /> : null}
      </div>
      {counted.error instanceof Refusal && counted.error.code === "SEARCH_INVALID" ? null : <Trouble error={counted.error} />}
      {address.group === undefined ? (
        <RunTable
          selection={selection}
          sort={address.sort}
          columns={columns}
          chosen={chosen}
          onSort={(sort) => onAddress({ ...address, sort })}
          onChosen={setChosen}
          onCounted={onCounted}
        />
      ) : (
        <GroupTable
          selection={selection}
          by={address.group}
          columns={columns}
          onOpen={(condition) => onAddress({ ...address, group: undefined, q: and(selection.filter, condition) })}
        />
      )}
      {counted.total === 0 && selection.filter === "" && !selection.deleted ? <Empty what="This experiment has no runs." command="karkhana train" /> : null}
      {counted.total === 0 && selection.filter !== "" ? <p className="quiet">No run matches the filter.</p> : null}
    </>
  );
}

function Chosen({ chosen, onChosen }: { chosen: ReadonlySet<string>; onChosen: (chosen: ReadonlySet<string>) => void }): ReactNode {
  if (chosen.size === 0) return <span className="note">Tick runs to compare them.</span>;
  return (
    <span className="row">
      {chosen.size < 2 ? (
        <span className="note">1 run ticked, one more to compare</span>
      ) : (
        <Link className="button primary" to="/compare" search={{ runs: [...chosen].join(",") }}>
          Compare {chosen.size} runs
        </Link>
      )}
      <button type="button" onClick={() => onChosen(new Set())}>
        Untick
      </button>
      {chosen.size >= maxCompared ? <span className="note">{maxCompared} at most</span> : null}
    </span>
  );
}
