import { useQueries } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { RunDetail } from "../../../src/server/api-runs.ts";
import { Plot } from "../charts/plot.tsx";
import { extent, niceDomain } from "../charts/scale.ts";
import { count, figure } from "../format.ts";
import { Block, Page, Trouble } from "../parts/block.tsx";
import { askRuns } from "../run-requests.ts";
import { axesOf, differences, usualAxes, type Difference } from "../runs/comparison.ts";
import { Curves } from "../runs/curves.tsx";
import { Parallel, valueText, type Axis, type ComparedRun } from "../runs/parallel.tsx";
import { maxCompared } from "../runs/run-table.tsx";
import { colourClass, dashOf } from "../runs/series-chart.tsx";

/** What the address says, so that a comparison can be sent to someone. */
export interface CompareAddress {
  readonly runs?: string | undefined;
  /** "1": lines on which all agree too. */
  readonly all?: string | undefined;
  readonly axes?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
}

export function ComparePage(): ReactNode {
  const address: CompareAddress = useSearch({ from: "/compare" });
  const navigate = useNavigate({ from: "/compare" });
  const onAddress = (next: CompareAddress): void => void navigate({ search: () => next, replace: true });
  const ids = [...new Set((address.runs ?? "").split(",").filter((id) => id !== ""))].slice(0, maxCompared);
  const results = useQueries({ queries: ids.map((id) => askRuns.run(id)) });
  const runs = results.flatMap((r, i) => (r.data?.runId === ids[i] && r.data !== undefined ? [r.data] : []));
  return (
    <Page title="Compare runs" trail={<Link to="/runs">Runs</Link>} lede={ids.length < 2 ? "Tick two runs or more in the table of runs." : undefined}>
      {results.map((r, i) => (
        <Trouble key={ids[i]} error={r.error} />
      ))}
      {runs.length < 1 || results.some((r) => r.isPending) ? null : <Compared runs={runs} address={address} onAddress={onAddress} />}
    </Page>
  );
}

