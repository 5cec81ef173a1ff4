import type { ReactNode } from "react";
import { count, percent } from "../format.ts";
import { linear } from "./scale.ts";
import { useWidth } from "./visible.tsx";

export interface BinnedBar {
  readonly label: string;
  /** Share of the reference's rows, 0 to 1; absent where there is only one distribution. */
  readonly reference?: number;
  readonly current: number;
  readonly isNull?: boolean;
}

/** Distribution over named bins: reference filled, current as an outline over it. Null sits apart at the right. */
export function Bins({ bars, height = 84, label }: { bars: readonly BinnedBar[]; height?: number; label: string }): ReactNode {
  const [ref, width] = useWidth();
  const bottom = height - 18;
  const top = 4;
  const highest = Math.max(1e-9, ...bars.map((b) => Math.max(b.current, b.reference ?? 0)));
  const y = linear([0, highest], [bottom, top]);
  const hasNull = bars.at(-1)?.isNull === true;
  const gap = hasNull ? 10 : 0;
  const step = (width - gap) / Math.max(1, bars.length);
  const first = bars.find((b) => b.isNull !== true)?.label ?? "";
  const last = bars.findLast((b) => b.isNull !== true)?.label ?? "";
  const isPair = bars.some((b) => b.reference !== undefined);
  return (
    <div ref={ref}>
      {width === 0 ? (
        <div style={{ height }} />
      ) : (
        <svg className="chart" role="img" aria-label={label} height={height} viewBox={`0 0 ${width} ${height}`}>
          {bars.map((bar, i) => {
            const left = i * step + (bar.isNull === true ? gap : 0);
            const inner = Math.max(1, step - Math.min(2, step * 0.2));
            return (
              <g key={bar.label}>
                <title>
                  {isPair ? `${bar.label}: reference ${percent(bar.reference)}, current ${percent(bar.current)}` : `${bar.label}: ${count(bar.current)}`}
                </title>
                <rect x={left} y={top} width={step} height={bottom - top} fill="transparent" />
                {isPair ? (
                  <>
                    <rect className="bar-reference" x={left + 0.5} width={inner - 1} y={y(bar.reference ?? 0)} height={bottom - y(bar.reference ?? 0)} />
                    <path className="bar-current" d={`M${left} ${y(bar.current)}H${left + inner}`} />
                    <path className="bar-current" strokeOpacity={0.35} d={`M${left + inner / 2} ${y(bar.current)}V${bottom}`} />
                  </>
                ) : (
                  <rect
                    className={bar.isNull === true ? "bar is-null" : "bar"}
                    x={left}
                    width={inner}
                    y={y(bar.current)}
                    height={Math.max(bar.current > 0 ? 1 : 0, bottom - y(bar.current))}
                  />
                )}
              </g>
            );
          })}
          <line className="axis" x1={0} x2={width} y1={bottom} y2={bottom} />
          <text x={0} y={height - 4}>
            {clip(first, width / 2)}
          </text>
          <text x={width - (hasNull ? step + gap : 0)} y={height - 4} textAnchor="end">
            {first === last ? "" : clip(last, width / 2)}
          </text>
          {hasNull && step > 14 ? (
            <text x={width - step / 2} y={height - 4} textAnchor="middle">
              null
            </text>
          ) : null}
        </svg>
      )}
    </div>
  );
}

function clip(text: string, width: number): string {
  const room = Math.max(4, Math.floor(width / 6.5));
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}

/** A share as a bar with, if given, its limit drawn in. */
export function Meter({ value, limit, tone = "", label }: { value: number; limit?: number; tone?: string; label: string }): ReactNode {
  const share = Math.min(1, Math.max(0, value));
  return (
    <svg className="meter" role="img" aria-label={label} viewBox="0 0 100 8" preserveAspectRatio="none">
      <rect className="ground" width="100" height="8" />
      <rect className={`bar ${tone}`} width={share * 100} height="8" />
      {limit === undefined ? null : <path className="line is-threshold" vectorEffect="non-scaling-stroke" d={`M${Math.min(1, limit) * 100} 0V8`} />}
    </svg>
  );
}

/** Horizontal bars with their names at the left and figures at the right, longest first as given. */
export function RankedBars({
  rows,
  label,
}: {
  rows: readonly { readonly name: string; readonly value: number; readonly text: string }[];
  label: string;
}): ReactNode {
  const [ref, width] = useWidth();
  const rowHeight = 20;
  const names = Math.min(220, width * 0.45);
  const highest = Math.max(1e-12, ...rows.map((r) => r.value));
  const x = linear([0, highest], [names + 12, Math.max(names + 20, width - 64)]);
  const height = rows.length * rowHeight + 4;
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg className="chart" role="img" aria-label={label} height={height} viewBox={`0 0 ${width} ${height}`}>
          {rows.map((row, i) => (
            <g key={row.name} transform={`translate(0 ${i * rowHeight})`}>
              <text x={names} y={rowHeight / 2} dy="0.35em" textAnchor="end">
                {clip(row.name, names)}
              </text>
              <rect className="bar is-champion" x={names + 12} y={5} width={Math.max(1, x(row.value) - names - 12)} height={10} />
              <text x={x(row.value) + 6} y={rowHeight / 2} dy="0.35em">
                {row.text}
              </text>
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}
