import type { ReactNode } from "react";
import type { PipelineStep } from "../../../src/server/api.ts";
import { duration } from "../format.ts";
import { linear, secondTicks } from "./scale.ts";
import { useWidth } from "./visible.tsx";

/** A row: one step, or the same step of many days in one line. */
export interface GanttRow {
  readonly id: string;
  readonly steps: readonly PipelineStep[];
}

const rowHeight = 28;

/** Steps over the seconds of their run. A cached step is a hollow mark: it took no time and says so. */
export function Gantt({
  rows,
  startedUs,
  endedUs,
  onPick,
  picked,
}: {
  rows: readonly GanttRow[];
  startedUs: number;
  endedUs: number;
  onPick: (id: string) => void;
  picked: string | null;
}): ReactNode {
  const [ref, width] = useWidth();
  const names = width < 520 ? 120 : 200;
  const top = 4;
  const bottom = top + rows.length * rowHeight;
  const seconds = Math.max(0.001, (endedUs - startedUs) / 1e6);
  const x = linear([0, seconds], [names, Math.max(names + 40, width - 72)]);
  const at = (us: number): number => x((us - startedUs) / 1e6);
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg className="chart gantt" role="group" aria-label="Steps over time" height={bottom + 24} viewBox={`0 0 ${width} ${bottom + 24}`}>
          {secondTicks(seconds, Math.max(2, Math.floor((width - names) / 90))).map((v) => (
            <g key={v}>
              <line className="grid" x1={x(v)} x2={x(v)} y1={top} y2={bottom} />
              <text x={x(v)} y={bottom + 16} textAnchor="middle">
                {v === 0 ? "0" : v % 60 === 0 ? `${v / 60} min` : duration(v)}
              </text>
            </g>
          ))}
          {rows.map((row, i) => (
            <Row
              key={row.id}
              row={row}
              y={top + i * rowHeight}
              names={names}
              width={width}
              at={at}
              endedUs={endedUs}
              isPicked={picked === row.id}
              onPick={() => onPick(row.id)}
            />
          ))}
        </svg>
      )}
    </div>
  );
}

interface RowProps {
  readonly row: GanttRow;
  readonly y: number;
  readonly names: number;
  readonly width: number;
  readonly at: (us: number) => number;
  readonly endedUs: number;
  readonly isPicked: boolean;
  readonly onPick: () => void;
}

function Row({ row, y, names, width, at, endedUs, isPicked, onPick }: RowProps): ReactNode {
  const { steps } = row;
  const took = steps.reduce((sum, s) => sum + ((s.endedUs ?? endedUs) - s.startedUs), 0) / 1e6;
  const one = steps.length === 1 ? steps[0]! : undefined;
  const last = Math.max(...steps.map((s) => at(s.endedUs ?? endedUs)));
  const tail =
    one?.cached === true
      ? "cached"
      : one?.state === "failed"
        ? "failed"
        : one === undefined
          ? `${steps.length} × ${duration(took / steps.length)}`
          : duration(took);
  const room = Math.floor((names - 12) / 6.4);
  const said =
    one === undefined
      ? `${row.id}: ${steps.length} steps, ${duration(took)}`
      : `${one.stepId}: ${one.state}${one.cached ? ", cached" : ""}, ${duration(took)}${one.attempt > 1 ? `, attempt ${one.attempt}` : ""}`;
  return (
    <g
      role="button"
      tabIndex={0}
      aria-pressed={isPicked}
      aria-label={said}
      className="gantt-row"
      onClick={onPick}
      onKeyDown={(e) => {
        if (e.key !== "Enter" && e.key !== " ") return;
        e.preventDefault();
        onPick();
      }}
    >
      <rect className="gantt-ground" x={0} y={y} width={width} height={rowHeight - 2} />
      <text x={names - 12} y={y + rowHeight / 2 - 1} dy="0.35em" textAnchor="end">
        {row.id.length > room ? `${row.id.slice(0, room - 1)}…` : row.id}
      </text>
      {steps.map((step) => {
        const from = at(step.startedUs);
        return step.cached ? (
          <rect key={step.stepId} className="gantt-bar is-cached" x={from} y={y + 8} width={10} height={10} transform={`rotate(45 ${from + 5} ${y + 13})`} />
        ) : (
          <rect
            key={step.stepId}
            className={`gantt-bar is-${step.state}`}
            x={from}
            y={y + 6}
            width={Math.max(1.5, at(step.endedUs ?? endedUs) - from - (one === undefined ? 0.5 : 0))}
            height={rowHeight - 14}
            rx={one === undefined ? 0 : 1.5}
          />
        );
      })}
      <text x={Math.max(last, at(steps[0]!.startedUs) + (one?.cached === true ? 12 : 2)) + 8} y={y + rowHeight / 2 - 1} dy="0.35em">
        {tail}
      </text>
    </g>
  );
}
