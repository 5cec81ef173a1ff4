import { useQueries } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { WhenVisible } from "../charts/visible.tsx";
import { count } from "../format.ts";
import { Block, Trouble } from "../parts/block.tsx";
import { askRuns } from "../run-requests.ts";
import { chartsOf } from "./charts-of.ts";
import { SeriesChart, thinningNote, type SeriesLine, type XAxis } from "./series-chart.tsx";

export interface CurveRun {
  readonly runId: string;
  readonly name: string;
  readonly colour: number;
}

const chartHeight = 270;
const refreshMs = 5000;
const chartsAtFirst = 60;

/** Charts of metrics that were logged more than once. Only those near the window ask for their points. */
export function Curves({
  title,
  runs,
  keys,
  live = false,
}: {
  title: string;
  runs: readonly CurveRun[];
  keys: readonly string[];
  /** A run is still at work: its curves grow while they are looked at. */
  live?: boolean;
}): ReactNode {
  const [axis, setAxis] = useState<XAxis>("step");
  const [smoothing, setSmoothing] = useState(0);
  const [text, setText] = useState("");
  const [shown, setShown] = useState(chartsAtFirst);
  // Of several runs each is a line, so each metric has a chart of its own.
  const charts = (runs.length === 1 ? chartsOf(keys) : keys.map((key) => ({ name: key, keys: [key] }))).filter((c) =>
    c.keys.some((k) => k.toLowerCase().includes(text.toLowerCase())),
  );
  if (keys.length === 0) return null;
  return (
    <Block
      title={title}
      note={smoothing === 0 ? undefined : `Smoothed: moving average of weight ${smoothing.toFixed(2)}; the values as logged are drawn lightly.`}
    >
      <div className="controls">
        <div className="segmented" role="group" aria-label="Horizontal axis">
          {(["step", "time", "elapsed"] as const).map((a) => (
            <button key={a} type="button" aria-pressed={axis === a} onClick={() => setAxis(a)}>
              {a === "step" ? "Step" : a === "time" ? "Time" : "Elapsed"}
            </button>
          ))}
        </div>
        <label className="row">
          Smoothing
          <input
            type="range"
            min={0}
            max={0.95}
            step={0.05}
            value={smoothing}
            onChange={(e) => setSmoothing(Number(e.target.value))}
            aria-valuetext={smoothing === 0 ? "off" : smoothing.toFixed(2)}
          />
          <span className="note">{smoothing === 0 ? "off" : smoothing.toFixed(2)}</span>
        </label>
        {keys.length > 6 ? (
          <label className="row">
            Find
            <input type="search" value={text} onChange={(e) => setText(e.target.value)} placeholder="part of a metric's name" />
          </label>
        ) : null}
      </div>
      <div className="columns loose">
        {charts.slice(0, shown).map((chart) => (
          <figure key={chart.name}>
            <h3 title={chart.keys.join(", ")}>{chart.name}</h3>
            <WhenVisible height={chartHeight}>
              {() => <Chart title={chart.name} runs={runs} keys={chart.keys} axis={axis} smoothing={smoothing} live={live} />}
            </WhenVisible>
          </figure>
        ))}
      </div>
      {charts.length > shown ? (
        <button type="button" onClick={() => setShown(shown + 200)}>
          More of {count(charts.length)} charts
        </button>
      ) : null}
    </Block>
  );
}

function Chart({
  title,
  runs,
  keys,
  axis,
  smoothing,
  live,
}: {
  title: string;
  runs: readonly CurveRun[];
  keys: readonly string[];
  axis: XAxis;
  smoothing: number;
  live: boolean;
}): ReactNode {
  const wanted = runs.flatMap((run) => keys.map((key) => ({ run, key })));
  const results = useQueries({
    queries: wanted.map(({ run, key }) => ({
      ...askRuns.series(run.runId, key, axis === "step" ? "step" : "time"),
      refetchInterval: live ? refreshMs : (false as const),
    })),
  });
  const lines = wanted.flatMap(({ run, key }, i): SeriesLine[] => {
    const series = results[i]?.data;
    if (series === undefined || series.total === 0) return [];
    return [{ id: `${run.runId} ${key}`, name: runs.length === 1 ? key : run.name, colour: runs.length === 1 ? keys.indexOf(key) : run.colour, series }];
  });
  const error = results.find((r) => r.error !== null)?.error;
  if (error !== undefined) return <Trouble error={error} />;
  if (lines.length === 0) return <p className="quiet">{results.every((r) => r.data !== undefined) ? "No points." : ""}</p>;
  const note = thinningNote(lines.map((l) => l.series));
  return (
    <>
      <SeriesChart title={title} lines={lines} axis={axis} smoothing={smoothing} />
      <p className="note">{note ?? `All ${count(lines.reduce((sum, l) => sum + l.series.total, 0))} points.`}</p>
    </>
  );
}
