import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type { RunRow } from "../../../src/server/api-runs.ts";
import { count, duration, moment } from "../format.ts";
import { Trouble } from "../parts/block.tsx";
import { State, toneOfRun } from "../parts/state.tsx";
import { askRuns, runWindow, type Selection } from "../run-requests.ts";
import { columnsOf, orderOf } from "./address.ts";
import { metricText } from "./cells.tsx";
import { useOrder, useRows } from "./use-rows.ts";

const rowHeight = 34;
const newRunsMs = 5000;
export const maxCompared = 20;

const ownColumns = [
  { id: "a.run_name", title: "Run", width: 260, num: false },
  { id: "a.status", title: "State", width: 110, num: false },
  { id: "a.start_time", title: "Started (UTC)", width: 150, num: true },
  { id: "", title: "Took", width: 100, num: true },
] as const;
const checkWidth = 36;
const keyWidth = 120;

export interface RunTableProps {
  readonly selection: Selection;
  readonly sort: string | undefined;
  readonly columns: readonly string[];
  readonly chosen: ReadonlySet<string>;
  readonly onSort: (sort: string | undefined) => void;
  readonly onChosen: (chosen: ReadonlySet<string>) => void;
  readonly onCounted: (total: number | undefined, error: unknown) => void;
}

/** A table of any number of runs: only the rows in view exist, and only they are asked for. */
export function RunTable({ selection, sort, columns, chosen, onSort, onChosen, onCounted }: RunTableProps): ReactNode {
  const orderBy = orderOf(sort);
  const client = useQueryClient();
  const ordered = useOrder(selection, orderBy);
  const order = ordered.data;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: order?.length ?? 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollMargin: 0,
  });
  const items = rows.getVirtualItems();
  const { rowAt, error } = useRows(
    { selection, orderBy, order, columns: columnsOf(columns) },
    items[0]?.index ?? 0,
    items.at(-1)?.index ?? 0,
    () => void client.invalidateQueries({ queryKey: ["run-order"] }),
  );
  const [active, setActive] = useState(-1);
  const navigate = useNavigate();
  const problem = ordered.error;
  const total = problem === null ? order?.total : undefined;
  useEffect(() => onCounted(total, problem), [total, problem, onCounted]);
  // Another question: from its top.
  const question = JSON.stringify([selection, orderBy]);
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
    setActive(-1);
  }, [question]);

  const toggle = (runId: string): void => {
    const next = new Set(chosen);
    if (!next.delete(runId) && next.size < maxCompared) next.add(runId);
    onChosen(next);
  };
  const move = (to: number): void => {
    const index = Math.max(0, Math.min((order?.length ?? 0) - 1, to));
    setActive(index);
    rows.scrollToIndex(index);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || order === undefined || order.length === 0) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / rowHeight) - 2);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: order.length - 1,
    };
    const row = active < 0 ? undefined : rowAt(active);
    if (steps[event.key] !== undefined) move(steps[event.key]!);
    else if (event.key === " " && row !== undefined) toggle(row.runId);
    else if (event.key === "Enter" && row !== undefined) void navigate({ to: "/runs/$runId", params: { runId: row.runId } });
    else return;
    event.preventDefault();
  };

  /** The new order, with the run that is at the top now still at the top. */
  const renew = async (): Promise<void> => {
    const top = rows.getVirtualItemForOffset(scroller.current?.scrollTop ?? 0);
    const held = top === undefined ? undefined : rowAt(top.index)?.runId;
    const past = (scroller.current?.scrollTop ?? 0) - (top?.start ?? 0);
    const atTop = (scroller.current?.scrollTop ?? 0) < rowHeight;
    const window = await runWindow({ selection, orderBy, from: 0, count: 0, columns: columnsOf([]), find: held });
    client.setQueryData(["run-order", selection, orderBy], window);
    if (!atTop && window.found !== null) requestAnimationFrame(() => scroller.current?.scrollTo({ top: window.found! * rowHeight + past }));
  };

  const width = checkWidth + ownColumns.reduce((sum, c) => sum + c.width, 0) + columns.length * keyWidth;
  const before = items[0]?.start ?? 0;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  if (problem !== null) return null;
  return (
    <>
      <NewRuns selection={selection} total={order?.total} onShow={() => void renew()} />
      <Trouble error={error} />
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the table is one stop of the keyboard; arrows walk its rows */}
      <div
        className="scroll runs-table"
        ref={scroller}
        tabIndex={0}
        role="grid"
        aria-label="Runs"
        aria-rowcount={(order?.length ?? 0) + 1}
        aria-colcount={1 + ownColumns.length + columns.length}
        aria-activedescendant={active < 0 ? undefined : `run-row-${active}`}
        onKeyDown={press}
      >
        <table role="presentation" style={{ width: `max(100%, ${width}px)` }}>
          <colgroup>
            <col style={{ width: checkWidth }} />
            {ownColumns.map((c) => (
              <col key={c.title} style={{ width: c.width }} />
            ))}
            {columns.map((c) => (
              <col key={c} style={{ width: keyWidth }} />
            ))}
          </colgroup>
          <thead role="rowgroup">
            <tr role="row" aria-rowindex={1}>
              <th role="columnheader" aria-label="Chosen to compare" />
              {ownColumns.map((c) => (
                <Heading key={c.title} column={c.id} title={c.title} num={c.num} sort={sort} onSort={onSort} />
              ))}
              {columns.map((c) => (
                <Heading key={c} column={c} title={c.slice(2)} num={c.startsWith("m.")} sort={sort} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            <Spacer height={before} columns={columns.length + 5} />
            {items.map((item) => (
              <Row
                key={item.index}
                index={item.index}
                run={rowAt(item.index)}
                columns={columns}
                isActive={item.index === active}
                isChosen={chosen.has(rowAt(item.index)?.runId ?? "")}
                isFull={chosen.size >= maxCompared}
                onToggle={toggle}
              />
            ))}
            <Spacer height={after} columns={columns.length + 5} />
          </tbody>
        </table>
      </div>
      {order !== undefined && order.total > order.length ? (
        <p className="note">The first {count(order.length)} in this order. Filter to reach the others.</p>
      ) : null}
    </>
  );
}

/** Says when other runs match than the table was ordered with, and leaves the table alone until it is told to move. */
function NewRuns({ selection, total, onShow }: { selection: Selection; total: number | undefined; onShow: () => void }): ReactNode {
  const now = useQuery({ ...askRuns.count(selection), refetchInterval: newRunsMs, enabled: total !== undefined });
  if (total === undefined || now.data === undefined || now.isPlaceholderData || now.data.total === total) return null;
  const more = now.data.total - total;
  return (
    <p className="new-runs" role="status">
      {more > 0
        ? `${count(more)} more ${more === 1 ? "run matches" : "runs match"} now.`
        : `${count(-more)} fewer ${more === -1 ? "run matches" : "runs match"} now.`}{" "}
      <button type="button" onClick={onShow}>
        Show
      </button>
    </p>
  );
}

function Heading({
  column,
  title,
  num,
  sort,
  onSort,
}: {
  column: string;
  title: string;
  num: boolean;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
}): ReactNode {
  const state = sort === column ? "ascending" : sort === `-${column}` ? "descending" : undefined;
  const className = num ? "num" : "";
  if (column === "")
    return (
      <th role="columnheader" className={className}>
        {title}
      </th>
    );
  // Figures from the top down first, words from A.
  const [first, second] = num ? [`-${column}`, column] : [column, `-${column}`];
  const next = sort === first ? second : sort === second ? undefined : first;
  return (
    <th role="columnheader" className={className} aria-sort={state ?? "none"} title={title}>
      <button type="button" className="plain sort" onClick={() => onSort(next)}>
        {title}
        <span aria-hidden="true">{state === "ascending" ? " ↑" : state === "descending" ? " ↓" : ""}</span>
      </button>
    </th>
  );
}

function Row({
  index,
  run,
  columns,
  isActive,
  isChosen,
  isFull,
  onToggle,
}: {
  index: number;
  run: RunRow | undefined;
  columns: readonly string[];
  isActive: boolean;
  isChosen: boolean;
  isFull: boolean;
  onToggle: (runId: string) => void;
}): ReactNode {
  const frame = { id: `run-row-${index}`, role: "row", "aria-rowindex": index + 2, className: isActive ? "run-row is-active" : "run-row" };
  if (run === undefined)
    return (
      <tr {...frame} aria-busy="true">
        <td role="gridcell" colSpan={columns.length + 5} className="quiet">
          …
        </td>
      </tr>
    );
  return (
    <tr {...frame} aria-selected={isChosen}>
      <td role="gridcell">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={isChosen}
          disabled={isFull && !isChosen}
          onChange={() => onToggle(run.runId)}
          aria-label={`Compare ${run.name}`}
        />
      </td>
      <td role="gridcell" title={run.name}>
        <Link to="/runs/$runId" params={{ runId: run.runId }} tabIndex={-1}>
          {run.name}
        </Link>
      </td>
      <td role="gridcell">
        <State tone={toneOfRun(run.status)}>{run.status.toLowerCase()}</State>
      </td>
      <td role="gridcell" className="num">
        {moment(run.startUs)}
      </td>
      <td role="gridcell" className="num">
        {run.endUs === null ? "–" : duration((run.endUs - run.startUs) / 1e6)}
      </td>
      {columns.map((c) => (
        <Cell key={c} run={run} column={c} />
      ))}
    </tr>
  );
}

function Cell({ run, column }: { run: RunRow; column: string }): ReactNode {
  const key = column.slice(2);
  if (column.startsWith("m."))
    return (
      <td role="gridcell" className="num">
        {metricText(run.metrics[key])}
      </td>
    );
  const value = column.startsWith("p.") ? run.params[key] : run.tags[key];
  return (
    <td role="gridcell" title={value}>
      {value ?? <span className="quiet">–</span>}
    </td>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }): ReactNode {
  return height <= 0 ? null : (
    <tr aria-hidden="true" className="spacer">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}
