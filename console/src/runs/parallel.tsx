import type { ReactNode } from "react";
import { extent, linear, niceDomain, niceTicks } from "../charts/scale.ts";
import { useWidth } from "../charts/visible.tsx";
import { figure } from "../format.ts";
import { colourClass, dashOf } from "./series-chart.tsx";

export interface Axis {
  readonly id: string;
  readonly name: string;
  /** By run: a number, a word, or nothing. */
  readonly values: readonly (number | string | null)[];
}

export interface ComparedRun {
  readonly runId: string;
  readonly name: string;
  readonly colour: number;
}

const height = 300;
const top = 40;
const bottom = height - 26;

/** Every run a line across the axes; words stand in the order of their alphabet. */
export function Parallel({ runs, axes, highlighted }: { runs: readonly ComparedRun[]; axes: readonly Axis[]; highlighted: string | null }): ReactNode {
  const [ref, width] = useWidth();
  const needed = Math.max(width, axes.length * 96);
  const at = (i: number): number => (axes.length === 1 ? needed / 2 : 44 + (i * (needed - 104)) / (axes.length - 1));
  const scales = axes.map(placesOf);
  return (
    <div ref={ref} className="scroll" tabIndex={0} role="region" aria-label="Parallel coordinates">
      {width === 0 ? (
        <div style={{ height }} />
      ) : (
        <svg
          className="chart"
          role="img"
          aria-label={`${runs.length} runs across ${axes.map((a) => a.name).join(", ")}`}
          style={{ width: needed }}
          height={height}
          viewBox={`0 0 ${needed} ${height}`}
        >
          {axes.map((axis, i) => (
            <g key={axis.id}>
              <text
                x={at(i)}
                y={i % 2 === 0 ? 12 : 26}
                textAnchor={i === 0 ? "start" : i === axes.length - 1 ? "end" : "middle"}
                dx={i === 0 ? -40 : i === axes.length - 1 ? 56 : 0}
              >
                {axis.name.length > 24 ? `${axis.name.slice(0, 23)}…` : axis.name}
              </text>
              <line className="axis" x1={at(i)} x2={at(i)} y1={top} y2={bottom} />
            </g>
          ))}
          {runs.map((run, r) => (
            <path
              key={run.runId}
              className={`line ${colourClass(run.colour)} ${highlighted === null ? "" : highlighted === run.runId ? "is-strong" : "is-faint"}`}
              strokeDasharray={dashOf(run.colour)}
              d={pathOf(axes.map((axis, i) => [at(i), scales[i]!.place(axis.values[r] ?? null)]))}
            >
              <title>{`${run.name}: ${axes.map((a) => `${a.name} ${valueText(a.values[r] ?? null)}`).join(", ")}`}</title>
            </path>
          ))}
          {axes.map((axis, i) => (
            <g key={axis.id} className="over-lines">
              {scales[i]!.ticks.map((t) => (
                <text key={t.label} x={at(i) + 6} y={t.y} dy="0.35em">
                  {t.label.length > 10 ? `${t.label.slice(0, 9)}…` : t.label}
                </text>
              ))}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

function placesOf(axis: Axis): { place: (value: number | string | null) => number | null; ticks: { y: number; label: string }[] } {
  const present = axis.values.filter((v) => v !== null);
  if (present.every((v) => typeof v === "number")) {
    const [low, high] = extent(present) ?? [0, 1];
    const scale = linear(niceDomain(low, high), [bottom, top]);
    return {
      place: (v) => (typeof v === "number" && Number.isFinite(v) ? scale(v) : null),
      ticks: niceTicks(scale.domain[0], scale.domain[1], 4).map((t) => ({ y: scale(t), label: figure(t) })),
    };
  }
  const words = [...new Set(present.map(String))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const y = (i: number): number => (words.length === 1 ? (top + bottom) / 2 : bottom - (i * (bottom - top)) / (words.length - 1));
  return { place: (v) => (v === null ? null : y(words.indexOf(String(v)))), ticks: words.length > 24 ? [] : words.map((label, i) => ({ y: y(i), label })) };
}

/** A run without a value on an axis goes round it. */
function pathOf(points: readonly (readonly [number, number | null])[]): string {
  return points
    .filter((p) => p[1] !== null)
    .map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y!.toFixed(1)}`)
    .join("");
}

export function valueText(value: number | string | null): string {
  return value === null ? "–" : typeof value === "number" ? figure(value) : value;
}
