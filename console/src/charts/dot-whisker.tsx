import type { ReactNode } from "react";
import { count, fixed } from "../format.ts";
import { linear, niceDomain, niceTicks } from "./scale.ts";
import { useWidth } from "./visible.tsx";

export interface Whisker {
  readonly name: string;
  readonly rows: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Estimates with their intervals, one a row, against the overall figure. */
export function DotWhisker({ items, overall, label, unit }: { items: readonly Whisker[]; overall: number | null; label: string; unit: string }): ReactNode {
  const [ref, width] = useWidth();
  const rowHeight = 22;
  const names = 64;
  const tail = 72;
  const top = 6;
  const bottom = top + items.length * rowHeight;
  const domain = niceDomain(Math.min(...items.map((i) => i.low), overall ?? 1), Math.max(...items.map((i) => i.high), overall ?? 0));
  const x = linear(domain, [names + 8, Math.max(names + 60, width - tail)]);
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg className="chart" role="img" aria-label={label} height={bottom + 36} viewBox={`0 0 ${width} ${bottom + 36}`}>
          {niceTicks(domain[0], domain[1], 5).map((v) => (
            <g key={v}>
              <line className="grid" x1={x(v)} x2={x(v)} y1={top} y2={bottom} />
              <text x={x(v)} y={bottom + 16} textAnchor="middle">
                {fixed(v, 2)}
              </text>
            </g>
          ))}
          <text x={x(domain[1])} y={bottom + 31} textAnchor="end">
            {unit}
          </text>
          {overall === null ? null : <path className="line is-baseline" d={`M${x(overall)} ${top}V${bottom}`} />}
          {items.map((item, i) => {
            const y = top + (i + 0.5) * rowHeight;
            return (
              <g key={item.name}>
                <title>{`${item.name}: ${fixed(item.value)} (${fixed(item.low)} to ${fixed(item.high)}), ${count(item.rows)} rows`}</title>
                <text x={names} y={y} dy="0.35em" textAnchor="end">
                  {item.name}
                </text>
                <path className="line is-champion" d={`M${x(item.low)} ${y}H${x(item.high)}`} />
                <circle className="point is-champion" cx={x(item.value)} cy={y} r={3.5} />
                <text x={width} y={y} dy="0.35em" textAnchor="end">
                  {count(item.rows)}
                </text>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
