import { useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { figure } from "../format.ts";
import { linear, niceTicks, timeTicks, type Scale } from "./scale.ts";
import { useWidth } from "./visible.tsx";

export interface Area {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Data x under the pointer or the keyboard's cursor. */
  readonly at: number | null;
}

export interface PlotProps {
  /** What a person who cannot see it should know. */
  readonly label: string;
  readonly height: number;
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly time?: boolean;
  readonly xTitle?: string;
  readonly yTitle?: string;
  readonly xFormat?: (value: number) => string;
  readonly yFormat?: (value: number) => string;
  /** Values to mark, where round ones are not wanted. */
  readonly yTicks?: readonly number[];
  /** Values of x that can be read off, ascending; enables the cursor. */
  readonly stops?: readonly number[];
  readonly readout?: (x: number) => ReactNode;
  /** Shown in place of a reading while nothing is pointed at. */
  readonly legend?: ReactNode;
  readonly square?: boolean;
  readonly children: (area: Area) => ReactNode;
}

/** Axes like an instrument's scale, with a cursor that pointer and arrow keys move. */
export function Plot(props: PlotProps): ReactNode {
  const [ref, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const height = props.square === true ? Math.min(Math.max(width, 200), 320) : props.height;
  const left = 44;
  const right = Math.max(left + 40, (props.square === true ? Math.min(width, height + 24) : width) - 8);
  const top = 10;
  const bottom = height - (props.xTitle === undefined ? 22 : 38);
  const x = linear(props.x, [left, right]);
  const y = linear(props.y, [bottom, top]);
  const wanted = Math.max(2, Math.floor((right - left) / 84));
  const xTicks =
    props.time === true
      ? timeTicks(props.x[0], props.x[1], wanted)
      : niceTicks(props.x[0], props.x[1], wanted).map((v) => ({ at: v, label: (props.xFormat ?? figure)(v) }));
  const yTicks = props.yTicks ?? niceTicks(props.y[0], props.y[1], Math.max(2, Math.floor((bottom - top) / 44)));
  const stops = props.stops ?? [];

  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const value = x.invert(event.clientX - box.left);
    setAt(nearest(stops, value));
  };
  const press = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0 || stops.length === 0) return;
    event.preventDefault();
    const from = at === null ? (step === 1 ? -1 : stops.length) : stops.indexOf(at);
    setAt(stops[Math.min(stops.length - 1, Math.max(0, from + step))] ?? null);
  };
  const reading = at !== null && props.readout !== undefined ? props.readout(at) : null;
  const cursor = stops.length > 0 ? { tabIndex: 0, onPointerMove: point, onPointerLeave: () => setAt(null), onKeyDown: press, onBlur: () => setAt(null) } : {};
  return (
    <div ref={ref}>
      {props.readout === undefined && props.legend === undefined ? null : (
        <div className="readout" aria-live="polite">
          {reading ?? props.legend}
        </div>
      )}
      {width === 0 ? (
        <div style={{ height }} />
      ) : (
        <svg className="chart" role="img" aria-label={props.label} height={height} viewBox={`0 0 ${width} ${height}`} {...cursor}>
          {yTicks.map((v) => (
            <g key={v}>
              <line className="grid" x1={left} x2={right} y1={y(v)} y2={y(v)} />
              <text x={left - 8} y={y(v)} dy="0.35em" textAnchor="end">
                {(props.yFormat ?? figure)(v)}
              </text>
            </g>
          ))}
          <line className="axis" x1={left} x2={right} y1={bottom} y2={bottom} />
          {xTicks.map((t) => (
            <g key={t.at}>
              <line className="tick" x1={x(t.at)} x2={x(t.at)} y1={bottom} y2={bottom + 4} />
              <text x={x(t.at)} y={bottom + 16} textAnchor="middle">
                {t.label}
              </text>
            </g>
          ))}
          {props.xTitle === undefined ? null : (
            <text x={right} y={bottom + 32} textAnchor="end">
              {props.xTitle}
            </text>
          )}
          {props.yTitle === undefined ? null : (
            <text x={left} y={top - 2} textAnchor="start" dy="-0.2em">
              {props.yTitle}
            </text>
          )}
          {props.children({ x, y, left, right, top, bottom, at })}
          {at === null ? null : <line className="crosshair" x1={x(at)} x2={x(at)} y1={top} y2={bottom} />}
        </svg>
      )}
    </div>
  );
}

function nearest(stops: readonly number[], value: number): number | null {
  let best: number | null = null;
  for (const stop of stops) if (best === null || Math.abs(stop - value) < Math.abs(best - value)) best = stop;
  return best;
}
