import type { ReactNode } from "react";
import type { Signal, StoredSheet } from "../../../src/server/path-api.ts";
import { linear } from "../charts/scale.ts";
import { figure } from "../format.ts";

const box = { width: 260, height: 76, top: 6, bottom: 14 };

/** Small multiples, one a signal, each with the limit that sampling or agreement sets. */
export function Signals({ sheet }: { sheet: StoredSheet["sheet"] }): ReactNode {
  return (
    <>
      <div className="small-multiples signals">
        {sheet.signals.map((signal) => (
          <figure key={signal.id}>
            <figcaption>
              <h3>{signal.title}</h3>
            </figcaption>
            <Spark signal={signal} log={sheet.log.map(({ window }) => window)} />
          </figure>
        ))}
      </div>
      <ol className="news is-wide">
        {sheet.log.map(({ window, text }) => (
          <li key={`${window}${text}`}>
            <time>day {window}</time>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

function Spark({ signal, log }: { signal: Signal; log: readonly number[] }): ReactNode {
  const { values, limits, unit } = signal;
  const known = values.filter((v): v is number => v !== null);
  const bound = limits.filter((v): v is number => v !== null);
  const high = Math.max(...known, ...bound.map((b) => b * 1.15), 1e-9);
  const x = linear([1, values.length], [6, box.width - 6]);
  const y = linear([0, high], [box.height - box.bottom, box.top]);
  const over = (i: number): boolean => values[i] !== null && limits[i] != null && values[i]! > limits[i];
  const days = values.flatMap((_, i) => (over(i) ? [i + 1] : []));
  const path = (points: readonly (number | null)[]): string =>
    points.map((v, i) => (v === null ? "" : `${i === 0 || points[i - 1] === null ? "M" : "L"}${x(i + 1).toFixed(1)} ${y(v).toFixed(1)}`)).join("");
  return (
    <svg
      className="chart spark"
      viewBox={`0 0 ${box.width} ${box.height}`}
      role="img"
      aria-label={`${signal.title}, at most ${figure(Math.max(...known))} ${unit}; ${days.length === 0 ? "never over its limit" : `over its limit on day ${days.join(", ")}`}`}
    >
      {log.map((window, i) => (
        <line key={`${window}${i}`} className="mark-line" x1={x(window)} x2={x(window)} y1={box.height - box.bottom} y2={box.height - box.bottom + 5} />
      ))}
      <line className="axis" x1="0" x2={box.width} y1={box.height - box.bottom} y2={box.height - box.bottom} />
      <path className="line is-threshold" d={path(limits)} />
      <path className="line" d={path(values)} />
      {values.map((value, i) =>
        value === null ? null : (
          <circle key={`${i}`} className={over(i) ? "point is-over" : "point is-under"} cx={x(i + 1)} cy={y(value)} r={over(i) ? 3 : 1.4} />
        ),
      )}
      <text x="0" y={box.height - 2}>
        day 1
      </text>
      <text x={box.width} y={box.height - 2} textAnchor="end">
        day {values.length}
      </text>
      <text x={box.width / 2} y={box.height - 2} textAnchor="middle">
        max {figure(Number(Math.max(...known).toPrecision(3)))} {unit}
      </text>
    </svg>
  );
}
