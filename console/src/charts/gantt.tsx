import type { ReactNode } from "react";
import type { PipelineStep } from "../../../src/server/api.ts";
import { duration } from "../format.ts";
import { linear, niceTicks } from "./scale.ts";
import { useWidth } from "./visible.tsx";

/** Steps over the seconds of their run. A cached step is a hollow mark: it took no time and says so. */
export function Gantt({
  steps,
  startedUs,
  endedUs,
  onPick,
  picked,
}: {
  steps: readonly PipelineStep[];
  startedUs: number;
  endedUs: number;
  onPick: (id: string) => void;
  picked: string | null;
}): ReactNode {
  const [ref, width] = useWidth();
  const rowHeight = 28;
  const names = width < 520 ? 120 : 200;
  const top = 4;
  const bottom = top + steps.length * rowHeight;
  const seconds = Math.max(0.001, (endedUs - startedUs) / 1e6);
  const x = linear([0, seconds], [names, Math.max(names + 40, width - 72)]);
  return (
    <div ref={ref}>
      {width === 0 ? null : (
        <svg className="chart gantt" role="group" aria-label="Steps over time" height={bottom + 24} viewBox={`0 0 ${width} ${bottom + 24}`}>
          {niceTicks(0, seconds, 6).map((v) => (
            <g key={v}>
              <line className="grid" x1={x(v)} x2={x(v)} y1={top} y2={bottom} />
              <text x={x(v)} y={bottom + 16} textAnchor="middle">
                {v === 0 ? "0" : duration(v)}
              </text>
            </g>
          ))}
          {steps.map((step, i) => {
            const from = x((step.startedUs - startedUs) / 1e6);
            const to = x(((step.endedUs ?? endedUs) - startedUs) / 1e6);
            const y = top + i * rowHeight;
            const took = ((step.endedUs ?? endedUs) - step.startedUs) / 1e6;
            const tail = step.cached ? "cached" : step.state === "failed" ? "failed" : duration(took);
            return (
              <g
                key={step.stepId}
                role="button"
                tabIndex={0}
                aria-pressed={picked === step.stepId}
                aria-label={`${step.stepId}: ${step.state}${step.cached ? ", cached" : ""}, ${duration(took)}${step.attempt > 1 ? `, attempt ${step.attempt}` : ""}`}
                className={`gantt-row is-${step.cached ? "cached" : step.state}`}
                onClick={() => onPick(step.stepId)}
                onKeyDown={(e) => {
                  if (e.key !== "Enter" && e.key !== " ") return;
                  e.preventDefault();
                  onPick(step.stepId);
                }}
              >
                <rect className="gantt-ground" x={0} y={y} width={width} height={rowHeight - 2} />
                <text x={names - 12} y={y + rowHeight / 2 - 1} dy="0.35em" textAnchor="end">
                  {step.stepId.length * 6 > names ? `${step.stepId.slice(0, Math.floor(names / 6.6))}…` : step.stepId}
                </text>
                {step.cached ? (
                  <rect className="gantt-bar" x={from} y={y + 8} width={10} height={10} transform={`rotate(45 ${from + 5} ${y + 13})`} />
                ) : (
                  <rect className="gantt-bar" x={from} y={y + 6} width={Math.max(2, to - from)} height={rowHeight - 14} rx={1.5} />
                )}
                <text x={Math.max(to, from + (step.cached ? 12 : 2)) + 8} y={y + rowHeight / 2 - 1} dy="0.35em">
                  {tail}
                </text>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