function Compared({ runs, address, onAddress }: { runs: readonly RunDetail[]; address: CompareAddress; onAddress: (next: CompareAddress) => void }): ReactNode {
  const [highlighted, setHighlighted] = useState<string | null>(null);
  const compared = runs.map(({ runId, name }, colour): ComparedRun => ({ runId, name, colour }));
  const axes = axesOf(runs);
  const keys = [...new Set(runs.flatMap((r) => r.metrics.filter((m) => m.points > 1).map((m) => m.key)))].sort();
  return (
    <>
      <ul className="compared">
        {compared.map((run) => (
          <li key={run.runId}>
            <button
              type="button"
              className="plain"
              aria-pressed={highlighted === run.runId}
              onClick={() => setHighlighted(highlighted === run.runId ? null : run.runId)}
              title="Bring out in the pictures"
            >
              <svg viewBox="0 0 20 10" aria-hidden="true">
                <path className={`line ${colourClass(run.colour)}`} strokeDasharray={dashOf(run.colour)} d="M0 5H20" />
              </svg>
              {run.name}
            </button>
            <button
              type="button"
              className="plain quiet"
              aria-label={`Leave ${run.name} out`}
              onClick={() =>
                onAddress({
                  ...address,
                  runs: compared
                    .filter((r) => r !== run)
                    .map((r) => r.runId)
                    .join(","),
                })
              }
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <DifferenceTable
        runs={compared}
        lines={differences(runs)}
        all={address.all === "1"}
        onAll={(all) => onAddress({ ...address, all: all ? "1" : undefined })}
      />
      {axes.length < 2 || runs.length < 2 ? null : (
        <>
          <Coordinates runs={compared} axes={axes} address={address} onAddress={onAddress} highlighted={highlighted} />
          <Scatter runs={compared} axes={axes} address={address} onAddress={onAddress} highlighted={highlighted} />
        </>
      )}
      <Curves title="Curves" runs={compared} keys={keys} />
    </>
  );
}

function DifferenceTable({
  runs,
  lines,
  all,
  onAll,
}: {
  runs: readonly ComparedRun[];
  lines: readonly Difference[];
  all: boolean;
  onAll: (all: boolean) => void;
}): ReactNode {
  const differing = lines.filter((l) => l.differs);
  const shown = all ? lines : differing;
  const sections = Map.groupBy(shown.slice(0, 2000), (l) => l.section);
  return (
    <Block
      title="Differences"
      note={`${count(differing.length)} of ${count(lines.length)} lines differ${shown.length > 2000 ? "; the first 2,000 are shown" : ""}.`}
      aside={
        <label className="row">
          <input type="checkbox" checked={all} onChange={(e) => onAll(e.target.checked)} />
          Also what is the same
        </label>
      }
    >
      <div className="scroll run-differences" tabIndex={0} role="region" aria-label="Differences between the runs">
        <table>
          <thead>
            <tr>
              <th />
              {runs.map((r) => (
                <th key={r.runId} className="num">
                  <Link to="/runs/$runId" params={{ runId: r.runId }}>
                    {r.name}
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          {[...sections].map(([section, own]) => (
            <tbody key={section}>
              <tr>
                <th colSpan={runs.length + 1} scope="rowgroup" className="section">
                  {section}
                </th>
              </tr>
              {own.map((l) => (
                <tr key={l.id} className={l.differs ? "differs" : ""}>
                  <th scope="row">{l.name}</th>
                  {l.values.map((v, i) => (
                    <td key={runs[i]!.runId} className="num" title={v ?? undefined}>
                      {v === null ? <span className="quiet">–</span> : v.length > 60 ? `${v.slice(0, 59)}…` : v}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
    </Block>
  );
}

interface PictureProps {
  readonly runs: readonly ComparedRun[];
  readonly axes: readonly Axis[];
  readonly address: CompareAddress;
  readonly onAddress: (next: CompareAddress) => void;
  readonly highlighted: string | null;
}

function Coordinates({ runs, axes, address, onAddress, highlighted }: PictureProps): ReactNode {
  const wanted = address.axes?.split(",");
  const shown = wanted === undefined ? usualAxes(axes) : axes.filter((a) => wanted.includes(a.id));
  const toggle = (id: string): void => {
    const now = shown.map((a) => a.id);
    onAddress({ ...address, axes: (now.includes(id) ? now.filter((other) => other !== id) : [...now, id]).join(",") });
  };
  return (
    <Block
      title="Parallel coordinates"
      note="A line a run; a value that is missing is passed by."
      aside={
        <details className="key-choice at-right">
          <summary>Axes</summary>
          <div className="sheet" role="group" aria-label="Axes">
            <fieldset>
              {axes.slice(0, 300).map((a) => (
                <label key={a.id}>
                  <input type="checkbox" checked={shown.includes(a)} disabled={!shown.includes(a) && shown.length >= 12} onChange={() => toggle(a.id)} />
                  <span>{a.name}</span>
                </label>
              ))}
            </fieldset>
          </div>
        </details>
      }
    >
      {shown.length === 0 ? (
        <p className="quiet">The runs agree on every param and metric. Choose axes to see them.</p>
      ) : (
        <Parallel runs={runs} axes={shown} highlighted={highlighted} />
      )}
    </Block>
  );
}

function Scatter({ runs, axes, address, onAddress, highlighted }: PictureProps): ReactNode {
  const numeric = axes.filter((a) => a.values.some((v) => typeof v === "number") && a.values.every((v) => v === null || typeof v === "number"));
  const usual = usualAxes(numeric);
  const x = numeric.find((a) => a.id === address.x) ?? usual[0] ?? numeric[0];
  const y = numeric.find((a) => a.id === address.y) ?? usual.findLast((a) => a !== x) ?? numeric.findLast((a) => a !== x);
  if (x === undefined || y === undefined) return null;
  const points = runs.flatMap((run, i) => {
    const [px, py] = [x.values[i], y.values[i]];
    return typeof px === "number" && typeof py === "number" ? [{ run, px, py }] : [];
  });
  const domain = (values: readonly number[]): [number, number] => niceDomain(...(extent(values) ?? [0, 1]));
  const choice = (name: "x" | "y", axis: Axis): ReactNode => (
    <label className="row">
      {name === "x" ? "Across" : "Up"}
      <select value={axis.id} onChange={(e) => onAddress({ ...address, [name]: e.target.value })}>
        {numeric.map((a) => (
          <option key={a.id} value={a.id}>
            {a.name}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Block title="Scatter" note={points.length < runs.length ? `${count(runs.length - points.length)} runs lack one of the two` : undefined}>
      <div className="controls">
        {choice("x", x)}
        {choice("y", y)}
      </div>
      <Plot
        label={`${y.name} by ${x.name}, ${points.length} runs`}
        height={300}
        x={domain(points.map((p) => p.px))}
        y={domain(points.map((p) => p.py))}
        xTitle={x.name}
        stops={[...new Set(points.map((p) => p.px))].sort((a, b) => a - b)}
        legend={<span className="note">Point, or use the arrow keys, to read a run.</span>}
        readout={(at) => (
          <>
            <span>
              {x.name} <b>{figure(at)}</b>
            </span>
            {points
              .filter((p) => p.px === at)
              .map((p) => (
                <span key={p.run.runId}>
                  {p.run.name}: {y.name} <b>{valueText(p.py)}</b>
                </span>
              ))}
          </>
        )}
      >
        {(a) =>
          points.map(({ run, px, py }) => (
            <circle
              key={run.runId}
              className={`point ${colourClass(run.colour)} ${highlighted !== null && highlighted !== run.runId ? "is-faint" : ""}`}
              cx={a.x(px)}
              cy={a.y(py)}
              r={highlighted === run.runId ? 7 : 5}
            >
              <title>{`${run.name}: ${x.name} ${figure(px)}, ${y.name} ${figure(py)}`}</title>
            </circle>
          ))
        }
      </Plot>
    </Block>
  );
}
