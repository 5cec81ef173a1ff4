import type { ReactNode } from "react";
import { figure } from "../format.ts";
import { linear } from "./scale.ts";
import { useWidth } from "./visible.tsx";

export interface WaterfallStep {
  readonly name: string;
  readonly value: string;
  /** Signed; the next step begins where this one ends. */
  readonly change: number;
}

const rowHeight = 22;

/** From a baseline, step by step, to a result: each bar begins where the one above ended. Up wears the accent, down the ink: the colours of versions keep their meaning. */
export function Waterfall({ baseline, steps, result, label }: { baseline: number; steps: readonly WaterfallStep[]; result: number; label: string }): ReactNode {
  const [ref, width] = useWidth();
  const ends = steps.reduce<number[]>((sums, { change }) => [...sums, sums.at(-1)! + change], [baseline]);
  const low = Math.min(...ends, result);
  const high = Math.max(...ends, result);
  const names = Math.min(260, width * 0.48);
  const x = linear([low, high === low ? low + 1 : high], [names + 16, Math.max(names + 40, width - 70)]);
  const height = (steps.length + 2) * rowHeight + 4;
  const middle = rowHeight / 2;
  return (
    <div ref={ref}>
      {width === 0 ? (
        <div style={{ height }} />
      ) : (
        <svg className="chart" role="img" aria-label={label} height={height} viewBox={`0 0 ${width} ${height}`}>
          <Total y={0} name="average" value={baseline} at={x(baseline)} names={names} />
          {steps.map((step, i) => {
            const from = x(ends[i]!);
            const to = x(ends[i + 1]!);
            const left = Math.min(from, to);
            return (
              <g key={step.name} transform={`translate(0 ${(i + 1) * rowHeight})`}>
                <title>{`${step.name} = ${step.value}: ${signed(step.change)}`}</title>
                <text x={names} y={middle} dy="0.35em" textAnchor="end">
                  {clip(`${step.name} = ${step.value}`, names)}
                </text>
                <path className="axis" d={`M${from} ${-middle + 1}V${rowHeight - 4}`} />
                <rect className={step.change >= 0 ? "bar is-up" : "bar"} x={left} y={5} width={Math.max(1, Math.abs(to - from))} height={12} />
                <text x={Math.max(from, to) + 5} y={middle} dy="0.35em">
                  {signed(step.change)}
                </text>
              </g>
            );
          })}
          <Total y={(steps.length + 1) * rowHeight} name="this prediction" value={result} at={x(result)} names={names} />
        </svg>
      )}
    </div>
  );
}

function Total({ y, name, value, at, names }: { y: number; name: string; value: number; at: number; names: number }): ReactNode {
  return (
    <g transform={`translate(0 ${y})`}>
      <text x={names} y={rowHeight / 2} dy="0.35em" textAnchor="end">
        {name}
      </text>
      <path className="line is-baseline" d={`M${at} 3V${rowHeight - 3}`} />
      <text x={at + 5} y={rowHeight / 2} dy="0.35em">
        {figure(value)}
      </text>
    </g>
  );
}

function signed(change: number): string {
  return `${change >= 0 ? "+" : "−"}${figure(Math.abs(change))}`;
}

function clip(text: string, width: number): string {
  const room = Math.max(6, Math.floor(width / 6.5));
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}
