import type { ReactNode } from "react";
import type { MetricSeries } from "../../../src/server/api-runs.ts";
import { Plot } from "../charts/plot.tsx";
import { bandPath, extent, linePath, niceDomain } from "../charts/scale.ts";
import { count, figure, moment, duration } from "../format.ts";
import { smoothed } from "./smoothing.ts";

export type XAxis = "step" | "time" | "elapsed";

export interface SeriesLine {
  readonly id: string;
  readonly name: string;
  /** Which of the series colours; each has a dash of its own too. */
  readonly colour: number;
  readonly series: MetricSeries;
}

const seriesColours = 8;
/** More are drawn in the colours of the first again, told apart by their dashes. */
const dashes = [undefined, "6 3", "2 3"] as const;

export function colourClass(colour: number): string {
  return `is-s${colour % seriesColours}`;
}

export function dashOf(colour: number): string | undefined {
  return dashes[Math.floor(colour / seriesColours) % dashes.length];
}

/** Curves of a metric over steps or time, with the band of what a thinned stretch holds. */
export function SeriesChart({
  title,
  lines,
  axis,
  smoothing,
  height = 220,
}: {
  title: string;
  lines: readonly SeriesLine[];
  axis: XAxis;
  smoothing: number;
  height?: number;
}): ReactNode {
  const drawn = lines.map((line) => {
    const start = axis === "elapsed" ? (line.series.x[0] ?? 0) : 0;
    // Milliseconds on the wire; scales of time work in microseconds.
    const x = line.series.x.map((v) => (axis === "step" ? v : axis === "time" ? v * 1000 : (v - start) / 1000));
    return { ...line, x, y: smoothed(line.series.y, smoothing) };
  });
  const xs = extent(drawn.flatMap((d) => [d.x[0], d.x.at(-1)])) ?? [0, 1];
  const ys = extent(drawn.flatMap((d) => [...d.series.y, ...d.series.low, ...d.series.high])) ?? [0, 1];
  const stops = [...new Set(drawn.flatMap((d) => d.x))].sort((a, b) => a - b);
  const place = (x: number): string => (axis === "step" ? `step ${count(x)}` : axis === "time" ? moment(x) : `after ${duration(x)}`);
  return (
    <Plot
      label={`${title} by ${axis}, ${lines.map((l) => l.name).join(", ")}`}
      height={height}
      x={xs[0] === xs[1] ? [xs[0] - 0.5, xs[0] + 0.5] : xs}
      y={niceDomain(ys[0], ys[1])}
      time={axis === "time"}
      xTitle={axis === "elapsed" ? "seconds since its first point" : axis === "time" ? "time, UTC" : "step"}
      stops={stops}
      legend={<Legend lines={lines} />}
      readout={(x) => (
        <>
          <span>{place(x)}</span>
          {drawn.map((d) => {
            const i = nearestIndex(d.x, x);
            return i === -1 ? null : (
              <span key={d.id}>
                {lines.length === 1 ? "" : `${d.name} `}
                <b>{figure(d.y[i])}</b>
                {d.series.thinned ? ` (${figure(d.series.low[i])} to ${figure(d.series.high[i])})` : ""}
              </span>
            );
          })}
        </>
      )}
    >
      {(a) => (
        <>
          {drawn.map((d) =>
            d.series.thinned ? (
              <path
                key={`band ${d.id}`}
                className={`area ${colourClass(d.colour)}`}
                d={bandPath(
                  d.x.map((x, i) => ({ x, low: d.series.low[i] ?? null, high: d.series.high[i] ?? null })),
                  a.x,
                  a.y,
                )}
              />
            ) : smoothing > 0 ? (
              <path
                key={`raw ${d.id}`}
                className={`line is-light ${colourClass(d.colour)}`}
                d={linePath(
                  d.x.map((x, i) => [x, d.series.y[i] ?? null]),
                  a.x,
                  a.y,
                )}
              />
            ) : null,
          )}
          {drawn.map((d) =>
            d.x.length === 1 ? (
              <circle key={d.id} className={`point ${colourClass(d.colour)}`} cx={a.x(d.x[0]!)} cy={a.y(d.y[0] ?? ys[0])} r={3} />
            ) : (
              <path
                key={d.id}
                className={`line ${colourClass(d.colour)}`}
                strokeDasharray={dashOf(d.colour)}
                d={linePath(
                  d.x.map((x, i) => [x, d.y[i] ?? null]),
                  a.x,
                  a.y,
                )}
              />
            ),
          )}
        </>
      )}
    </Plot>
  );
}

function Legend({ lines }: { lines: readonly Pick<SeriesLine, "id" | "name" | "colour">[] }): ReactNode {
  return (
    <span className="legend">
      {lines.slice(0, 20).map((l) => (
        <span key={l.id}>
          <svg viewBox="0 0 20 10" aria-hidden="true">
            <path className={`line ${colourClass(l.colour)}`} strokeDasharray={dashOf(l.colour)} d="M0 5H20" />
          </svg>
          {l.name}
        </span>
      ))}
    </span>
  );
}

/** What a chart leaves out, in words; undefined if it shows every point. */
export function thinningNote(series: readonly MetricSeries[]): string | undefined {
  const parts = series.flatMap((s) => [
    ...(s.thinned ? [`${count(s.total)} points in ${count(s.x.length)} stretches: the line is their mean, the band their lowest and highest`] : []),
    ...(s.notFinite > 0 ? [`${count(s.notFinite)} of ${count(s.total)} are NaN or infinite and not drawn`] : []),
  ]);
  return parts.length === 0 ? undefined : [...new Set(parts)].join("; ");
}

function nearestIndex(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length - 1;
  if (high < 0 || x < xs[0]! || x > xs[high]!) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  return x - xs[low]! <= xs[high]! - x ? low : high;
}
