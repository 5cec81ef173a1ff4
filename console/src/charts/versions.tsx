import type { ReactNode } from "react";
import { linear, niceDomain, niceTicks, type Scale } from "./scale.ts";
import { useWidth } from "./visible.tsx";

const names = 44;
const rowHeight = 28;
const top = 18;

interface Axis {
  readonly width: number;
  readonly bottom: number;
  readonly x: Scale;
  readonly unit: string;
  readonly tick: (value: number) => string;
}

function axisOf(width: number, rows: number, values: readonly number[], unit: string, tick: (value: number) => string): Axis {
  const domain = niceDomain(Math.min(...values), Math.max(...values));
  return { width, bottom: top + rows * rowHeight, x: linear(domain, [names + 8, Math.max(names + 60, width - 14)]), unit, tick };
}

function Grid({ width, bottom, x, unit, tick }: Axis): ReactNode {
  return (
    <>
      {niceTicks(x.domain[0], x.domain[1], width < 420 ? 3 : 5).map((v) => (
        <g key={v}>
          <line className="grid" x1={x(v)} x2={x(v)} y1={top} y2={bottom} />
          <text x={x(v)} y={bottom + 16} textAnchor="middle">
            {tick(v)}
          </text>
        </g>
      ))}
      <text x={width - 2} y={bottom + 33} textAnchor="end">
        {unit}
      </text>
    </>
  );
}

export interface Gain {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** What may be lost, at least 0. */
  readonly margin: number;
}

/** What each version gains over the champion, with its interval; the champion is the line at 0, and left of the margin's mark a version is worse. */
export function Gains({ items, label, unit, tick }: { items: readonly Gain[]; label: string; unit: string; tick: (value: number) => string }): ReactNode {
  const [ref, width] = useWidth();
  const axis = axisOf(width, items.length, [0, ...items.flatMap(({ low, high, margin }) => [low, high, -margin])], unit, tick);
  const { x, bottom } = axis;
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg className="chart" role="img" aria-label={label} height={bottom + 38} viewBox={`0 0 ${width} ${bottom + 38}`}>
          <Grid {...axis} />
          <path className="line is-champion" d={`M${x(0)} ${top}V${bottom}`} />
          {items.map(({ name, value, low, high, margin }, i) => {
            const y = top + (i + 0.5) * rowHeight;
            return (
              <g key={name}>
                <title>{`${name}: ${tick(value)} (${tick(low)} to ${tick(high)}), may lose ${tick(margin)}`}</title>
                <text x={names} y={y} dy="0.35em" textAnchor="end">
                  {name}
                </text>
                <path className="line is-threshold" d={`M${x(-margin)} ${y - rowHeight / 2}v${rowHeight}`} />
                <path className="line is-challenger" d={`M${x(low)} ${y}H${x(high)}`} />
                <circle className="point is-challenger" cx={x(value)} cy={y} r={3.5} />
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

export interface Spread {
  readonly name: string;
  readonly isChampion: boolean;
  /** Median, 95th and 99th percentile. */
  readonly marks: readonly [number, number, number];
}

/** How each version's times are spread: from the median (filled) by the 95th percentile to the 99th. */
export function Spreads({ items, label, unit, tick }: { items: readonly Spread[]; label: string; unit: string; tick: (value: number) => string }): ReactNode {
  const [ref, width] = useWidth();
  const axis = axisOf(width, items.length, [0, ...items.flatMap(({ marks }) => marks)], unit, tick);
  const { x, bottom } = axis;
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg className="chart" role="img" aria-label={label} height={bottom + 38} viewBox={`0 0 ${width} ${bottom + 38}`}>
          <Grid {...axis} />
          {items.map(({ name, isChampion, marks: [median, p95, p99] }, i) => {
            const y = top + (i + 0.5) * rowHeight;
            const colour = isChampion ? "is-champion" : "is-challenger";
            return (
              <g key={name}>
                <title>{`${name}: median ${tick(median)}, 95 % within ${tick(p95)}, 99 % within ${tick(p99)} ${unit}`}</title>
                <text x={names} y={y} dy="0.35em" textAnchor="end">
                  {name}
                </text>
                <path className={`line ${colour}`} d={`M${x(median)} ${y}H${x(p99)}M${x(p95)} ${y - 4}v8M${x(p99)} ${y - 6}v12`} />
                <circle className={`point ${colour}`} cx={x(median)} cy={y} r={3.5} />
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
